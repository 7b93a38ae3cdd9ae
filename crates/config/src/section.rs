//! A table of a file that is being read: what was asked for, and what is wrong so far.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use types::Domain;

use crate::kind::Kind;
use crate::{Problem, Words};

/// Where problems are gathered, and how a place becomes a line.
pub(crate) struct Report<'a> {
    pub(crate) text: &'a str,
    pub(crate) problems: RefCell<Vec<Problem>>,
}

impl Report<'_> {
    pub(crate) fn at(&self, place: Range<usize>, what: Words) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = Some(before.matches('\n').count() + 1);
        self.problems.borrow_mut().push(Problem { line, what });
    }

    pub(crate) fn missing(&self, what: Words) {
        self.problems.borrow_mut().push(Problem { line: None, what });
    }
}

/// A table whose keys are taken one by one; what nobody takes is unknown.
pub(crate) struct Section<'a> {
    name: String,
    table: Option<&'a DeTable<'a>>,
    report: &'a Report<'a>,
    taken: HashSet<String>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(name: &str, table: Option<&'a DeTable<'a>>, report: &'a Report<'a>) -> Self {
        Section {
            name: name.to_owned(),
            table,
            report,
            taken: HashSet::new(),
        }
    }

    /// The section of a key, empty where it is not there.
    pub(crate) fn section(&mut self, key: &str) -> Section<'a> {
        let name = match self.name.is_empty() {
            true => key.to_owned(),
            false if Domain::check(key).is_ok() && !key.contains('.') => format!("{}.{key}", self.name),
            false => format!("{}.{key:?}", self.name),
        };
        let table = self.find(key).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                let what = Words::new(
                    format!("[{name}] must be a table"),
                    format!("[{name}] 必须是一个表"),
                );
                self.report.at(value.span(), what);
            }
            table
        });
        Section::new(&name, table, self.report)
    }

    /// The keys that there are.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&'a str, Range<usize>)> + use<'a> {
        let keys = self.table.into_iter().flatten();
        keys.map(|(key, _)| (&**key.get_ref(), key.span()))
    }

    /// Says what is wrong with a place.
    pub(crate) fn wrong(&self, place: Range<usize>, what: Words) {
        self.report.at(place, what);
    }

    /// The value of a key, where there is one and it is right.
    pub(crate) fn take<K: Kind>(&mut self, key: &str, kind: &K) -> Option<K::Value> {
        let value = self.find(key)?;
        match kind.read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(what) => {
                let what = Words::new(
                    format!("{key}: {}", what.english),
                    format!("{key}：{}", what.chinese),
                );
                self.report.at(value.span(), what);
                None
            }
        }
    }

    fn find(&mut self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.taken.insert(key.to_owned());
        self.table?.get(key)
    }

    /// Whether a key is there, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.get(key).is_some())
    }

    /// Says that a key must be there, unless it is.
    pub(crate) fn require(&self, key: &str) {
        if self.has(key) {
            return;
        }
        let place = match self.name.is_empty() {
            true => String::new(),
            false => format!("[{}] ", self.name),
        };
        self.report.missing(Words::new(
            format!("{place}{key} must be given"),
            format!("缺少 {place}{key}"),
        ));
    }

    /// Reports what nobody has taken.
    pub(crate) fn end(self) {
        for (key, place) in self.keys().filter(|(key, _)| !self.taken.contains(*key)) {
            let words = match self.name.is_empty() {
                true => Words::new(
                    format!("there is no setting {key}"),
                    format!("没有 {key} 这个设置"),
                ),
                false => Words::new(
                    format!("there is no setting {key} in [{}]", self.name),
                    format!("[{}] 中没有 {key} 这个设置", self.name),
                ),
            };
            self.report.at(place, words);
        }
    }
}
