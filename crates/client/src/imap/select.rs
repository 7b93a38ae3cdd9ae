//! Opening a mailbox: SELECT and EXAMINE (RFC 9051 §6.3.2), with QRESYNC (RFC 7162 §3.2.5).

use ::imap::client::{Code, Data, Fetched, Known, Line, ListedName, Ranges, Response, ServerFlag, Vanished};
use bytes::Bytes;

use super::client::Client;
use crate::error::{Cause, Error};

/// Messages that changed since, of one mailbox.
const MAX_CHANGED: usize = 5_000_000;

/// A mailbox that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// How many messages there are.
    pub exists: u32,
    /// The validity of the uids: where it is another than the last time, all uids are.
    pub uid_validity: u32,
    /// The next uid, or a lower bound, where the server says it.
    pub uid_next: Option<u32>,
    /// The highest mod-sequence, where the mailbox has them (RFC 7162 §3.1.2.1).
    pub highest_mod_sequence: Option<u64>,
    /// The flags that are in use.
    pub flags: Vec<ServerFlag>,
    /// The flags that can be kept.
    pub permanent_flags: Vec<ServerFlag>,
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether uids do not last (RFC 4315 §3).
    pub uids_do_not_last: bool,
    /// What it is called for ever (RFC 8474 §4.1).
    pub mailbox_id: Option<Box<str>>,
    /// With [`Known`]: whose flags have changed since.
    pub changed: Vec<Fetched>,
    /// With [`Known`]: what is gone since.
    pub vanished: Ranges,
    /// Whether [`Opened::changed`] and [`Opened::vanished`] say all that happened since: the server has QRESYNC, and the uids are the same.
    pub resynchronized: bool,
}

impl Opened {
    /// Takes what belongs to the opening.
    fn take(&mut self, response: Response) -> Option<Response> {
        match response {
            Response::Data(Data::Exists(count)) => self.exists = count,
            Response::Data(Data::Flags(flags)) => self.flags = flags,
            Response::Data(Data::Recent(_)) => {}
            Response::Data(Data::Vanished(Vanished::Earlier, uids)) => self.vanished.0.extend(uids.0),
            Response::Data(Data::Fetch(fetched)) if self.changed.len() < MAX_CHANGED => {
                self.changed.push(*fetched)
            }
            Response::Status(status) => match status.code {
                Some(code) => match self.take_code(code) {
                    None => {}
                    Some(code) => {
                        return Some(Response::Status(::imap::client::Status {
                            code: Some(code),
                            ..status
                        }));
                    }
                },
                None => return Some(Response::Status(status)),
            },
            other => return Some(other),
        }
        None
    }

    fn take_code(&mut self, code: Code) -> Option<Code> {
        match code {
            Code::UidValidity(validity) => self.uid_validity = validity,
            Code::UidNext(next) => self.uid_next = Some(next),
            Code::HighestModSeq(highest) => self.highest_mod_sequence = Some(highest),
            Code::NoModSeq => self.highest_mod_sequence = None,
            Code::PermanentFlags(flags) => self.permanent_flags = flags,
            Code::UidNotSticky => self.uids_do_not_last = true,
            Code::MailboxId(id) => self.mailbox_id = Some(id),
            Code::ReadOnly => self.read_only = true,
            Code::ReadWrite | Code::Unseen(_) => {}
            // RFC 7162 §3.2.11: what came before it was of the mailbox that was open.
            Code::Closed => *self = Opened::default(),
            other => return Some(other),
        }
        None
    }
}

impl Client {
    /// Opens a mailbox.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn select(&mut self, mailbox: &str) -> Result<Opened, Error> {
        let name = self.name(mailbox);
        self.open_mailbox("SELECT", &name, None).await
    }

    /// Opens a mailbox to read only.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn examine(&mut self, mailbox: &str) -> Result<Opened, Error> {
        let name = self.name(mailbox);
        self.open_mailbox("EXAMINE", &name, None).await
    }

    /// Opens a mailbox of which something is known, and hears what happened since. Where the server cannot say it,
    /// [`Opened::resynchronized`] is false, and the mailbox has to be looked at as a whole.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn resynchronize(&mut self, mailbox: &str, known: &Known) -> Result<Opened, Error> {
        let name = self.name(mailbox);
        // RFC 7162 §3.2.5: not without ENABLE QRESYNC.
        let able = self.is_enabled("QRESYNC") && known.uid_validity > 0 && known.mod_sequence > 0;
        let mut opened = self
            .open_mailbox("SELECT", &name, Some(known).filter(|_| able))
            .await?;
        opened.resynchronized =
            able && opened.uid_validity == known.uid_validity && opened.highest_mod_sequence.is_some();
        Ok(opened)
    }

    /// A name as it goes over the wire.
    fn name(&self, mailbox: &str) -> ListedName {
        let wire = match self.mode {
            ::imap::Mode::Utf8 => Bytes::copy_from_slice(mailbox.as_bytes()),
            ::imap::Mode::Ascii => {
                let mut wire = Vec::new();
                ::imap::grammar::mailbox::encode(&mut wire, mailbox);
                wire.into()
            }
        };
        ListedName {
            wire,
            text: mailbox.into(),
        }
    }

    pub(super) async fn open_mailbox(
        &mut self,
        words: &str,
        name: &ListedName,
        known: Option<&Known>,
    ) -> Result<Opened, Error> {
        let tag = self.tag();
        let line = Line::open(&tag, words, (&name.wire, self.mode), known);
        let mut opened = Opened::default();
        let step = format!("{words} {}", name.text);
        let done = self
            .command(&step, line, |response| opened.take(response))
            .await?;
        opened.read_only |= done.code == Some(Code::ReadOnly) || words == "EXAMINE";
        Ok(opened)
    }

    /// Closes the mailbox and expunges nothing.
    ///
    /// # Errors
    /// When the server has no UNSELECT, refuses, or is gone.
    pub async fn unselect(&mut self) -> Result<(), Error> {
        if !self.has("UNSELECT") {
            return Err(self.error("UNSELECT", Cause::NotOffered("UNSELECT")));
        }
        let line = self.line("UNSELECT");
        self.command("UNSELECT", line, Some).await.map(drop)
    }
}
