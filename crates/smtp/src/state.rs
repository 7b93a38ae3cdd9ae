//! Where a connection stands (RFC 5321 §4.1.4), each state with what it knows.

use crate::Refusal;
use crate::command::{Hello, In, Mail};

/// A connection, with recipients of the type `R`: what a server found out about each; and messages in the making of the
/// type `M`.
#[derive(Debug)]
pub enum Session<R, M> {
    /// Nobody said hello.
    Connected,
    /// Between transactions.
    Ready(Hello),
    /// After MAIL.
    Transaction(Transaction<R>),
    /// After a BDAT that was not the last.
    Chunks(Transaction<R>, Chunks<M>),
}

/// What MAIL and RCPT said.
#[derive(Debug)]
pub struct Transaction<R> {
    /// Who speaks.
    pub hello: Hello,
    /// The sender and what is known of the message.
    pub mail: Mail,
    /// The recipients that were accepted, in their order.
    pub recipients: Vec<R>,
}

/// How the chunks of a message are going.
#[derive(Debug)]
pub enum Chunks<M> {
    /// The chunks so far.
    Good(M),
    /// One was refused: the others are thrown away until RSET (RFC 3030 §2).
    Failed,
}

impl<R, M> Session<R, M> {
    /// Whether a command may stand here.
    ///
    /// # Errors
    /// The refusal that says why not.
    pub fn check(&self, allowed: In) -> Result<(), Refusal> {
        match (allowed, self) {
            (In::Any, _)
            | (In::Ready, Session::Ready(_))
            | (In::Mail, Session::Transaction(_))
            | (In::Chunks, Session::Chunks(_, Chunks::Good(_))) => Ok(()),
            (In::Chunks | In::Recipients, Session::Transaction(transaction)) => {
                match transaction.recipients.is_empty() {
                    true => Err(Refusal::NoRecipients),
                    false => Ok(()),
                }
            }
            (In::Chunks, Session::Chunks(_, Chunks::Failed)) => Err(Refusal::ChunksFailed),
            (_, Session::Connected) => Err(Refusal::HelloFirst),
            (_, Session::Chunks(..)) => Err(Refusal::InChunks),
            (In::Ready, Session::Transaction(_)) => Err(Refusal::NestedMail),
            (_, Session::Ready(_)) => Err(Refusal::MailFirst),
        }
    }

    /// What the client called itself, after hello.
    #[must_use]
    pub fn hello(&self) -> Option<&Hello> {
        match self {
            Session::Connected => None,
            Session::Ready(hello) => Some(hello),
            Session::Transaction(transaction) | Session::Chunks(transaction, _) => Some(&transaction.hello),
        }
    }

    /// Ends a transaction; hello stays (RFC 5321 §4.1.1.5). Gives the transaction, where there was one.
    pub fn reset(&mut self) -> Option<(Transaction<R>, Option<Chunks<M>>)> {
        let hello = self.hello().cloned();
        let next = hello.map_or(Session::Connected, Session::Ready);
        match std::mem::replace(self, next) {
            Session::Connected | Session::Ready(_) => None,
            Session::Transaction(transaction) => Some((transaction, None)),
            Session::Chunks(transaction, chunks) => Some((transaction, Some(chunks))),
        }
    }
}

impl<R> Transaction<R> {
    /// Takes one more recipient, of `most`.
    ///
    /// # Errors
    /// When there are as many as one transaction takes.
    pub fn add(&mut self, recipient: R, most: usize) -> Result<(), Refusal> {
        if self.recipients.len() >= most {
            return Err(Refusal::TooManyRecipients);
        }
        self.recipients.push(recipient);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{COMMANDS, ClientName, Dialect, ReversePath};
    use crate::limits;

    fn transaction(recipients: usize) -> Transaction<()> {
        let name = ClientName::check(b"c").unwrap();
        Transaction {
            hello: Hello {
                dialect: Dialect::Esmtp,
                name,
            },
            mail: Mail {
                from: ReversePath::Null,
                size: None,
                body: None,
                submitter: None,
                letters: crate::Letters::Ascii,
            },
            recipients: vec![(); recipients],
        }
    }

    /// RFC 5321 §4.1.4: every command in every state.
    #[test]
    fn commands_are_allowed_in_their_order() {
        let states = [
            Session::Connected,
            Session::Ready(transaction(0).hello),
            Session::Transaction(transaction(0)),
            Session::Transaction(transaction(1)),
            Session::Chunks(transaction(1), Chunks::Good(())),
            Session::Chunks(transaction(1), Chunks::Failed),
        ];
        let wanted = [
            ("MAIL", "h+nncc"),
            ("RCPT", "hm++cc"),
            ("DATA", "hmr+cc"),
            ("BDAT", "hmr++f"),
            ("RSET", "++++++"),
            ("STARTTLS", "h+nncc"),
            ("AUTH", "h+nncc"),
            ("EHLO", "++++++"),
        ];
        for (name, wanted) in wanted {
            let entry = COMMANDS.iter().find(|entry| entry.name == name).unwrap();
            let got: String = states
                .iter()
                .map(|state| match state.check(entry.allowed) {
                    Ok(()) => '+',
                    Err(Refusal::HelloFirst) => 'h',
                    Err(Refusal::NestedMail) => 'n',
                    Err(Refusal::MailFirst) => 'm',
                    Err(Refusal::NoRecipients) => 'r',
                    Err(Refusal::InChunks) => 'c',
                    Err(Refusal::ChunksFailed) => 'f',
                    Err(_) => '?',
                })
                .collect();
            assert_eq!(got, wanted, "{name}");
        }
    }

    #[test]
    fn recipients_have_a_limit() {
        let most = limits::RECIPIENTS;
        let mut transaction = transaction(most - 1);
        assert_eq!(transaction.add((), most), Ok(()));
        assert_eq!(transaction.add((), most), Err(Refusal::TooManyRecipients));
    }
}
