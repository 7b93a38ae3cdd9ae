//! Blocks of search text (`store::TextBlock`): which messages they have, and how they are made.
//!
//! They are made after a search that had to decode many messages: an account that nobody searches costs nothing, and no delivery
//! waits. Whether a message is in a block changes how long a search takes, and nothing else.

use std::ops::Range;

use bytes::Bytes;
use store::{Account, StoreError, TextBlock, TextEntry, TextForm};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use types::BlobId;

use super::many::Wanted;
use super::normal::{Folded, VERSION};

/// Octets of text of a block: enough to compress well, little enough to stay in a processor's cache.
const BLOCK: usize = 256 << 10;
/// A block that is begun and not filled is kept from this size on, or with [`ENOUGH`] messages.
const HALF_BLOCK: usize = 128 << 10;
/// Fewer messages than this are decoded when they are searched.
const ENOUGH: usize = 32;
/// Messages in a block at the most: those that are nearly all picture.
const MAX_MESSAGES: usize = 1024;
/// Larger messages are not read for blocks.
const MAX_SIZE: u64 = 1 << 20;
/// Octets of text of a message at the most: its compatibility forms may make it longer than it is.
const MAX_TEXT: usize = 1 << 20;
/// Octets of messages that are read at once to make blocks.
const READ_AT_ONCE: u64 = 1 << 20;
/// A block is read if at least one in so many of its messages is wanted; otherwise it is cheaper to decode those.
const SPARSE: usize = 8;

/// Blocks of one account are made at a time: they are nobody's hurry, and take a core.
static MAKING: Semaphore = Semaphore::const_new(1);

/// Where messages are looked at.
#[derive(Default)]
pub(super) struct Split {
    /// In blocks, with their numbers in each.
    pub(super) in_blocks: Vec<(TextBlock, Vec<(usize, Wanted)>)>,
    /// In their bytes.
    pub(super) unread: Vec<Wanted>,
    /// Those of the latter that are in no block, and might be.
    pub(super) in_no_block: Vec<Wanted>,
}

/// Finds the blocks that have some messages.
pub(super) async fn split(account: &Account, messages: Vec<Wanted>) -> Split {
    let mut split = Split::default();
    if messages.is_empty() {
        return split;
    }
    // Without blocks it takes longer, and no more.
    let blocks = account.text_blocks(VERSION).await.unwrap_or_default().blocks;
    let places = |(at, block): (usize, &TextBlock)| {
        let messages = block.messages.iter().enumerate();
        messages
            .map(|(number, entry)| (entry.blob, at, number))
            .collect::<Vec<_>>()
    };
    let mut places: Vec<_> = blocks.iter().enumerate().flat_map(places).collect();
    places.sort_unstable();
    let mut wanted: Vec<Vec<(usize, Wanted)>> = vec![Vec::new(); blocks.len()];
    for message in messages {
        let place = places.partition_point(|(blob, ..)| *blob < message.blob);
        let place = places.get(place).filter(|(blob, ..)| *blob == message.blob);
        match place.and_then(|(_, at, number)| Some((wanted.get_mut(*at)?, number))) {
            Some((wanted, number)) => wanted.push((*number, message)),
            None => {
                if message.form != TextForm::Ascii && message.size <= MAX_SIZE {
                    split.in_no_block.push(message);
                }
                split.unread.push(message);
            }
        }
    }
    for (block, wanted) in blocks.into_iter().zip(wanted) {
        if wanted.len() * SPARSE < block.messages.len() {
            split
                .unread
                .extend(wanted.into_iter().map(|(_, message)| message));
        } else {
            split.in_blocks.push((block, wanted));
        }
    }
    split
}

/// Where in a block's text the header and the body of each message stand; `None` where they are not kept.
pub(super) fn places(block: &TextBlock) -> Vec<Option<(Range<usize>, Range<usize>)>> {
    let mut at = 0;
    let mut next = |length: u32| {
        let start = at;
        at += usize::try_from(length).unwrap_or(0);
        start..at
    };
    let place = |entry: &TextEntry| entry.lengths.map(|(header, body)| (next(header), next(body)));
    block.messages.iter().map(place).collect()
}

/// Has blocks made of messages that a search had to decode, if they are enough and none are being made.
pub(super) fn build_later(account: &Account, messages: Vec<Wanted>) {
    let octets: u64 = messages.iter().map(|message| message.size).sum();
    if messages.len() < ENOUGH || octets < BLOCK as u64 {
        return;
    }
    let Ok(permit) = MAKING.try_acquire() else { return };
    let account = account.clone();
    tokio::spawn(async move {
        let _permit = permit;
        match build(&account, messages).await {
            // The account has gone in the meantime.
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(error) => tracing::warn!(account = account.id().0, %error, "search text is not kept"),
        }
    });
}

/// Makes blocks of messages, and throws away those that are useless.
///
/// # Errors
/// When the account has been deleted, or the engine fails.
pub(super) async fn build(account: &Account, mut messages: Vec<Wanted>) -> Result<(), StoreError> {
    let found = account.text_blocks(VERSION).await?;
    let kept = found.blocks.iter().flat_map(|block| &block.messages);
    let mut kept: Vec<BlobId> = kept.map(|entry| entry.blob).collect();
    kept.sort_unstable();
    messages.retain(|message| kept.binary_search(&message.blob).is_err());
    messages.sort_unstable_by_key(|message| message.blob);
    messages.dedup_by_key(|message| message.blob);
    account.drop_text_blocks(found).await?;
    let mut block = Making::default();
    let mut rest = messages.as_slice();
    while !rest.is_empty() {
        let mut octets = 0;
        let fits = |message: &&Wanted| {
            octets += message.size;
            octets <= READ_AT_ONCE
        };
        let some = rest.iter().take_while(fits).count().max(1);
        let (some, later) = rest.split_at(some);
        for (blob, folded) in read(account, some).await? {
            block.push(blob, &folded);
            if block.text.len() >= BLOCK || block.messages.len() >= MAX_MESSAGES {
                std::mem::take(&mut block).put(account).await?;
            }
        }
        rest = later;
    }
    if block.text.len() >= HALF_BLOCK || block.messages.len() >= ENOUGH {
        block.put(account).await?;
    }
    Ok(())
}

/// Reads and folds messages. One that cannot be read is left out.
async fn read(account: &Account, messages: &[Wanted]) -> Result<Vec<(BlobId, Folded)>, StoreError> {
    let blobs: Vec<BlobId> = messages.iter().map(|message| message.blob).collect();
    let read = account.read_blobs(blobs.iter().copied()).await?;
    let fold = move || {
        let readable = |(blob, octets): (BlobId, Result<Bytes, StoreError>)| {
            let octets = octets.ok()?;
            Some((blob, Folded::of(&octets)))
        };
        blobs.into_iter().zip(read).filter_map(readable).collect()
    };
    // A message that makes decoding panic must not be in a block; nor can the others of its group be.
    Ok(spawn_blocking(fold).await.unwrap_or_default())
}

/// A block that is being filled.
#[derive(Default)]
struct Making {
    messages: Vec<TextEntry>,
    text: Vec<u8>,
}

impl Making {
    fn push(&mut self, blob: BlobId, folded: &Folded) {
        let fits = folded.header.len() + folded.body.len() <= MAX_TEXT;
        let length = |octets: &[u8]| u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let lengths = fits.then(|| (length(folded.header.as_bytes()), length(&folded.body)));
        if fits {
            self.text.extend_from_slice(folded.header.as_bytes());
            self.text.extend_from_slice(&folded.body);
        }
        self.messages.push(TextEntry { blob, lengths });
    }

    async fn put(self, account: &Account) -> Result<(), StoreError> {
        account.put_text_block(VERSION, self.messages, &self.text).await
    }
}

#[cfg(test)]
mod tests;
