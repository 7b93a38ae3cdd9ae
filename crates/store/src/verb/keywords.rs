//! Marking messages.

use types::{KeywordName, MailboxId, SystemKeyword, Uid};

use crate::row::MailboxRow;
use crate::sequencer::{Draft, Verb};
use crate::state::MAX_KEYWORDS;
use crate::{MessageRow, StoreError};

/// A set of keywords by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords {
    /// [`SystemKeyword`]'s bits.
    pub system: u64,
    /// The others.
    pub names: Vec<KeywordName>,
}

/// What is to happen to the keywords of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeywordAction {
    /// The named ones are set.
    Add,
    /// The named ones are cleared.
    Remove,
    /// The named ones are set and all others cleared.
    Replace,
}

/// A change of keywords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordChange {
    /// What to do.
    pub action: KeywordAction,
    /// With which keywords.
    pub keywords: Keywords,
}

const SYSTEM_BITS: u64 = (1 << SystemKeyword::COUNT) - 1;

impl Keywords {
    /// The system keywords among bits.
    pub(crate) fn system_of(bits: u64) -> Self {
        Keywords {
            system: bits & SYSTEM_BITS,
            names: Vec::new(),
        }
    }

    /// The set as bits in a mailbox; names that are new to it are added to it. Those for which there is no room are left out:
    /// a mark that cannot be kept must not keep a message from being stored (RFC 3501 §7.1, PERMANENTFLAGS).
    pub(crate) fn bits_in(&self, mailbox: &mut MailboxRow) -> u64 {
        let mut bits = self.system & SYSTEM_BITS;
        for name in &self.names {
            let known = mailbox.keywords.iter().position(|known| known == name);
            let index = match known {
                Some(index) => index,
                None if mailbox.keywords.len() == MAX_KEYWORDS => continue,
                None => {
                    mailbox.keywords.push(name.clone());
                    mailbox.keywords.len() - 1
                }
            };
            bits |= bit_of(index);
        }
        bits
    }

    /// The names that bits stand for in a mailbox.
    pub(crate) fn of_bits(bits: u64, mailbox: &MailboxRow) -> Self {
        Keywords::named(bits, &mailbox.keywords)
    }

    /// The set that bits stand for in a mailbox that has these keywords of its own, in their order.
    #[must_use]
    pub fn named(bits: u64, keywords: &[KeywordName]) -> Self {
        let named = keywords
            .iter()
            .enumerate()
            .filter(|(index, _)| bits & bit_of(*index) != 0);
        Keywords {
            system: bits & SYSTEM_BITS,
            names: named.map(|(_, name)| name.clone()).collect(),
        }
    }

    fn known_bits_in(&self, mailbox: &MailboxRow) -> u64 {
        let index_of = |name| mailbox.keywords.iter().position(|known| known == name);
        let named = self.names.iter().filter_map(index_of).map(bit_of);
        named.fold(self.system & SYSTEM_BITS, |bits, bit| bits | bit)
    }
}

fn bit_of(index: usize) -> u64 {
    1 << (index + SystemKeyword::COUNT as usize)
}

/// Changes the keywords of messages.
pub(crate) struct SetKeywords {
    pub(crate) mailbox: MailboxId,
    pub(crate) uids: Vec<Uid>,
    pub(crate) change: KeywordChange,
}

impl Verb for SetKeywords {
    type Output = Vec<MessageRow>;

    async fn apply(self, draft: &mut Draft) -> Result<Vec<MessageRow>, StoreError> {
        let mut mailbox = draft.mailbox(self.mailbox)?;
        let mut rows = draft.rows(mailbox.id, &self.uids).await?;
        let defined = mailbox.keywords.len();
        let KeywordChange { action, keywords } = &self.change;
        let bits = match action {
            KeywordAction::Remove => keywords.known_bits_in(&mailbox),
            KeywordAction::Add | KeywordAction::Replace => keywords.bits_in(&mut mailbox),
        };
        let after = |old: u64| match action {
            KeywordAction::Add => old | bits,
            KeywordAction::Remove => old & !bits,
            KeywordAction::Replace => bits,
        };
        if rows.iter().all(|row| after(row.keywords) == row.keywords) && defined == mailbox.keywords.len() {
            return Ok(rows);
        }
        let change = draft.next_change();
        for row in &mut rows {
            let keywords = after(row.keywords);
            if keywords != row.keywords {
                let old = *row;
                *row = MessageRow {
                    keywords,
                    change,
                    ..old
                };
                draft.replace_row(&mut mailbox, &old, *row);
            }
        }
        draft.set_mailbox(mailbox);
        Ok(rows)
    }
}
