//! From a POP3 server into files.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use jiff::Timestamp;
use message::{Message, parse_addresses};

use super::summary::{Keep, Summary};
use super::target::{Arrival, Target};
use crate::error::Error;
use crate::pop3::{Client, Entry, Got};

/// Fetches what is new. `told` hears of every piece: messages so far, of how many, and octets so far.
///
/// A server without UIDL does not say which messages it has given before: there all are fetched, and those that are here already are
/// known by their digest.
///
/// # Errors
/// When the server is gone, or something cannot be written. What was committed stays, and is not fetched again.
pub async fn from_pop3(
    mut client: Client,
    mut target: Target,
    keep: Keep,
    mut told: impl FnMut(u64, u64, u64),
) -> Result<Summary, Error> {
    let entries = client.list().await?;
    target.note_found(entries.iter().filter_map(|entry| entry.id.as_deref()))?;
    let mut summary = Summary::default();
    let is_known = |entry: &&Entry| entry.id.as_ref().is_some_and(|id| target.has(id));
    let (known, new): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(is_known);
    summary.known = known.len() as u64;
    let mut safe: Vec<&Entry> = known;
    let numbers: Vec<u32> = new.iter().map(|entry| entry.number).collect();
    let total = numbers.len() as u64;
    let mut retrieval = client.retrieve(numbers);
    let mut waiting = new.into_iter();
    while let Some(got) = retrieval.next().await? {
        let entry = waiting
            .next()
            .expect("there is a reply for every message that was asked for");
        if let Got::Refused(number, said) = got {
            summary.refused.push((number, said));
            continue;
        }
        let mut taking = Taking::of(entry);
        while let Some(piece) = retrieval.piece().await? {
            taking.take(&piece, &mut target)?;
            told(summary.fetched, total, summary.octets + taking.octets);
        }
        match taking.end(entry, &mut target)? {
            true => {
                summary.fetched += 1;
                summary.octets += taking.octets;
            }
            false => summary.known += 1,
        }
        safe.push(entry);
        if target.is_full() {
            target.commit()?;
        }
        told(summary.fetched, total, summary.octets);
    }
    target.commit()?;
    let gone = to_delete(&safe, &target, keep);
    client.delete(&gone).await?;
    client.quit().await?;
    summary.deleted = gone.len() as u64;
    target.close()?;
    Ok(summary)
}

/// Which messages go from the server: only such as are safe here.
fn to_delete(safe: &[&Entry], target: &Target, keep: Keep) -> Vec<u32> {
    let before = match keep {
        Keep::All => return Vec::new(),
        Keep::Nothing => i64::MAX,
        Keep::Days(days) => Timestamp::now().as_second() - i64::from(days) * 86_400,
    };
    let is_old = |entry: &&&Entry| match (&entry.id, keep) {
        (_, Keep::Nothing) => true,
        (Some(id), _) => target.time_of(id).is_some_and(|time| time <= before),
        (None, _) => false,
    };
    safe.iter().filter(is_old).map(|entry| entry.number).collect()
}

/// A message on its way into the target.
struct Taking {
    begun: bool,
    octets: u64,
    /// What it is known by where the server gives it no id.
    digest: Option<Context>,
}

impl Taking {
    fn of(entry: &Entry) -> Self {
        Taking {
            begun: false,
            octets: 0,
            digest: entry.id.is_none().then(|| Context::new(&SHA256)),
        }
    }

    fn take(&mut self, piece: &Bytes, target: &mut Target) -> Result<(), Error> {
        if !self.begun {
            target.begin(arrival(piece))?;
            self.begun = true;
        }
        self.octets += piece.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(piece);
        }
        target.write(piece)
    }

    /// Whether the message is new here.
    fn end(&mut self, entry: &Entry, target: &mut Target) -> Result<bool, Error> {
        if !self.begun {
            target.begin(Arrival::default())?;
        }
        let id = match &entry.id {
            Some(id) => id.clone(),
            None => {
                let digest = self
                    .digest
                    .take()
                    .unwrap_or_else(|| Context::new(&SHA256))
                    .finish();
                let hex: String = digest
                    .as_ref()
                    .iter()
                    .map(|octet| format!("{octet:02x}"))
                    .collect();
                format!("sha256:{hex}")
            }
        };
        if target.has(&id) {
            target.abandon()?;
            return Ok(false);
        }
        target.end(&id)?;
        Ok(true)
    }
}

/// What the beginning of a message says: when the last server had it, and who sent it.
fn arrival(piece: &[u8]) -> Arrival {
    let message = Message::parse(piece);
    let root = message
        .structure()
        .ids()
        .next()
        .expect("every message has a root");
    let header = message.header(root);
    // RFC 5321 §4.4: Return-Path was written at delivery, and the date after the last semicolon of the first Received too.
    let received = header.first("Received").and_then(|field| {
        let value = field.unfolded();
        let date = value.rsplit(|octet| *octet == b';').next()?;
        message::Date::parse(date)
    });
    Arrival {
        received: received.or_else(|| message.date()).map(message::Date::timestamp),
        sender: sender(piece).unwrap_or_default(),
        ..Arrival::default()
    }
}

/// Who sent a message, for the separator of an mbox.
pub(super) fn sender(octets: &[u8]) -> Option<String> {
    let message = Message::parse(octets);
    let root = message
        .structure()
        .ids()
        .next()
        .expect("every message has a root");
    let header = message.header(root);
    let field = header.first("Return-Path").or_else(|| header.first("From"))?;
    parse_addresses(&field.unfolded())
        .iter()
        .find_map(message::AddressItem::address)
}
