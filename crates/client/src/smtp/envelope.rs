//! Who a message is from and for, and what the server said to each.

use ::smtp::Letters;
use ::smtp::client::{BodyType, MailCommand, Notify, RcptCommand, Return};
use types::Address;

use super::Extensions;
use crate::error::{Cause, Said};

/// A recipient, and what its sender wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    address: Address,
    notify: Option<Notify>,
    original: Option<Address>,
}

impl Recipient {
    /// A recipient; the server reports failures, as it does by itself.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Recipient {
            address,
            notify: None,
            original: None,
        }
    }

    /// When a report is wanted (RFC 3461 §4.1). A server without DSN is not asked, and [`Report::unheard`] says so.
    #[must_use]
    pub fn notify(mut self, notify: Notify) -> Self {
        self.notify = Some(notify);
        self
    }

    /// Whom the sender wrote to, for reports (RFC 3461 §4.2).
    #[must_use]
    pub fn original(mut self, address: Address) -> Self {
        self.original = Some(address);
        self
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}

/// The envelope of a message: what the servers on its way look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    sender: Option<Address>,
    recipients: Vec<Recipient>,
    returned: Option<Return>,
    id: Option<Box<str>>,
    require_tls: bool,
}

impl Envelope {
    /// From a sender, who gets reports of failure.
    #[must_use]
    pub fn from(sender: Address) -> Self {
        Envelope {
            sender: Some(sender),
            ..Envelope::default()
        }
    }

    /// From nobody: no report comes back (RFC 5321 §4.5.5).
    #[must_use]
    pub fn from_nobody() -> Self {
        Envelope::default()
    }

    /// For one more recipient.
    #[must_use]
    pub fn to(mut self, recipient: Address) -> Self {
        self.recipients.push(Recipient::new(recipient));
        self
    }

    /// For one more recipient, with what its sender wants to hear.
    #[must_use]
    pub fn to_recipient(mut self, recipient: Recipient) -> Self {
        self.recipients.push(recipient);
        self
    }

    /// What comes back with a report of failure (RFC 3461 §4.3).
    #[must_use]
    pub fn returned(mut self, returned: Return) -> Self {
        self.returned = Some(returned);
        self
    }

    /// The sender's own mark, of at most 100 octets, which comes back in reports (RFC 3461 §4.4).
    #[must_use]
    pub fn id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Goes on only over TLS, all the way (RFC 8689). A server without REQUIRETLS, or a connection without TLS, is not given the message.
    #[must_use]
    pub fn require_tls(mut self) -> Self {
        self.require_tls = true;
        self
    }

    /// The sender.
    #[must_use]
    pub fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()
    }

    /// The recipients.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// Whether an address has no ASCII form, so that SMTPUTF8 is needed.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        let addresses = self.recipients.iter().map(Recipient::address);
        addresses
            .chain(&self.sender)
            .any(|address| address.to_ascii().is_none())
    }

    /// MAIL for a server, or why it cannot have the message.
    pub(super) fn mail(&self, needs: Needs, server: &Ground<'_>) -> Result<MailCommand<'_>, Cause> {
        let extensions = server.extensions;
        let offered = |name: &'static str| match extensions.has(name) {
            true => Ok(()),
            false => Err(Cause::NotOffered(name)),
        };
        let utf8 = needs.utf8 || self.needs_utf8();
        if utf8 {
            // RFC 6531 §3.1: a server with SMTPUTF8 has 8BITMIME too.
            offered("SMTPUTF8")?;
        }
        let body = match needs.body {
            BodyType::SevenBit => None,
            BodyType::EightBit => offered("8BITMIME").map(|()| Some(BodyType::EightBit))?,
            BodyType::Binary => offered("BINARYMIME").map(|()| Some(BodyType::Binary))?,
        };
        if self.require_tls {
            offered("REQUIRETLS")?;
            if !server.encrypted {
                return Err(Cause::NotOffered("REQUIRETLS without TLS"));
            }
        }
        if let (Some(size), Some(limit)) = (needs.size, extensions.size())
            && size > limit
        {
            return Err(Cause::TooBig { size, limit });
        }
        let dsn = extensions.has("DSN");
        Ok(MailCommand {
            sender: self.sender.as_ref(),
            size: needs.size.filter(|_| extensions.has("SIZE")),
            body,
            letters: if utf8 { Letters::Utf8 } else { Letters::Ascii },
            returned: self.returned.filter(|_| dsn),
            envelope_id: self.id.as_deref().filter(|_| dsn),
            require_tls: self.require_tls,
        })
    }

    /// RCPT for each recipient.
    pub(super) fn rcpts<'a>(
        &'a self,
        letters: Letters,
        extensions: &Extensions,
    ) -> impl Iterator<Item = RcptCommand<'a>> {
        let dsn = extensions.has("DSN");
        self.recipients.iter().map(move |recipient| RcptCommand {
            recipient: &recipient.address,
            letters,
            notify: recipient.notify.filter(|_| dsn),
            original: recipient.original.as_ref().filter(|_| dsn),
        })
    }

    fn wants_dsn(&self) -> bool {
        let recipients = &mut self.recipients.iter();
        let wanted = recipients.any(|recipient| recipient.notify.is_some() || recipient.original.is_some());
        wanted || self.returned.is_some() || self.id.is_some()
    }

    /// What was asked for and this server does not know.
    pub(super) fn unheard(&self, extensions: &Extensions) -> Vec<&'static str> {
        match self.wants_dsn() && !extensions.has("DSN") {
            true => vec!["DSN"],
            false => Vec::new(),
        }
    }
}

/// What a message needs of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The body of the message.
    pub body: BodyType,
    /// Whether its header has UTF-8 in it.
    pub utf8: bool,
    /// Its size in octets, where it is known.
    pub size: Option<u64>,
}

/// What a server and the connection to it have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub extensions: &'a Extensions,
    pub encrypted: bool,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The recipients for whom the server has taken the message, with what it said for each.
    pub taken: Vec<(Address, Said)>,
    /// Those whom it refused.
    pub refused: Vec<(Address, Said)>,
    /// Extensions that were asked for and that the server does not offer: `DSN`.
    pub unheard: Vec<&'static str>,
}
