//! Messages that read as they are written are searched as they are: nothing is decoded.
//!
//! What is not in the bytes of such a message is in none of its texts. So this only rules messages out; what has a text in its
//! bytes is looked at as every other message is, and the answer is the same.

use std::sync::Arc;

use memchr::memmem::Finder;

use super::normal::head_of;

/// Set in every octet of what is compared: makes lower case of letters in one step, and mixes up some signs, which only lets
/// more messages through.
const LOWER: u8 = 0x20;

/// Texts as far as they can be looked for in bytes: of each, the longest piece of characters that no header writes in two ways.
pub(super) struct PlainTexts(Vec<Finder<'static>>);

impl PlainTexts {
    /// Takes folded texts, if all have such a piece. What is not ASCII is in no message that reads as it is written.
    pub(super) fn check<'t>(folded: impl Iterator<Item = &'t [u8]>) -> Option<Self> {
        let is_plain = |c: &u8| c.is_ascii_alphanumeric() || b"-_.@".contains(c);
        let finder = |text: &[u8]| {
            let pieces = text.split(|c| !is_plain(c));
            let longest = pieces
                .max_by_key(|piece| piece.len())
                .filter(|piece| !piece.is_empty())?;
            let lower: Vec<u8> = longest.iter().map(|octet| octet | LOWER).collect();
            Some(Finder::new(&lower).into_owned())
        };
        let finders: Option<Vec<_>> = folded.filter(|text| text.is_ascii()).map(finder).collect();
        finders.map(PlainTexts)
    }

    /// Whether all are in no such message.
    pub(super) fn need_no_look(&self) -> bool {
        self.0.is_empty()
    }

    fn are_absent(&self, octets: &[u8], lower: &mut Vec<u8>) -> bool {
        lower.clear();
        lower.extend(octets.iter().map(|octet| octet | LOWER));
        self.0.iter().all(|text| text.find(lower).is_none())
    }

    /// Says of the bytes of a message whether all texts are absent.
    pub(super) fn test(self: Arc<Self>) -> impl FnMut(&[u8]) -> bool + Send + 'static {
        let mut lower = Vec::new();
        move |octets| self.are_absent(octets, &mut lower)
    }

    /// The same of its header.
    pub(super) fn test_header(self: Arc<Self>) -> impl FnMut(&[u8]) -> bool + Send + 'static {
        let mut lower = Vec::new();
        move |octets| self.are_absent(head_of(octets), &mut lower)
    }
}
