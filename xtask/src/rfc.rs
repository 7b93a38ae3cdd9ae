//! Which RFCs matter (`docs/rfc/index.tsv`), and where the code cites them (`docs/rfc/citations.md`, written here).
//!
//! A citation is `RFC 3501 §6.4.5`. `DEVIATION RFC …: why` and `GAP RFC …: what is missing` are listed with their words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// The list of RFCs, relative to the root.
pub const INDEX: &str = "docs/rfc/index.tsv";
/// The page that is written, relative to the root.
pub const CITATIONS: &str = "docs/rfc/citations.md";

/// What the index may say of an RFC.
const STATUSES: [&str; 4] = ["yes", "partly", "no", "planned"];
const COLUMNS: &str = "rfc\ttitle\tstatus\tcrate";
/// The words that begin a statement about compliance.
const STATEMENTS: [&str; 3] = ["DEVIATION RFC ", "GAP RFC ", "ERRATUM RFC "];

/// A row of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub title: String,
    /// yes, partly, no or planned.
    pub status: String,
    /// Where it lives, or will.
    pub home: String,
}

/// A place where an RFC is cited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The RFC's number.
    pub rfc: u32,
    /// The section, without `§`; empty when the whole RFC is meant.
    pub section: String,
    /// The file, relative to the root.
    pub file: PathBuf,
}

/// A statement about compliance, with its words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// The RFC's number.
    pub rfc: u32,
    /// The words as they stand in the code, in one line.
    pub words: String,
    /// The file, relative to the root.
    pub file: PathBuf,
}

/// Reads the index.
///
/// # Errors
///
/// When it cannot be read, or a row is not as it should be.
pub fn index(root: &Path) -> Result<BTreeMap<u32, Entry>> {
    parse_index(&workspace::read(root, Path::new(INDEX))?)
}

fn parse_index(text: &str) -> Result<BTreeMap<u32, Entry>> {
    let mut lines = text.lines();
    ensure!(
        lines.next() == Some(COLUMNS),
        "{INDEX} begins with the columns {COLUMNS:?}"
    );
    let mut index = BTreeMap::new();
    let mut last = 0;
    for line in lines {
        let (number, entry) = parse_row(line).with_context(|| format!("{INDEX}: {line:?}"))?;
        ensure!(number > last, "{INDEX}: RFC {number} comes after RFC {last}");
        last = number;
        index.insert(number, entry);
    }
    Ok(index)
}

fn parse_row(line: &str) -> Result<(u32, Entry)> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, title, status, home] = columns[..] else {
        anyhow::bail!("four columns are wanted, {} are there", columns.len());
    };
    ensure!(STATUSES.contains(&status), "{status:?} is none of {STATUSES:?}");
    let entry = Entry {
        title: title.to_owned(),
        status: status.to_owned(),
        home: home.to_owned(),
    };
    Ok((number.parse()?, entry))
}

/// Where citations count: everywhere but here, where they are examples.
fn cited_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = workspace::files(root, &["rs", "txt"])?;
    files.retain(|file| !file.starts_with("xtask"));
    Ok(files)
}

/// Every citation in our files.
///
/// # Errors
///
/// When a file cannot be read.
pub fn citations(root: &Path) -> Result<BTreeSet<Citation>> {
    let mut found = BTreeSet::new();
    for file in cited_files(root)? {
        let text = workspace::read(root, &file)?;
        for (rfc, section) in cited(&text) {
            found.insert(Citation {
                rfc,
                section,
                file: file.clone(),
            });
        }
    }
    Ok(found)
}

/// The RFCs and sections that a text cites.
#[must_use]
pub fn cited(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for after in text.split("RFC ").skip(1) {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = after.split_at(digits);
        let Ok(number) = number.parse() else { continue };
        found.extend(sections(rest).into_iter().map(|section| (number, section)));
    }
    found
}

/// `7` and `8` of ` §7, §8 and more`; an empty one when no section is named.
fn sections(text: &str) -> Vec<String> {
    let Some(mut rest) = text.trim_start().strip_prefix('§') else {
        return vec![String::new()];
    };
    let mut found = Vec::new();
    loop {
        let number = section(rest);
        found.push(number.to_owned());
        rest = rest.get(number.len()..).unwrap_or("");
        let Some(next) = [", §", " and §"]
            .iter()
            .find_map(|between| rest.strip_prefix(between))
        else {
            return found;
        };
        rest = next;
    }
}

/// `6.4.5` of `6.4.5: what follows`.
fn section(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or("").trim_end_matches('.')
}

/// Every DEVIATION, GAP and ERRATUM in our files.
///
/// # Errors
///
/// When a file cannot be read.
pub fn statements(root: &Path) -> Result<BTreeSet<Statement>> {
    let mut found = BTreeSet::new();
    for file in cited_files(root)? {
        let text = workspace::read(root, &file)?;
        found.extend(stated(&text).into_iter().map(|(rfc, words)| Statement {
            rfc,
            words,
            file: file.clone(),
        }));
    }
    Ok(found)
}

/// The statements in a text: from the word to the end of its comment.
fn stated(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(comment) = comment(line) else { continue };
        let Some(start) = STATEMENTS.iter().filter_map(|word| comment.find(word)).min() else {
            continue;
        };
        let mut words = comment.get(start..).unwrap_or("").to_owned();
        while let Some(more) = lines.peek().and_then(|next| self::comment(next)) {
            if more.is_empty() || STATEMENTS.iter().any(|word| more.contains(word)) {
                break;
            }
            words.push(' ');
            words.push_str(more);
            lines.next();
        }
        if let Some((rfc, _)) = cited(&words).first() {
            found.push((*rfc, words));
        }
    }
    found
}

/// What a line says after `//`, `///`, `//!` or `#`.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let words = line
        .strip_prefix("//")
        .map(|rest| rest.trim_start_matches(['/', '!']));
    words.or_else(|| line.strip_prefix('#')).map(str::trim)
}

/// The page of citations as it should be.
///
/// # Errors
///
/// When a file cannot be read.
pub fn page(root: &Path) -> Result<String> {
    let index = index(root)?;
    let citations = citations(root)?;
    let statements = statements(root)?;
    let mut page = String::from(
        "# What the code cites\n\n\
        Written by `cargo xtask rfc`; do not edit. [index.tsv](index.tsv) lists every RFC that matters.\n\n\
        ## Where we do otherwise, and what is missing\n\n",
    );
    for statement in &statements {
        writeln!(page, "* {} (`{}`)", statement.words, statement.file.display())?;
    }
    page.push_str("\n## RFC, section, place\n");
    let mut last = None;
    let mut section = None;
    for citation in &sorted(citations) {
        if last != Some(citation.rfc) {
            last = Some(citation.rfc);
            section = None;
            write_heading(&mut page, citation.rfc, index.get(&citation.rfc))?;
        }
        if section.as_ref() != Some(&citation.section) {
            section = Some(citation.section.clone());
            write!(page, "\n* {}:", named(&citation.section))?;
        } else {
            page.push(',');
        }
        write!(page, " `{}`", citation.file.display())?;
    }
    page.push('\n');
    Ok(page)
}

fn named(section: &str) -> String {
    if section.is_empty() {
        "as a whole".to_owned()
    } else {
        format!("§{section}")
    }
}

fn write_heading(page: &mut String, rfc: u32, entry: Option<&Entry>) -> Result<()> {
    match entry {
        Some(entry) => write!(page, "\n\n### RFC {rfc}: {} ({})\n", entry.title, entry.status)?,
        None => write!(page, "\n\n### RFC {rfc}\n")?,
    }
    Ok(())
}

/// §6.4.10 comes after §6.4.9.
fn sorted(citations: BTreeSet<Citation>) -> Vec<Citation> {
    let mut sorted: Vec<Citation> = citations.into_iter().collect();
    sorted.sort_by_cached_key(|citation| {
        let numbers: Vec<(u32, String)> = citation
            .section
            .split('.')
            .map(|part| (part.parse().unwrap_or(u32::MAX), part.to_owned()))
            .collect();
        (
            citation.rfc,
            !citation.section.is_empty(),
            numbers,
            citation.file.clone(),
        )
    });
    sorted
}

/// Writes the page of citations.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn write(root: &Path) -> Result<()> {
    let place = root.join(CITATIONS);
    fs::write(&place, page(root)?).with_context(|| place.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    // In pieces, so that this file cites nothing that is not meant.
    const RFC: &str = "RFC ";

    #[test]
    fn citations_are_found_with_their_sections() {
        let check = |text: &str, expected: &[(u32, &str)]| {
            let found = cited(&text.replace("RFC ", RFC));
            let expected: Vec<_> = expected
                .iter()
                .map(|(rfc, section)| (*rfc, (*section).to_owned()))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check(&format!("{RFC}3501 §6.4.5: more"), &[(3501, "6.4.5")]);
        check(&format!("({RFC}3501 §6.4.5.)"), &[(3501, "6.4.5")]);
        check(&format!("{RFC}2034."), &[(2034, "")]);
        check(
            &format!("{RFC}3501 §7 and {RFC}5321 §A.1"),
            &[(3501, "7"), (5321, "A.1")],
        );
        check(
            &format!("{RFC}3501 §7, §8 and §9, 10"),
            &[(3501, "7"), (3501, "8"), (3501, "9")],
        );
        check(&format!("{RFC}nnnn"), &[]);
    }

    #[test]
    fn a_statement_ends_with_its_comment() {
        let text = format!("/// DEVIATION {RFC}5321 §4: one\n/// two\n///\n/// three\nfn f() {{}}\n");
        assert_eq!(
            stated(&text),
            [(5321, format!("DEVIATION {RFC}5321 §4: one two"))]
        );
    }

    #[test]
    fn a_row_with_a_strange_status_is_refused() {
        let row = |status: &str| format!("{COLUMNS}\n1939\tPOP3\t{status}\tpop3\n");
        parse_index(&row("yes")).unwrap();
        parse_index(&row("maybe")).unwrap_err();
    }
}
