//! Search text: what can be read in messages, normalised by whoever can read them, many messages to a compressed block.
//!
//! It can always be thrown away, and made again from the messages: what is missing, of another version or damaged is as if it had
//! never been there. It lies in the account's partition, so it goes with the account.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use engine::Row;
use types::{BlobId, Uid};

use crate::account::scan_all;
use crate::sequencer::{Draft, Verb, submit};
use crate::{Account, MessageRow, StoreError, key};

/// The version of the form of the rows.
const VERSION: u8 = 1;
/// The length that stands for a text that is not kept.
const NOT_KEPT: u32 = u32::MAX;
/// Octets of one block's text at the most: what a damaged row can make us set aside.
const MAX_BLOCK: usize = 4 << 20;
/// Octets of a message in an index row.
const ENTRY: usize = 16;

/// Which messages a block has, in the order of their texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBlock {
    first: BlobId,
    /// Its messages.
    pub messages: Vec<TextEntry>,
}

/// One message of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEntry {
    /// The message's bytes.
    pub blob: BlobId,
    /// Octets of its header's text and of its body's; `None` when they were too many to keep.
    pub lengths: Option<(u32, u32)>,
}

impl TextEntry {
    fn octets(&self) -> usize {
        let (header, body) = self.lengths.unwrap_or_default();
        usize::try_from(u64::from(header) + u64::from(body)).unwrap_or(usize::MAX)
    }
}

/// The blocks of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBlocks {
    /// Those of the version that was asked for.
    pub blocks: Vec<TextBlock>,
    /// The others, to be thrown away.
    pub useless: Vec<BlobId>,
}

impl TextBlock {
    /// Octets of its text.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.messages
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(entry.octets()))
    }

    fn print(&self, version: u32) -> Bytes {
        let mut out = BytesMut::with_capacity(5 + ENTRY * self.messages.len());
        out.put_u8(VERSION);
        out.put_u32_le(version);
        for entry in &self.messages {
            let (header, body) = entry.lengths.unwrap_or((NOT_KEPT, 0));
            out.put_u64_le(entry.blob.0);
            out.put_u32_le(header);
            out.put_u32_le(body);
        }
        out.freeze()
    }

    fn parse(first: BlobId, mut value: &[u8], version: u32) -> Option<Self> {
        if value.len() < 5 || value.get_u8() != VERSION || value.get_u32_le() != version {
            return None;
        }
        let (entries, rest) = value.as_chunks::<ENTRY>();
        let parse = |mut entry: &[u8]| {
            let (blob, header, body) = (entry.get_u64_le(), entry.get_u32_le(), entry.get_u32_le());
            TextEntry {
                blob: BlobId(blob),
                lengths: (header != NOT_KEPT).then_some((header, body)),
            }
        };
        let block = TextBlock {
            first,
            messages: entries.iter().map(|entry| parse(entry)).collect(),
        };
        (rest.is_empty() && block.octets() <= MAX_BLOCK).then_some(block)
    }
}

impl Account {
    /// Which blocks of search text there are.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn text_blocks(&self, version: u32) -> Result<TextBlocks, StoreError> {
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        let mut found = TextBlocks::default();
        for row in scan_all(engine, partition, key::text_indexes()).await? {
            let Some(first) = key::blob_of(&row.key) else {
                continue;
            };
            match TextBlock::parse(first, &row.value, version) {
                Some(block) => found.blocks.push(block),
                None => found.useless.push(first),
            }
        }
        Ok(found)
    }

    /// Reads the text of a block into memory that is used again; says whether it is there and whole.
    pub async fn read_text_block(&self, block: &TextBlock, text: &mut Vec<u8>) -> bool {
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        let read = engine.get_many(partition, &[key::text_block(block.first)]).await;
        let packed = read.ok().and_then(|rows| rows.into_iter().next().flatten());
        let octets = block.octets();
        text.resize(octets, 0);
        packed.is_some_and(|packed| {
            lz4_flex::block::decompress_into(&packed, text).is_ok_and(|length| length == octets)
        })
    }

    /// Keeps the texts of messages, which stand in `text` one after the other, as a block.
    ///
    /// # Errors
    /// When the account has been deleted, or the engine fails.
    pub async fn put_text_block(
        &self,
        version: u32,
        messages: Vec<TextEntry>,
        text: &[u8],
    ) -> Result<(), StoreError> {
        let Some(first) = messages.first().map(|entry| entry.blob) else {
            return Ok(());
        };
        let block = TextBlock { first, messages };
        debug_assert!(
            block.octets() == text.len() && text.len() <= MAX_BLOCK,
            "texts of the messages"
        );
        let packed = lz4_flex::block::compress(text).into();
        let index = block.print(version);
        let put = PutTexts { first, index, packed };
        submit(self.shared(), put).await
    }

    /// Throws blocks away: those that are useless, and those of which less than half is still in the account. Who deletes mail
    /// does not want to find it again.
    ///
    /// # Errors
    /// When the account has been deleted, or the engine fails.
    pub async fn drop_text_blocks(&self, found: TextBlocks) -> Result<(), StoreError> {
        let mut firsts = found.useless;
        if !found.blocks.is_empty() {
            let living = self.living_blobs().await?;
            let lives = |entry: &&TextEntry| living.binary_search(&entry.blob).is_ok();
            let is_dead =
                |block: &&TextBlock| block.messages.iter().filter(lives).count() * 2 < block.messages.len();
            firsts.extend(found.blocks.iter().filter(is_dead).map(|block| block.first));
        }
        if firsts.is_empty() {
            return Ok(());
        }
        submit(self.shared(), DropTexts { firsts }).await
    }

    /// The bytes of all messages in mailboxes, in order: eight octets of memory a message.
    async fn living_blobs(&self) -> Result<Vec<BlobId>, StoreError> {
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        let mut living = Vec::new();
        for mailbox in self.mailboxes() {
            let rows = scan_all(engine, partition, key::messages_from(mailbox.id, Uid(0))).await?;
            let blob = |row: &Row| Some(MessageRow::parse(Uid(0), &row.value)?.blob);
            living.extend(rows.iter().filter_map(blob));
        }
        living.sort_unstable();
        Ok(living)
    }
}

struct PutTexts {
    first: BlobId,
    index: Bytes,
    packed: Bytes,
}

impl Verb for PutTexts {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        draft.batch().put(&key::text_index(self.first), &self.index);
        draft.batch().put(&key::text_block(self.first), &self.packed);
        Ok(())
    }
}

struct DropTexts {
    firsts: Vec<BlobId>,
}

impl Verb for DropTexts {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        for first in self.firsts {
            draft.batch().delete(&key::text_index(first));
            draft.batch().delete(&key::text_block(first));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_row_parses_back_and_no_prefix_or_other_version_does() {
        let entry = |blob, lengths| TextEntry {
            blob: BlobId(blob),
            lengths,
        };
        let block = TextBlock {
            first: BlobId(7),
            messages: vec![entry(7, Some((3, 4))), entry(9, None), entry(8, Some((0, 0)))],
        };
        let printed = block.print(5);
        assert_eq!(block.octets(), 7);
        assert_eq!(TextBlock::parse(BlobId(7), &printed, 5), Some(block));
        assert_eq!(TextBlock::parse(BlobId(7), &printed, 6), None);
        for length in (0..printed.len()).filter(|length| *length < 5 || (length - 5) % ENTRY != 0) {
            assert_eq!(
                TextBlock::parse(BlobId(7), &printed[..length], 5),
                None,
                "{length}"
            );
        }
        let huge = TextBlock {
            first: BlobId(1),
            messages: vec![entry(1, Some((u32::MAX - 1, u32::MAX)))],
        };
        assert_eq!(TextBlock::parse(BlobId(1), &huge.print(5), 5), None);
    }
}
