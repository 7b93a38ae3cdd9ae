//! The marks of a message, as files of mail keep them: Maildir as letters in the name, mbox as fields of the header.

use types::{KeywordName, SystemKeyword};

/// System keywords, and others by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// [`SystemKeyword`]'s bits.
    pub system: u64,
    /// The others, each once.
    pub names: Vec<KeywordName>,
}

impl Marks {
    /// Whether a system keyword is among them.
    #[must_use]
    pub fn has(&self, keyword: SystemKeyword) -> bool {
        self.system & keyword.bit() != 0
    }

    /// Adds a system keyword.
    pub fn set(&mut self, keyword: SystemKeyword) {
        self.system |= keyword.bit();
    }

    /// Adds another keyword, once.
    pub fn name(&mut self, name: KeywordName) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}
