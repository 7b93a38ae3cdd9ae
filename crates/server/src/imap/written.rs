//! Messages that read as they are written are searched as they are: many at a time, on all cores, nothing decoded.
//!
//! What is not in the bytes of such a message is in none of its texts. So this only rules messages out; what has a text in its
//! bytes is looked at as every other message is (`texts`), and the answer is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use memchr::memmem::Finder;
use store::{Account, MessageRow, TextForm};
use tokio::task::JoinSet;
use types::BlobId;

/// So few messages are looked at one by one.
const FEW: usize = 16;
/// Octets that are read at once.
const BATCH: u64 = 1 << 20;

/// Texts that can be looked for in bytes: folded, and of characters that no header writes in two ways.
pub(super) struct PlainTexts(Vec<Finder<'static>>);

impl PlainTexts {
    /// Takes folded texts, if they are all such.
    pub(super) fn check<'t>(folded: impl Iterator<Item = &'t [u8]>) -> Option<Self> {
        let is_plain = |text: &[u8]| {
            let plain = |c: &u8| c.is_ascii_alphanumeric() || b"-_.@".contains(c);
            !text.is_empty() && text.iter().all(plain)
        };
        let finders: Option<Vec<_>> = folded
            .map(|text| is_plain(text).then(|| Finder::new(text).into_owned()))
            .collect();
        finders.filter(|finders| !finders.is_empty()).map(PlainTexts)
    }

    fn are_absent(&self, lower: &[u8]) -> bool {
        self.0.iter().all(|text| text.find(lower).is_none())
    }
}

/// A message that may be ruled out, by its position in the view.
type Entry = (usize, BlobId);

/// Messages that may be ruled out, in pieces of about [`BATCH`] octets.
#[derive(Default)]
pub(super) struct Batches {
    all: Vec<Vec<Entry>>,
    entries: usize,
    room: u64,
}

impl Batches {
    /// Takes a message, if it reads as it is written and is not too large.
    pub(super) fn push(&mut self, in_view: usize, row: &MessageRow) {
        let size = u64::from(row.size);
        if row.form != TextForm::Ascii || size > BATCH {
            return;
        }
        if self.room < size {
            self.all.push(Vec::new());
            self.room = BATCH;
        }
        self.room -= size;
        self.entries += 1;
        if let Some(last) = self.all.last_mut() {
            last.push((in_view, row.blob));
        }
    }

    /// The positions of the messages that have none of the texts. What cannot be read is not among them: whoever looks at it
    /// will be told.
    pub(super) async fn lacking(self, account: &Account, texts: PlainTexts) -> Vec<usize> {
        if self.entries < FEW {
            return Vec::new();
        }
        let (batches, texts, next) = (Arc::new(self.all), Arc::new(texts), Arc::new(AtomicUsize::new(0)));
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        let mut work = JoinSet::new();
        for _ in 0..cores.min(batches.len()) {
            let (account, batches) = (account.clone(), Arc::clone(&batches));
            let (texts, next) = (Arc::clone(&texts), Arc::clone(&next));
            work.spawn(async move {
                let (mut lacking, mut lower) = (Vec::new(), Vec::new());
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    look(&account, batch, (&texts, &mut lower), &mut lacking).await;
                }
                lacking
            });
        }
        work.join_all().await.concat()
    }
}

async fn look(
    account: &Account,
    batch: &[Entry],
    (texts, lower): (&PlainTexts, &mut Vec<u8>),
    lacking: &mut Vec<usize>,
) {
    let read = account.read_blobs(batch.iter().map(|(_, blob)| *blob)).await;
    for ((in_view, _), octets) in batch.iter().zip(read.unwrap_or_default()) {
        let Ok(octets) = octets else { continue };
        lower.clear();
        lower.extend_from_slice(&octets);
        lower.make_ascii_lowercase();
        if texts.are_absent(lower) {
            lacking.push(*in_view);
        }
    }
    tokio::task::yield_now().await;
}
