//! Mailboxes: LIST, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, NAMESPACE, QUOTA (RFC 9051 §6.3, RFC 9208 §4.1).

use ::imap::client::{Data, Line, Listed, ListedName, MailboxStatus, Namespaces, Quota, Response};
use ::imap::command::status::StatusItem;

use super::client::Client;
use crate::error::{Cause, Error};

/// More mailboxes than any account has: a listing that is longer has no end.
const MAX_MAILBOXES: usize = 1_000_000;

impl Client {
    /// The mailboxes whose names match: `*` matches anything, `%` anything within one level. With what they are for, where the server says so.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn list(&mut self, pattern: &str) -> Result<Vec<Listed>, Error> {
        let mut line = self.line("LIST").word("\"\"").mailbox_pattern(pattern, self.mode);
        // RFC 6154 §2: some servers say it only where it is asked for.
        if self.has("LIST-EXTENDED") && self.has("SPECIAL-USE") {
            line = line.word("RETURN (SPECIAL-USE)");
        }
        self.listing("LIST", line).await
    }

    /// The subscriptions whose names match.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn list_subscribed(&mut self, pattern: &str) -> Result<Vec<Listed>, Error> {
        let mode = self.mode;
        match self.has("LIST-EXTENDED") {
            true => {
                let line = self
                    .line("LIST (SUBSCRIBED)")
                    .word("\"\"")
                    .mailbox_pattern(pattern, mode);
                self.listing("LIST", line).await
            }
            false => {
                let line = self.line("LSUB").word("\"\"").mailbox_pattern(pattern, mode);
                self.listing("LSUB", line).await
            }
        }
    }

    async fn listing(&mut self, step: &str, line: Line) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        self.command(step, line, |response| match response {
            Response::Data(Data::List(listed) | Data::Lsub(listed)) if found.len() < MAX_MAILBOXES => {
                found.push(listed);
                None
            }
            other => Some(other),
        })
        .await?;
        Ok(found)
    }

    /// What is asked about a mailbox without opening it.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn status(&mut self, mailbox: &str, items: &[StatusItem]) -> Result<MailboxStatus, Error> {
        let names: Vec<&str> = items.iter().map(|item| item.name()).collect();
        self.status_of(mailbox, &names).await
    }

    /// The same, with the items by their names: `HIGHESTMODSEQ` among them.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn status_of(&mut self, mailbox: &str, items: &[&str]) -> Result<MailboxStatus, Error> {
        let mode = self.mode;
        let line = self
            .line("STATUS")
            .mailbox(mailbox, mode)
            .flags(items.iter().copied());
        let mut found = None;
        let step = format!("STATUS {mailbox}");
        self.command(&step, line, |response| match response {
            Response::Data(Data::Status(_, status)) => {
                found = Some(status);
                None
            }
            other => Some(other),
        })
        .await?;
        found.ok_or_else(|| self.error(&step, Cause::Garbled("OK without STATUS".into())))
    }

    /// Creates a mailbox.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn create(&mut self, mailbox: &str) -> Result<(), Error> {
        self.with_mailbox("CREATE", mailbox).await
    }

    /// Creates a mailbox for a purpose, such as `\Sent` (RFC 6154 §3). It needs CREATE-SPECIAL-USE.
    ///
    /// # Errors
    /// When the server does not offer it, refuses (`USEATTR`: it may take the name without the purpose), or is gone.
    pub async fn create_for(&mut self, mailbox: &str, purpose: &str) -> Result<(), Error> {
        if !self.has("CREATE-SPECIAL-USE") {
            return Err(self.error("CREATE", Cause::NotOffered("CREATE-SPECIAL-USE")));
        }
        let mode = self.mode;
        let line = self.line("CREATE").mailbox(mailbox, mode);
        let line = line.word(&format!("(USE ({purpose}))"));
        self.command(&format!("CREATE {mailbox}"), line, Some)
            .await
            .map(drop)
    }

    /// Deletes a mailbox and all that is in it.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn delete(&mut self, mailbox: &str) -> Result<(), Error> {
        self.with_mailbox("DELETE", mailbox).await
    }

    /// Adds a mailbox to the subscriptions.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn subscribe(&mut self, mailbox: &str) -> Result<(), Error> {
        self.with_mailbox("SUBSCRIBE", mailbox).await
    }

    /// Removes a mailbox from the subscriptions.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn unsubscribe(&mut self, mailbox: &str) -> Result<(), Error> {
        self.with_mailbox("UNSUBSCRIBE", mailbox).await
    }

    /// Gives a mailbox another name.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let mode = self.mode;
        let line = self.line("RENAME").mailbox(from, mode).mailbox(to, mode);
        self.command(&format!("RENAME {from}"), line, Some)
            .await
            .map(drop)
    }

    async fn with_mailbox(&mut self, words: &str, mailbox: &str) -> Result<(), Error> {
        let mode = self.mode;
        let line = self.line(words).mailbox(mailbox, mode);
        self.command(&format!("{words} {mailbox}"), line, Some)
            .await
            .map(drop)
    }

    /// The namespaces: what the names of one's own, of others' and of shared mailboxes begin with.
    ///
    /// # Errors
    /// When the server does not offer it, refuses, or is gone.
    pub async fn namespaces(&mut self) -> Result<Namespaces, Error> {
        if !self.has("NAMESPACE") {
            return Err(self.error("NAMESPACE", Cause::NotOffered("NAMESPACE")));
        }
        let line = self.line("NAMESPACE");
        let mut found = Namespaces::default();
        self.command("NAMESPACE", line, |response| match response {
            Response::Data(Data::Namespace(namespaces)) => {
                found = namespaces;
                None
            }
            other => Some(other),
        })
        .await?;
        Ok(found)
    }

    /// The quotas that a mailbox counts to.
    ///
    /// # Errors
    /// When the server does not offer it, refuses, or is gone.
    pub async fn quota(&mut self, mailbox: &str) -> Result<Vec<Quota>, Error> {
        if !self.has("QUOTA") {
            return Err(self.error("GETQUOTAROOT", Cause::NotOffered("QUOTA")));
        }
        let mode = self.mode;
        let line = self.line("GETQUOTAROOT").mailbox(mailbox, mode);
        let mut found = Vec::new();
        self.command("GETQUOTAROOT", line, |response| match response {
            Response::Data(Data::Quota(quota)) if found.len() < MAX_MAILBOXES => {
                found.push(quota);
                None
            }
            Response::Data(Data::QuotaRoot(_)) => None,
            other => Some(other),
        })
        .await?;
        Ok(found)
    }
}

/// The name that a listing gave, to be used in other commands where its encoding is broken.
impl Client {
    /// Opens a mailbox by the name that [`Client::list`] gave, as the server wrote it.
    ///
    /// # Errors
    /// As [`Client::select`].
    pub async fn select_listed(&mut self, name: &ListedName) -> Result<super::Opened, Error> {
        self.open_mailbox("SELECT", name, None).await
    }
}
