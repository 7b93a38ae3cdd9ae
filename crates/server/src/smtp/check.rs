//! A message that has come is checked and put into the form in which it is stored.
//!
//! For a large one that takes long: it is done away from the threads that serve connections, and needs none of them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smtp::Refusal;
use smtp::header::{self, Present};
use smtp::trace::Date;
use store::Facts;
use types::Timestamp;
use wire::LineEnds;

use super::data::{Arrived, Incoming};
use super::door::Site;
use super::intake::Hold;
use crate::facts::{aside, facts_of};

/// Who has sent a message, as far as it says what is done about its mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody who logged in: we are the first server on the message's way, which repairs (RFC 6409 §8).
    User,
    /// A server of the same people (RFC 2033): we are the last on its way, where nobody can be led astray any more, and
    /// mail that another server has taken must not bounce here.
    OwnServer,
    /// Anybody.
    OtherServer,
}

/// What a message is checked by.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) origin: Origin,
    pub(super) site: Arc<Site>,
    pub(super) now: Timestamp,
}

/// A message as it is stored.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) octets: Bytes,
    pub(super) facts: Facts,
    /// The memory it takes, until the store has it.
    pub(super) hold: Hold,
}

impl Rules {
    /// Checks a message and finds out what is stored beside it.
    pub(super) async fn check(self, arrived: Arrived) -> Result<Checked, Refusal> {
        let octets = arrived.incoming.octets.len();
        // To be written anew, and read by whoever does not know UTF-8.
        let space = self
            .site
            .terms
            .workspace
            .take(u64::try_from(octets).unwrap_or(u64::MAX));
        let space = space.await.map_err(|_| Refusal::Busy)?;
        let checked = aside(octets, move || {
            let _space = space;
            let Incoming { octets, hold, .. } = self.repair(arrived)?;
            let octets = octets.freeze();
            Ok(Checked {
                facts: facts_of(&octets),
                octets,
                hold,
            })
        });
        checked.await
    }

    /// The message as it is stored.
    fn repair(&self, arrived: Arrived) -> Result<Incoming, Refusal> {
        let Arrived { mut incoming, found } = arrived;
        let found = found.unwrap_or_else(|| LineEnds::of(incoming.theirs()));
        if found.nul {
            return Err(Refusal::Nul);
        }
        if !found.are_crlf() {
            incoming = self.repair_line_ends(incoming)?;
        }
        let present = Present::of(incoming.theirs());
        let limits = &self.site.terms.limits;
        if present.loops(limits.received_fields) {
            return Err(Refusal::Loop);
        }
        if present.header && header::is_too_big(incoming.theirs(), limits.header) {
            return Err(Refusal::HeaderTooBig);
        }
        if !incoming.octets.ends_with(b"\r\n") {
            incoming.octets.extend_from_slice(b"\r\n");
        }
        let missing = self.missing(present, &incoming.id);
        if !missing.is_empty() {
            let rest = incoming.octets.split_off(incoming.prefix);
            incoming.octets.extend_from_slice(missing.as_bytes());
            incoming.octets.unsplit(rest);
        }
        Ok(incoming)
    }

    fn repair_line_ends(&self, mut incoming: Incoming) -> Result<Incoming, Refusal> {
        if self.origin == Origin::OtherServer {
            return Err(Refusal::BareLineEnds);
        }
        let (ours, theirs) = incoming
            .octets
            .split_at_checked(incoming.prefix)
            .unwrap_or_default();
        let repaired = message::repair::crlf(theirs);
        if !incoming.hold.grow(repaired.len()) {
            return Err(Refusal::Busy);
        }
        incoming.octets = BytesMut::from_iter(ours.iter().chain(&*repaired));
        Ok(incoming)
    }

    /// What must still stand between our fields and the message.
    fn missing(&self, present: Present, id: &str) -> String {
        let mut missing = String::new();
        if self.origin == Origin::User && !present.date {
            // RFC 6409 §8.2.
            missing = format!("Date: {}\r\n", Date(self.now));
        }
        if self.origin == Origin::User && !present.message_id {
            // RFC 6409 §8.3.
            missing.push_str(&format!("Message-ID: <{id}@{}>\r\n", self.site.host.to_ascii()));
        }
        if !present.header {
            // A message that is all body: without the empty line it would be read as a part of our header.
            missing.push_str("\r\n");
        }
        missing
    }
}
