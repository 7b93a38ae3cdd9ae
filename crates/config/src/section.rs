//! A table of a file that is being read: what was asked for, and what is wrong so far.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problem;

/// Where problems are gathered, and how a place becomes a line.
pub(crate) struct Report<'a> {
    pub(crate) text: &'a str,
    pub(crate) problems: RefCell<Vec<Problem>>,
}

impl Report<'_> {
    pub(crate) fn at(&self, place: Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = Some(before.matches('\n').count() + 1);
        let what = what.into();
        self.problems.borrow_mut().push(Problem { line, what });
    }

    pub(crate) fn missing(&self, what: impl Into<String>) {
        let what = what.into();
        self.problems.borrow_mut().push(Problem { line: None, what });
    }
}

/// A table whose keys are taken one by one; what nobody takes is unknown.
pub(crate) struct Section<'a> {
    pub(crate) name: &'static str,
    table: Option<&'a DeTable<'a>>,
    report: &'a Report<'a>,
    taken: HashSet<&'static str>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(name: &'static str, table: Option<&'a DeTable<'a>>, report: &'a Report<'a>) -> Self {
        Section {
            name,
            table,
            report,
            taken: HashSet::new(),
        }
    }

    /// The section of a key, empty where it is not there.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'a> {
        self.section_named(key, key)
    }

    /// The same within another section, with its whole name.
    pub(crate) fn section_named(&mut self, key: &'static str, name: &'static str) -> Section<'a> {
        let table = self.take(key, |value| {
            value
                .as_table()
                .ok_or_else(|| format!("[{name}] must be a table"))
        });
        Section::new(name, table, self.report)
    }

    /// Whether there is anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_none_or(|table| table.is_empty())
    }

    /// The value of a key, where there is one and it is right.
    pub(crate) fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Option<T> {
        self.taken.insert(key);
        let value: &Spanned<DeValue<'a>> = self.table?.get(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(what) => {
                self.report.at(value.span(), format!("{key}: {what}"));
                None
            }
        }
    }

    /// Says that a key must be there, unless it is, right or wrong.
    pub(crate) fn require(&self, key: &str) {
        if self.table.is_none_or(|table| table.get(key).is_none()) {
            let place = if self.name.is_empty() {
                String::new()
            } else {
                format!("[{}] ", self.name)
            };
            self.report.missing(format!("{place}{key} must be given"));
        }
    }

    /// Reports what nobody has taken.
    pub(crate) fn end(self) {
        for (key, _) in self.table.into_iter().flatten() {
            if !self.taken.contains(&**key.get_ref()) {
                let place = if self.name.is_empty() {
                    String::new()
                } else {
                    format!(" in [{}]", self.name)
                };
                self.report.at(
                    key.span(),
                    format!("there is no setting {}{place}", key.get_ref()),
                );
            }
        }
    }
}

/// A text.
pub(crate) fn text<'a>(value: &'a DeValue<'a>) -> Result<&'a str, String> {
    value
        .as_str()
        .ok_or_else(|| "must be a text in quotes".to_owned())
}

/// Yes or no.
pub(crate) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A whole number in a range.
pub(crate) fn number(range: Range<u64>) -> impl FnOnce(&DeValue<'_>) -> Result<u64, String> {
    move |value| {
        let number = value
            .as_integer()
            .and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        let wanted = format!("must be a whole number from {} to {}", range.start, range.end - 1);
        number.filter(|number| range.contains(number)).ok_or(wanted)
    }
}

/// A list of what `read` reads.
pub(crate) fn list<'a, T>(
    read: impl Fn(&'a DeValue<'a>) -> Result<T, String>,
) -> impl FnOnce(&'a DeValue<'a>) -> Result<Vec<T>, String> {
    move |value| {
        let array = value.as_array().ok_or("must be a list in brackets")?;
        array.iter().map(|value| read(value.get_ref())).collect()
    }
}
