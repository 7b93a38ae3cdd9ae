//! Where a connection stands (RFC 1939 §3), each state with what it knows. UPDATE is what QUIT makes of TRANSACTION.

use crate::{In, Refusal};

/// A connection, where a server knows a `T` of somebody who has logged in.
#[derive(Debug)]
pub enum Session<T> {
    /// Before the login (RFC 1939 §4).
    Authorization,
    /// After USER (RFC 1939 §7).
    Named(Box<str>),
    /// After the login (RFC 1939 §5).
    Transaction(T),
}

impl<T> Session<T> {
    /// Whether a command may stand here.
    ///
    /// # Errors
    /// The refusal that says why not.
    pub fn check(&self, allowed: In) -> Result<(), Refusal> {
        match (allowed, self) {
            (In::Any, _)
            | (In::Authorization, Session::Authorization | Session::Named(_))
            | (In::Named, Session::Named(_))
            | (In::Transaction, Session::Transaction(_)) => Ok(()),
            (In::Named, Session::Authorization) => Err(Refusal::UserFirst),
            (In::Transaction, _) => Err(Refusal::LoginFirst),
            (_, Session::Transaction(_)) => Err(Refusal::LoggedIn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_allowed_in_their_states() {
        let states = [
            Session::Authorization,
            Session::Named("a".into()),
            Session::Transaction(()),
        ];
        let wanted = [
            (In::Any, [Ok(()), Ok(()), Ok(())]),
            (In::Authorization, [Ok(()), Ok(()), Err(Refusal::LoggedIn)]),
            (
                In::Named,
                [Err(Refusal::UserFirst), Ok(()), Err(Refusal::LoggedIn)],
            ),
            (
                In::Transaction,
                [Err(Refusal::LoginFirst), Err(Refusal::LoginFirst), Ok(())],
            ),
        ];
        for (allowed, results) in wanted {
            let got = [0, 1, 2].map(|at: usize| states[at].check(allowed));
            assert_eq!(got, results, "{allowed:?}");
        }
    }
}
