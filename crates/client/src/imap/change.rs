//! Changing messages: STORE, COPY, MOVE, EXPUNGE (RFC 9051 §6.4), by uid, and so that nothing of others is lost.

use ::imap::client::{Code, Ranges, Response, StoreWhat};

use super::client::Client;
use super::fetch::chunks;
use crate::error::{Cause, Error};

/// Where copies are. Empty where the server does not say it (RFC 4315 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The validity of the uids in the target.
    pub uid_validity: Option<u32>,
    /// The uids of the originals that were copied.
    pub from: Ranges,
    /// The uids of the copies, in the same order.
    pub to: Ranges,
}

impl Copied {
    fn take_code(&mut self, code: Option<&Code>) -> bool {
        let Some(Code::CopyUid { validity, from, to }) = code else {
            return false;
        };
        self.uid_validity = Some(*validity);
        self.from.0.extend(from.0.iter().copied());
        self.to.0.extend(to.0.iter().copied());
        true
    }
}

/// How messages were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In one step (RFC 6851): either all of it has happened or nothing.
    AtOnce,
    /// They were copied, marked as deleted, and expunged by their uids (RFC 4315 §2.1).
    CopiedAndExpunged,
    /// They were copied and marked as deleted. The server cannot expunge them alone: EXPUNGE would take what others have marked with them.
    CopiedAndMarked,
}

/// What has become of messages that were to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where they are now.
    pub copied: Copied,
    /// How.
    pub how: How,
}

impl Client {
    /// Alters flags, named as IMAP does (`\Seen`, `$Junk`). Gives the uids of messages that were left as they are because they have changed
    /// since `unchanged_since` (RFC 7162 §3.1.3).
    ///
    /// # Errors
    /// When the server refuses, or is gone; and when it has no CONDSTORE and `unchanged_since` is given.
    pub async fn store(
        &mut self,
        uids: &Ranges,
        what: StoreWhat,
        flags: &[&str],
        unchanged_since: Option<u64>,
    ) -> Result<Ranges, Error> {
        if unchanged_since.is_some() && !self.has("CONDSTORE") && !self.has("QRESYNC") {
            return Err(self.error("STORE", Cause::NotOffered("CONDSTORE")));
        }
        if let Some(wrong) = flags.iter().find(|flag| !is_flag(flag)) {
            let words = format!("{} is no flag", wrong.escape_debug());
            return Err(self.error("STORE", Cause::Message(words.into())));
        }
        let mut modified = Ranges::default();
        for uids in chunks(uids) {
            let mut line = self.line("UID STORE").set(&(&uids).into());
            if let Some(since) = unchanged_since {
                line = line.word(&format!("(UNCHANGEDSINCE {since})"));
            }
            let line = line.word(what.item()).flags(flags.iter().copied());
            let done = self.command("STORE", line, Some).await?;
            if let Some(Code::Modified(more)) = done.code {
                modified.0.extend(more.0);
            }
        }
        Ok(modified)
    }

    /// Copies messages into another mailbox.
    ///
    /// # Errors
    /// When the server refuses, or is gone: `TRYCREATE` in what it says means that the mailbox can be created.
    pub async fn copy(&mut self, uids: &Ranges, target: &str) -> Result<Copied, Error> {
        self.put_into("COPY", uids, target).await
    }

    /// Moves messages into another mailbox, as well as the server can.
    ///
    /// # Errors
    /// When the server refuses, or is gone. Without MOVE, messages may be in both mailboxes then, and never in none.
    pub async fn move_messages(&mut self, uids: &Ranges, target: &str) -> Result<Moved, Error> {
        if self.has("MOVE") {
            let copied = self.put_into("MOVE", uids, target).await?;
            let how = How::AtOnce;
            return Ok(Moved { copied, how });
        }
        let copied = self.put_into("COPY", uids, target).await?;
        self.store(uids, StoreWhat::Add, &["\\Deleted"], None).await?;
        if !self.has("UIDPLUS") {
            let how = How::CopiedAndMarked;
            return Ok(Moved { copied, how });
        }
        self.expunge(uids).await?;
        let how = How::CopiedAndExpunged;
        Ok(Moved { copied, how })
    }

    /// `COPYUID` comes with the OK of COPY, and in a response of its own with MOVE (RFC 6851 §4.3).
    async fn put_into(&mut self, name: &str, uids: &Ranges, target: &str) -> Result<Copied, Error> {
        let mut copied = Copied::default();
        let step = format!("{name} to {target}");
        for uids in chunks(uids) {
            let mode = self.mode;
            let line = self
                .line(&format!("UID {name}"))
                .set(&(&uids).into())
                .mailbox(target, mode);
            let done = self.command(&step, line, |response| match response {
                Response::Status(status) if copied.take_code(status.code.as_ref()) => None,
                other => Some(other),
            });
            let done = done.await?;
            copied.take_code(done.code.as_ref());
        }
        Ok(copied)
    }

    /// Removes those of the messages that are marked as deleted.
    ///
    /// # Errors
    /// When the server has no UIDPLUS, refuses, or is gone.
    pub async fn expunge(&mut self, uids: &Ranges) -> Result<(), Error> {
        if !self.has("UIDPLUS") {
            return Err(self.error("UID EXPUNGE", Cause::NotOffered("UIDPLUS")));
        }
        for uids in chunks(uids) {
            let line = self.line("UID EXPUNGE").set(&(&uids).into());
            self.command("UID EXPUNGE", line, Some).await?;
        }
        Ok(())
    }

    /// Removes every message of the mailbox that is marked as deleted, whoever has marked it.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn expunge_all(&mut self) -> Result<(), Error> {
        let line = self.line("EXPUNGE");
        self.command("EXPUNGE", line, Some).await.map(drop)
    }
}

/// `flag` of RFC 9051 §9: an atom, with a backslash before it or not.
pub(super) fn is_flag(name: &str) -> bool {
    let atom = name.strip_prefix('\\').unwrap_or(name);
    !atom.is_empty() && atom.bytes().all(::imap::grammar::cursor::is_atom)
}
