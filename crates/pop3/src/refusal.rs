//! Everything that is refused, with its words and response codes (RFC 2449 §8, RFC 3206).

use bytes::{BufMut, BytesMut};

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line over [`crate::COMMAND_LINE`].
    LineTooLong,
    /// No such command.
    UnknownCommand,
    /// The arguments do not have the command's form; what was wanted.
    Syntax(&'static str),
    /// Nobody has logged in.
    LoginFirst,
    /// PASS without USER.
    UserFirst,
    /// USER, PASS or STLS after the login.
    LoggedIn,
    /// No message has the number.
    NoSuchMessage,
    /// The message is marked as deleted (RFC 1939 §5).
    Deleted,
    /// Wrong name or password; which of them is not said.
    WrongPassword,
    /// Another POP3 session has the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// Passwords are not taken without TLS (RFC 2595 §2.1).
    TlsRequired,
    /// TLS is on already (RFC 2595 §4).
    TlsOn,
    /// There is no certificate, or the listener does not offer TLS.
    TlsUnavailable,
    /// The accounts cannot be asked now (RFC 3206 §4).
    LoginUnavailable,
    /// The store failed.
    StoreFailed,
    /// Not all marked messages could be deleted (RFC 1939 §6).
    NotAllDeleted,
    /// Too many refused commands or logins on this connection.
    TooManyErrors,
    /// Nothing came for ten minutes (RFC 1939 §3).
    TimedOut,
    /// The server goes down.
    ShuttingDown,
}

impl Refusal {
    /// Prints the reply that says so.
    pub fn print(self, out: &mut BytesMut) {
        out.put_slice(b"-ERR ");
        out.put_slice(self.words().as_bytes());
        if let Refusal::Syntax(wanted) = self {
            out.put_slice(wanted.as_bytes());
        }
        out.put_slice(b"\r\n");
    }

    fn words(self) -> &'static str {
        match self {
            Refusal::LineTooLong => "Line too long",
            Refusal::UnknownCommand => "Unknown command",
            Refusal::Syntax(_) => "Wanted: ",
            Refusal::LoginFirst => "Log in first",
            Refusal::UserFirst => "Say USER first",
            Refusal::LoggedIn => "Already logged in",
            Refusal::NoSuchMessage => "No such message",
            Refusal::Deleted => "Message is marked as deleted",
            Refusal::WrongPassword => "[AUTH] Wrong name or password",
            Refusal::InUse => "[IN-USE] Another session has the maildrop",
            Refusal::TlsRequired => "Say STLS first: passwords are not taken without TLS",
            Refusal::TlsOn => "TLS is on already",
            Refusal::TlsUnavailable => "TLS is not available",
            Refusal::LoginUnavailable => "[SYS/TEMP] Login is not possible now, try again later",
            Refusal::StoreFailed => "[SYS/TEMP] Storage failed, try again later",
            Refusal::NotAllDeleted => "[SYS/TEMP] Some deleted messages not removed",
            Refusal::TooManyErrors => "Too many errors, closing",
            Refusal::TimedOut => "Timeout, closing",
            Refusal::ShuttingDown => "[SYS/TEMP] Shutting down, try again later",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_print() {
        let printed = |refusal: Refusal| {
            let mut out = BytesMut::new();
            refusal.print(&mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(printed(Refusal::NoSuchMessage), "-ERR No such message\r\n");
        assert_eq!(printed(Refusal::Syntax("a name")), "-ERR Wanted: a name\r\n");
    }
}
