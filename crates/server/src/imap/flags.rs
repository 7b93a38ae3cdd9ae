//! Flags between the store's bits and the words of IMAP.

use std::sync::Arc;

use imap::grammar::flag::{Flag, system_name};
use store::Keywords;
use types::{KeywordName, SystemKeyword};

/// Whether a message has `\Recent` in this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recent {
    Yes,
    No,
}

/// Prints sets of flags; the last one is remembered, because most messages have the same.
#[derive(Debug)]
pub(super) struct FlagText {
    names: Arc<[KeywordName]>,
    last: Option<(u64, Recent)>,
    text: Vec<u8>,
}

impl FlagText {
    pub(super) fn new(names: &Arc<[KeywordName]>) -> Self {
        FlagText {
            names: Arc::clone(names),
            last: None,
            text: Vec::new(),
        }
    }

    /// Whether it has all names that a mailbox has now: they are only added to.
    pub(super) fn knows(&self, names: &[KeywordName]) -> bool {
        self.names.len() == names.len()
    }

    /// The flags separated by spaces, without parentheses.
    pub(super) fn print(&mut self, keywords: u64, recent: Recent) -> &[u8] {
        if self.last != Some((keywords, recent)) {
            self.last = Some((keywords, recent));
            self.text.clear();
            for flag in flags_of(keywords, &self.names) {
                push(&mut self.text, flag);
            }
            if recent == Recent::Yes {
                push(&mut self.text, "\\Recent");
            }
        }
        &self.text
    }
}

fn push(text: &mut Vec<u8>, flag: &str) {
    if !text.is_empty() {
        text.push(b' ');
    }
    text.extend_from_slice(flag.as_bytes());
}

fn flags_of<'n>(keywords: u64, names: &'n [KeywordName]) -> impl Iterator<Item = &'n str> {
    let system = SystemKeyword::ALL
        .into_iter()
        .filter(move |keyword| keywords & keyword.bit() != 0)
        .map(|keyword| -> &'n str { system_name(keyword) });
    let named = names
        .iter()
        .zip(SystemKeyword::COUNT..u64::BITS)
        .filter(move |(_, bit)| keywords & (1 << bit) != 0)
        .map(|(name, _)| name.as_str());
    system.chain(named)
}

/// The bit of a keyword's name in a mailbox, if the mailbox knows it.
pub(super) fn bit_of(name: &KeywordName, names: &[KeywordName]) -> Option<u64> {
    let index = names.iter().position(|known| known == name)?;
    let shift = u32::try_from(index).ok()?.checked_add(SystemKeyword::COUNT)?;
    1u64.checked_shl(shift)
}

/// What the store calls a list of flags.
pub(super) fn keywords(flags: &[Flag]) -> Keywords {
    let mut keywords = Keywords::default();
    for flag in flags {
        match flag {
            Flag::System(system) => keywords.system |= system.bit(),
            Flag::Keyword(name) if !keywords.names.contains(name) => keywords.names.push(name.clone()),
            Flag::Keyword(_) => {}
        }
    }
    keywords
}

/// All flags of a mailbox: the system's in the order that RFC 3501 lists them, then the mailbox's own.
pub(super) fn all(names: &[KeywordName]) -> Vec<Flag> {
    let system = [
        SystemKeyword::Answered,
        SystemKeyword::Flagged,
        SystemKeyword::Deleted,
        SystemKeyword::Seen,
        SystemKeyword::Draft,
    ];
    let named = names.iter().cloned().map(Flag::Keyword);
    system.into_iter().map(Flag::System).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_print_as_words() {
        let names: Arc<[KeywordName]> = ["$a", "b"].map(|n| KeywordName::check(n).unwrap()).into();
        let mut text = FlagText::new(&names);
        let mut check = |bits, recent, wanted: &str| assert_eq!(text.print(bits, recent), wanted.as_bytes());
        check(0, Recent::No, "");
        check(1, Recent::No, "\\Seen");
        check(1, Recent::Yes, "\\Seen \\Recent");
        check(0, Recent::Yes, "\\Recent");
        check(0b110_0001, Recent::No, "\\Seen $a b");
        assert_eq!(bit_of(&names[1], &names), Some(1 << 6));
        assert_eq!(bit_of(&KeywordName::check("c").unwrap(), &names), None);
    }
}
