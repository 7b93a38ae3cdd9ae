//! What is said to a person, in every language that there is.

/// The same in English and in Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub english: String,
    /// In Chinese.
    pub chinese: String,
}

impl Words {
    pub(crate) fn new(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Words {
            english: english.into(),
            chinese: chinese.into(),
        }
    }
}
