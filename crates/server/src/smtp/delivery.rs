//! A whole message: begun with what stands above it, delivered, acknowledged.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::BytesMut;
use smtp::state::Transaction;
use smtp::trace::{Received, ReturnPath, With};
use smtp::{Refusal, reply};
use store::{Account, BlobSource, Delivery, Keywords, NewMessage, Room, StoreError, Together};
use tokio::time::Instant;
use types::{AccountId, MailboxName, Timestamp};

use super::check::{Checked, Origin, Rules};
use super::connection::Connection;
use super::data::{Arrived, Incoming};
use super::pace::Pace;
use super::policy::Port;
use super::transaction::Recipient;

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
            by: &self.site.host,
            with: With {
                dialect: transaction.hello.dialect,
                tls: self.policy.tls,
                login: self.login.is_some(),
                letters: transaction.mail.letters,
            },
            id: &id,
            only_recipient,
            at: now,
        };
        let mut octets = BytesMut::with_capacity(4 * 1024);
        let return_path = ReturnPath(&transaction.mail.from, transaction.mail.letters);
        write!(octets, "{return_path}{received}").expect("a BytesMut takes everything");
        Ok(Incoming {
            prefix: octets.len(),
            octets,
            id,
            hold: self.site.intake.hold(),
            pace: Pace::begin(Instant::now()),
        })
    }

    fn rules(&self, now: Timestamp) -> Rules {
        let origin = match (self.login, self.policy.port) {
            (Some(_), _) => Origin::User,
            (None, Port::Lmtp) => Origin::OwnServer,
            (None, Port::Relay | Port::Submission) => Origin::OtherServer,
        };
        Rules {
            origin,
            site: Arc::clone(&self.site),
            now,
        }
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
        let checked = match arrived {
            Ok(arrived) => self.rules(now).check(arrived).await,
            Err(refusal) => Err(refusal),
        };
        let outcomes = match checked {
            Ok(message) => self.deliver(&transaction, message, now).await,
            Err(refusal) => vec![Err(refusal); transaction.recipients.len()],
        };
        if self.policy.port == Port::Lmtp {
            self.print_each(&transaction, &outcomes, &id);
            return;
        }
        match one_for_all(&outcomes) {
            Err(refusal) => self.print(&refusal.reply()),
            Ok(()) => {
                self.forgive();
                self.print(&reply::delivered(&id));
            }
        }
    }

    /// RFC 2033 §4.2: a reply for each recipient, in their order.
    fn print_each(&mut self, transaction: &Transaction<Recipient>, outcomes: &[Outcome], id: &str) {
        for (recipient, outcome) in transaction.recipients.iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.print(&reply::delivered_to(recipient.address.to_ascii().as_deref(), id)),
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
        let recipients = &transaction.recipients;
        let rooms = self.rooms(recipients, &message).await;
        if self.policy.port != Port::Lmtp && rooms.iter().any(Result::is_err) {
            return vec![Err(refusal_of_all(&rooms)); recipients.len()];
        }
        let with_room = recipients.iter().zip(&rooms).filter(|(_, room)| room.is_ok());
        let all = with_room.flat_map(|(recipient, _)| &recipient.deliveries);
        // Somebody who is reached by two of the addresses gets one copy.
        let mut seen = HashSet::new();
        let deliveries: Vec<Delivery> = all
            .filter(|delivery| seen.insert(key(delivery)))
            .cloned()
            .collect();
        let Checked { octets, facts, hold } = message;
        let message = NewMessage {
            facts,
            source: BlobSource::Bytes(octets),
            keywords: Keywords::default(),
            received: now,
        };
        let delivered = self.site.store.deliver(&deliveries, message).await;
        // Not before: a disk that is slow must not make room for more.
        drop(hold);
        let mut failed = HashMap::new();
        for (delivery, outcome) in deliveries.iter().zip(delivered) {
            if let Err(error) = outcome {
                tracing::error!(account = delivery.account.0, %error, "a message could not be delivered");
                failed.insert(key(delivery), refusal(&error));
            }
        }
        let outcome = |(recipient, room): (&Recipient, Outcome)| {
            room?;
            let mut deliveries = recipient.deliveries.iter();
            let failed = deliveries.find_map(|delivery| failed.get(&key(delivery)));
            failed.map_or(Ok(()), |refusal| Err(*refusal))
        };
        let outcomes: Vec<Outcome> = recipients.iter().zip(rooms).map(outcome).collect();
        if outcomes.iter().any(Result::is_ok) {
            self.tally.message();
        }
        outcomes
    }
}

impl Connection {
    /// Whether everybody behind each recipient has room for a message. Of a group, all or nobody gets it: the sender tries
    /// again for the whole group, and who had it would get it twice.
    async fn rooms(&self, recipients: &[Recipient], message: &Checked) -> Vec<Outcome> {
        let octets = u64::try_from(message.octets.len()).unwrap_or(u64::MAX);
        let mut rooms = Vec::with_capacity(recipients.len());
        // There may be room for each alone in what they share, and not for all of them.
        let mut together = Together::default();
        let mut seen = HashSet::new();
        for recipient in recipients {
            let (mut room, mut with_these) = (Ok(()), together.clone());
            for delivery in &recipient.deliveries {
                // Where it cannot be opened, the delivery says why.
                if let Ok(account) = self.site.store.account(delivery.account).await {
                    room = room.and(check_room(&account, octets));
                    if !seen.contains(&key(delivery)) {
                        room = room.and(outcome_of(with_these.add(&account, octets), &account));
                    }
                }
            }
            if room.is_ok() {
                seen.extend(recipient.deliveries.iter().map(key));
                together = with_these;
            }
            rooms.push(room);
        }
        rooms
    }
}

/// Whether an account has room for a message of so many octets.
///
/// RFC 3463 §3.3: a mailbox that is full is a persistent transient failure, since its owner can delete something; what is
/// larger than all that it may hold is a permanent one.
pub(super) fn check_room(account: &Account, octets: u64) -> Outcome {
    outcome_of(account.room(octets), account)
}

fn outcome_of(room: Room, account: &Account) -> Outcome {
    match room {
        Room::Enough => Ok(()),
        Room::Later => {
            tracing::info!(
                account = account.id().0,
                "a message was put off: the mailbox is full, or its domain's quota is used up"
            );
            Err(Refusal::AccountFull)
        }
        Room::Never => Err(Refusal::TooBigForAccount),
    }
}

/// What is said where some have no room, and nobody gets the message: one reply is for all. It is worth trying again where
/// there is room for others: each is then asked about by itself, with the size.
fn refusal_of_all(rooms: &[Outcome]) -> Refusal {
    match rooms.iter().all(|room| *room == Err(Refusal::TooBigForAccount)) {
        true => Refusal::TooBigForAccount,
        false => Refusal::AccountFull,
    }
}

/// SMTP has one reply for all recipients. What failed for one is tried again for all, since nothing else can be said; but not
/// for an account that was removed after its address was accepted, when others have the message.
fn one_for_all(outcomes: &[Outcome]) -> Outcome {
    let gone = |outcome: &&Outcome| **outcome == Err(Refusal::NoSuchAddress);
    let delivered = outcomes.iter().any(Result::is_ok);
    let others = outcomes.iter().filter(|outcome| !(delivered && gone(outcome)));
    others.copied().find(Result::is_err).unwrap_or(Ok(()))
}

/// What tells deliveries apart.
fn key(delivery: &Delivery) -> (AccountId, &MailboxName) {
    (delivery.account, &delivery.mailbox)
}

/// What a client is told when the store fails: that it may try again, but not where nobody is there any more.
pub(super) fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::Failed(engine::EngineError::DiskFull { .. }) => Refusal::DiskFull,
        StoreError::Refused(store::Refusal::NoAccount) => Refusal::NoSuchAddress,
        StoreError::Refused(store::Refusal::NoMemory) => Refusal::StoreFailed,
        StoreError::Refused(_) => Refusal::AccountFull,
        StoreError::Failed(_) | StoreError::UnreadableRow { .. } => Refusal::StoreFailed,
    }
}
