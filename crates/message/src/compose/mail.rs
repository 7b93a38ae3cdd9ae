//! The builder: everything that is said of a message before it is written.

use std::borrow::Cow;

use types::Address;

use super::field::one_line;
use super::mailbox::Mailbox;
use super::part::{Attachment, Inline};
use super::word::{FieldName, MessageId, Reference, Unsubscribe};
use crate::date::Date;

/// What nobody but the caller knows: when, and an id that was never used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When the message was finished (RFC 5322 §3.6.1).
    pub date: Date,
    /// Its name for ever (RFC 5322 §3.6.4). Boundaries are made of it too, so it should be one that cannot be guessed.
    pub id: MessageId,
}

/// How the lines of a text are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// Lines are lines.
    #[default]
    Fixed,
    /// A line is a paragraph, which whoever shows it breaks to the width of the window: `format=flowed` (RFC 3676).
    Flowed,
}

/// A message that is being composed. See the [module](super).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail<'a> {
    pub(super) from: Vec<Mailbox>,
    pub(super) sender: Option<Mailbox>,
    pub(super) stamp: Stamp,
    pub(super) reply_to: Vec<Mailbox>,
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    /// Never written.
    bcc: Vec<Mailbox>,
    pub(super) subject: Option<String>,
    pub(super) in_reply_to: Vec<Reference>,
    pub(super) references: Vec<Reference>,
    pub(super) receipts: Vec<Mailbox>,
    pub(super) unsubscribe: Option<Unsubscribe>,
    pub(super) others: Vec<(FieldName, String)>,
    pub(super) text: Option<(Cow<'a, str>, Flow)>,
    pub(super) html: Option<Cow<'a, str>>,
    pub(super) inlines: Vec<Inline<'a>>,
    pub(super) attachments: Vec<Attachment<'a>>,
}

impl<'a> Mail<'a> {
    /// A message by one author.
    #[must_use]
    pub fn new(from: Mailbox, stamp: Stamp) -> Self {
        Mail {
            from: vec![from],
            sender: None,
            stamp,
            reply_to: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            in_reply_to: Vec::new(),
            references: Vec::new(),
            receipts: Vec::new(),
            unsubscribe: None,
            others: Vec::new(),
            text: None,
            html: None,
            inlines: Vec::new(),
            attachments: Vec::new(),
        }
    }

    /// Adds an author. Of several the first is said to be who sends it (RFC 5322 §3.6.2: `Sender` MUST be there), unless
    /// [`Mail::sender`] says another.
    #[must_use]
    pub fn and_from(mut self, mailbox: Mailbox) -> Self {
        self.from.push(mailbox);
        self
    }

    /// Who sends it for the authors (RFC 5322 §3.6.2).
    #[must_use]
    pub fn sender(mut self, mailbox: Mailbox) -> Self {
        self.sender = Some(mailbox);
        self
    }

    /// Adds somebody it is for.
    #[must_use]
    pub fn to(mut self, mailbox: Mailbox) -> Self {
        self.to.push(mailbox);
        self
    }

    /// Adds somebody who gets it to know of it.
    #[must_use]
    pub fn cc(mut self, mailbox: Mailbox) -> Self {
        self.cc.push(mailbox);
        self
    }

    /// Adds somebody of whom nobody else learns: in the envelope, and nowhere in the message (RFC 5322 §3.6.3, the first of
    /// its three ways).
    #[must_use]
    pub fn bcc(mut self, mailbox: Mailbox) -> Self {
        self.bcc.push(mailbox);
        self
    }

    /// Adds where replies go.
    #[must_use]
    pub fn reply_to(mut self, mailbox: Mailbox) -> Self {
        self.reply_to.push(mailbox);
        self
    }

    /// The subject. Line ends and other control characters become blanks.
    #[must_use]
    pub fn subject(mut self, text: &str) -> Self {
        self.subject = Some(one_line(text));
        self
    }

    /// Adds a message that this one answers.
    #[must_use]
    pub fn in_reply_to(mut self, id: impl Into<Reference>) -> Self {
        self.in_reply_to.push(id.into());
        self
    }

    /// Adds a message of the thread, the oldest first.
    #[must_use]
    pub fn reference(mut self, id: impl Into<Reference>) -> Self {
        self.references.push(id.into());
        self
    }

    /// Asks the reader's program to tell this mailbox that it was read (RFC 8098 §2.1).
    #[must_use]
    pub fn read_receipt(mut self, to: Mailbox) -> Self {
        self.receipts.push(to);
        self
    }

    /// How to leave the list that this was sent to.
    #[must_use]
    pub fn list_unsubscribe(mut self, unsubscribe: Unsubscribe) -> Self {
        self.unsubscribe = Some(unsubscribe);
        self
    }

    /// Adds a field of text. Line ends and other control characters become blanks.
    #[must_use]
    pub fn header(mut self, name: FieldName, text: &str) -> Self {
        self.others.push((name, one_line(text)));
        self
    }

    /// The text. Lines may end in any way.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.text = Some((text.into(), Flow::Fixed));
        self
    }

    /// A text whose lines are paragraphs (RFC 3676). Lines that begin with `>` are quoted.
    #[must_use]
    pub fn flowed_text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.text = Some((text.into(), Flow::Flowed));
        self
    }

    /// The page, beside the text if there is one.
    #[must_use]
    pub fn html(mut self, html: impl Into<Cow<'a, str>>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Makes the text from the page, for programs and people that want no HTML. Nothing where there is no page.
    #[must_use]
    pub fn text_from_html(mut self) -> Self {
        if let Some(html) = &self.html {
            self.text = Some((Cow::Owned(crate::html_to_text(html)), Flow::Fixed));
        }
        self
    }

    /// Adds what the page shows as `cid:ID`. What it does not show is an attachment: nothing that was given is lost.
    #[must_use]
    pub fn inline(mut self, id: MessageId, attachment: Attachment<'a>) -> Self {
        self.inlines.push(Inline { id, attachment });
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn attach(mut self, attachment: Attachment<'a>) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Who the envelope says it is from: the sender, or else the first author.
    #[must_use]
    pub fn envelope_sender(&self) -> &Address {
        let sender = self.sender.as_ref().or(self.from.first());
        sender.expect("there is an author: see Mail::new").address()
    }

    /// Who the envelope says it is for: everybody of To, Cc and Bcc, each once.
    #[must_use]
    pub fn recipients(&self) -> Vec<&Address> {
        let all = self.to.iter().chain(&self.cc).chain(&self.bcc);
        let mut seen = std::collections::HashSet::new();
        all.map(Mailbox::address)
            .filter(|address| seen.insert(*address))
            .collect()
    }

    /// The id it is known by.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        &self.stamp.id
    }

    /// Whether an address, in the message or the envelope, has no form in ASCII (RFC 6530 §4.2): then only a server that
    /// knows SMTPUTF8 can be given this.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        self.first_beyond_ascii().is_some()
    }

    pub(super) fn first_beyond_ascii(&self) -> Option<&Address> {
        let lists = [
            &self.from,
            &self.reply_to,
            &self.to,
            &self.cc,
            &self.bcc,
            &self.receipts,
        ];
        let all = lists.into_iter().flatten().chain(&self.sender);
        all.map(Mailbox::address)
            .find(|address| !address.local.as_str().is_ascii())
    }

    pub(super) fn has_only_hidden_recipients(&self) -> bool {
        self.to.is_empty() && self.cc.is_empty() && !self.bcc.is_empty()
    }
}
