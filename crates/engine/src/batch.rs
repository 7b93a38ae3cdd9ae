//! A batch: changes to one partition that happen together, already in the form in which the log keeps them.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{BlobNumber, Partition};

/// The longest key: LMDB's limit of 511 octets less the partition's eight.
pub const MAX_KEY: usize = 503;

/// The length that stands for a deleted value.
const DELETED: u32 = u32::MAX;

/// Changes to one partition and the blobs that they name.
#[derive(Clone, Debug)]
pub struct Batch {
    partition: Partition,
    changes: BytesMut,
    blobs: Vec<BlobPut>,
    /// Encoded changes of [`Partition::ENGINE`] that happen together with these.
    beside: Bytes,
}

/// A blob that a batch brings.
#[derive(Clone, Debug)]
pub(crate) struct BlobPut {
    pub(crate) number: BlobNumber,
    pub(crate) bytes: Bytes,
    /// What a salvage without any index needs to know; the engine does not look inside.
    pub(crate) note: Bytes,
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key within the partition.
    pub key: Bytes,
    /// The new value; `None` deletes.
    pub value: Option<Bytes>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new(partition: Partition) -> Self {
        Batch {
            partition,
            changes: BytesMut::new(),
            blobs: Vec::new(),
            beside: Bytes::new(),
        }
    }

    /// Sets a key; of several changes of one key the last holds.
    ///
    /// # Panics
    /// When the key is longer than [`MAX_KEY`] or empty, or the value is 4 GiB: our own bug.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let length = u32::try_from(value.len())
            .ok()
            .filter(|l| *l != DELETED)
            .expect("a value under 4 GiB");
        self.push_key(key, length);
        self.changes.put_slice(value);
    }

    /// Deletes a key, which need not exist.
    ///
    /// # Panics
    /// When the key is longer than [`MAX_KEY`] or empty: our own bug.
    pub fn delete(&mut self, key: &[u8]) {
        self.push_key(key, DELETED);
    }

    /// Brings a blob under a number from [`crate::Engine::next_blob`]. `note` is kept beside it for salvage.
    pub fn put_blob(&mut self, number: BlobNumber, bytes: Bytes, note: Bytes) {
        self.blobs.push(BlobPut { number, bytes, note });
    }

    /// The partition it changes.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Octets of its rows, as they are encoded.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.blobs.is_empty() && self.beside.is_empty()
    }

    fn push_key(&mut self, key: &[u8], value_length: u32) {
        assert!(
            !key.is_empty() && key.len() <= MAX_KEY,
            "a key of 1 to {MAX_KEY} octets"
        );
        let key_length = u16::try_from(key.len()).expect("MAX_KEY fits");
        self.changes.put_u16_le(key_length);
        self.changes.put_u32_le(value_length);
        self.changes.put_slice(key);
    }

    /// Whether any of its blobs has more octets.
    pub(crate) fn has_large(&self, octets: u64) -> bool {
        self.blobs.iter().any(|blob| blob.bytes.len() as u64 > octets)
    }

    /// Takes the blobs out that have more octets.
    pub(crate) fn take_large(&mut self, octets: u64) -> Vec<BlobPut> {
        let is_large = |blob: &mut BlobPut| blob.bytes.len() as u64 > octets;
        self.blobs.extract_if(.., is_large).collect()
    }

    /// Has another batch's changes happen together with its own.
    pub(crate) fn put_beside(&mut self, other: Batch) {
        self.beside = other.changes.freeze();
    }

    /// What happens together with it, encoded.
    pub(crate) fn take_beside(&mut self) -> Bytes {
        std::mem::take(&mut self.beside)
    }

    /// The encoded changes, and the blobs.
    pub(crate) fn into_parts(self) -> (Bytes, Vec<BlobPut>) {
        (self.changes.freeze(), self.blobs)
    }
}

/// The changes in an encoded batch; `None` when the bytes are not such a batch.
pub(crate) fn parse_changes(encoded: &Bytes) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    let mut at = 0;
    while at < encoded.len() {
        let header = encoded.get(at..at + 6)?;
        let (key_length, value_length) = header.split_first_chunk::<2>()?;
        let key_length = usize::from(u16::from_le_bytes(*key_length));
        let value_length = u32::from_le_bytes(value_length.try_into().ok()?);
        let key_end = at + 6 + key_length;
        let deleted = value_length == DELETED;
        let value_end = if deleted {
            key_end
        } else {
            key_end + usize::try_from(value_length).ok()?
        };
        if value_end > encoded.len() || key_length == 0 || key_length > MAX_KEY {
            return None;
        }
        let value = (!deleted).then(|| encoded.slice(key_end..value_end));
        changes.push(Change {
            key: encoded.slice(at + 6..key_end),
            value,
        });
        at = value_end;
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_batch_parses_back_and_no_prefix_does_by_accident() {
        let mut batch = Batch::new(Partition(1));
        batch.put(b"a", b"1");
        batch.delete(b"bb");
        batch.put(b"c", b"");
        let (encoded, _) = batch.into_parts();
        let wanted = vec![
            Change {
                key: Bytes::from_static(b"a"),
                value: Some(Bytes::from_static(b"1")),
            },
            Change {
                key: Bytes::from_static(b"bb"),
                value: None,
            },
            Change {
                key: Bytes::from_static(b"c"),
                value: Some(Bytes::new()),
            },
        ];
        assert_eq!(parse_changes(&encoded), Some(wanted));
        for cut in [1, 5, 7, 9, 15, encoded.len() - 1] {
            assert_eq!(parse_changes(&encoded.slice(..cut)), None, "cut at {cut}");
        }
    }
}
