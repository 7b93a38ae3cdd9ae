//! What is wrong with a file of settings.

use std::fmt;

use crate::Words;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line it stands in, counted from 1; none for what is missing.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: Words,
}

/// Everything that is wrong. It prints in English, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    fn english(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {}", self.what.english),
            None => self.what.english.clone(),
        }
    }

    fn chinese(&self) -> String {
        match self.line {
            Some(line) => format!("第 {line} 行：{}", self.what.chinese),
            None => self.what.chinese.clone(),
        }
    }
}

impl Problems {
    /// The same in Chinese.
    #[must_use]
    pub fn chinese(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(Problem::chinese).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::english).collect();
        f.write_str(&lines.join("\n"))
    }
}
