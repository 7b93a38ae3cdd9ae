//! A whole message: checked, put into the form in which it is stored, delivered, acknowledged.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use smtp::header::Present;
use smtp::state::Transaction;
use smtp::trace::{Date, Received, ReturnPath, With};
use smtp::{Refusal, reply};
use store::{BlobSource, Delivery, Keywords, NewMessage, StoreError};
use tokio::time::Instant;
use types::Timestamp;

use super::connection::Connection;
use super::data::{Arrived, Incoming};
use super::intake::Hold;
use super::pace::Pace;
use super::policy::Port;
use super::transaction::Recipient;
use crate::facts::facts_of;

/// A message as it is stored.
struct Checked {
    octets: Bytes,
    /// The memory it takes, until the store has it.
    hold: Hold,
}

/// What comes of a message for one recipient.
type Outcome = Result<(), Refusal>;

impl Connection {
    /// A message with what stands above it, the same for all recipients: who sent it, and how it came here.
    pub(super) fn begin_message(&self) -> Result<Incoming, Refusal> {
        let transaction = self.transaction().ok_or(Refusal::MailFirst)?;
        let now = (self.site.now)();
        let id = self.site.intake.name(now);
        let only_recipient = match transaction.recipients.as_slice() {
            [recipient] => Some(&recipient.address),
            _ => None,
        };
        let received = Received {
            hello: &transaction.hello,
            peer: self.peer,
            by: self.site.host.as_str(),
            with: With {
                dialect: transaction.hello.dialect,
                tls: self.policy.tls,
                login: self.login.is_some(),
            },
            id: &id,
            only_recipient,
            at: now,
        };
        let mut octets = BytesMut::with_capacity(16 * 1024);
        write!(octets, "{}{received}", ReturnPath(&transaction.mail.from))
            .expect("a BytesMut takes everything");
        Ok(Incoming {
            prefix: octets.len(),
            octets,
            id,
            hold: self.site.intake.hold(),
            pace: Pace::begin(Instant::now()),
        })
    }

    /// The message as it is stored.
    ///
    /// A login makes this the first server on the message's way, which repairs (RFC 6409 §8). LMTP is the last, where
    /// nobody can be led astray any more, and mail that another server has taken must not bounce here.
    fn check(&self, arrived: Arrived, now: Timestamp) -> Result<Checked, Refusal> {
        let Arrived { mut incoming, found } = arrived;
        if found.nul {
            return Err(Refusal::Nul);
        }
        if !found.are_crlf() {
            if self.login.is_none() && self.policy.port != Port::Lmtp {
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
        }
        let present = Present::of(incoming.octets.get(incoming.prefix..).unwrap_or_default());
        if present.loops() {
            return Err(Refusal::Loop);
        }
        if !incoming.octets.ends_with(b"\r\n") {
            incoming.octets.extend_from_slice(b"\r\n");
        }
        let missing = self.missing(present, &incoming.id, now);
        if !missing.is_empty() {
            let rest = incoming.octets.split_off(incoming.prefix);
            incoming.octets.extend_from_slice(missing.as_bytes());
            incoming.octets.unsplit(rest);
        }
        Ok(Checked {
            octets: incoming.octets.freeze(),
            hold: incoming.hold,
        })
    }

    /// What must still stand between our fields and the message.
    fn missing(&self, present: Present, id: &str, now: Timestamp) -> String {
        let mut missing = String::new();
        if self.login.is_some() && !present.date {
            // RFC 6409 §8.2.
            missing = format!("Date: {}\r\n", Date(now));
        }
        if self.login.is_some() && !present.message_id {
            // RFC 6409 §8.3.
            missing.push_str(&format!("Message-ID: <{id}@{}>\r\n", self.site.host));
        }
        if !present.header {
            // A message that is all body: without the empty line it would be read as a part of our header.
            missing.push_str("\r\n");
        }
        missing
    }
}

impl Connection {
    /// Ends a transaction: with a delivery, or with what stands against it; and tells the client.
    pub(super) async fn finish(&mut self, arrived: Result<Arrived, Refusal>) {
        let Some((transaction, _)) = self.state.reset() else {
            return;
        };
        let id = arrived
            .as_ref()
            .map(|arrived| arrived.incoming.id.clone())
            .unwrap_or_default();
        let now = (self.site.now)();
        let checked = arrived.and_then(|arrived| self.check(arrived, now));
        let outcomes = match checked {
            Ok(message) => self.deliver(&transaction, message, now).await,
            Err(refusal) => vec![Err(refusal); transaction.recipients.len()],
        };
        if self.policy.port == Port::Lmtp {
            self.print_each(&transaction, &outcomes, &id);
            return;
        }
        // One reply for all: what failed for one is tried again for all, since nothing else can be said.
        match outcomes.into_iter().find_map(Result::err) {
            Some(refusal) => self.print(&refusal.reply()),
            None => self.print(&reply::delivered(&id)),
        }
    }

    /// RFC 2033 §4.2: a reply for each recipient, in their order.
    fn print_each(&mut self, transaction: &Transaction<Recipient>, outcomes: &[Outcome], id: &str) {
        for (recipient, outcome) in transaction.recipients.iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.print(&reply::delivered_to(&recipient.address.to_string(), id)),
                Err(refusal) => self.print(&refusal.reply()),
            }
        }
    }

    /// Delivers to everybody at once; returns when it is on stable storage.
    async fn deliver(
        &self,
        transaction: &Transaction<Recipient>,
        message: Checked,
        now: Timestamp,
    ) -> Vec<Outcome> {
        // Somebody who is reached by two of the addresses gets one copy.
        let mut deliveries: Vec<Delivery> = Vec::new();
        for delivery in transaction
            .recipients
            .iter()
            .flat_map(|recipient| &recipient.deliveries)
        {
            if !deliveries.contains(delivery) {
                deliveries.push(delivery.clone());
            }
        }
        let Checked { octets, hold } = message;
        let message = NewMessage {
            facts: facts_of(&octets),
            source: BlobSource::Bytes(octets),
            keywords: Keywords::default(),
            received: now,
        };
        let delivered = self.site.store.deliver(&deliveries, message).await;
        // Not before: a disk that is slow must not make room for more.
        drop(hold);
        let mut failed = Vec::new();
        for (delivery, outcome) in deliveries.iter().zip(delivered) {
            if let Err(error) = outcome {
                tracing::error!(account = delivery.account.0, %error, "a message could not be delivered");
                failed.push((delivery, refusal(&error)));
            }
        }
        let outcome = |recipient: &Recipient| {
            let failed = failed
                .iter()
                .find(|(delivery, _)| recipient.deliveries.contains(delivery));
            failed.map_or(Ok(()), |(_, refusal)| Err(*refusal))
        };
        transaction.recipients.iter().map(outcome).collect()
    }
}

/// What a client is told when the store fails: always that it may try again.
fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::Failed(engine::EngineError::DiskFull { .. }) => Refusal::DiskFull,
        StoreError::Refused(_) => Refusal::AccountFull,
        StoreError::Failed(_) | StoreError::UnreadableRow { .. } => Refusal::StoreFailed,
    }
}
