//! What no compiler sees: dependencies that point up, protocols in the store, long files, silent files, loose citations.
//!
//! Run by `tests/tidy.rs` of this package, so by the test command.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::{rfc, workspace};

/// The crates, lowest layer first. ARCHITECTURE.md says what each is for.
const LAYERS: [&[&str]; 6] = [
    &["types", "wire"],
    &["message", "smtp", "pop3", "imap", "sasl"],
    &["engine"],
    &["store", "directory"],
    &["server", "config", "client"],
    &["posthouse"],
];

/// Siblings that know each other all the same: IMAP prints what the message crate read.
const SIBLINGS: [(&str, &str); 2] = [("imap", "message"), ("server", "config")];

/// Words that the store must not know.
const PROTOCOLS: [&str; 5] = ["imap", "pop3", "smtp", "jmap", "nntp"];

/// What a newcomer reads: every place it names is there.
const PAGES: [&str; 6] = [
    "README.md",
    "README.zh-CN.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

/// Lines of a file, tests not counted.
const LONG: usize = 500;

/// Begins a comment that says why a file is longer.
const REASON: &str = concat!("// LONG", " FILE: ");

/// Everything that is not tidy, a line each.
///
/// # Errors
///
/// When a file cannot be read.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = dependencies(root)?;
    for file in workspace::files(root, &["rs"])? {
        let text = workspace::read(root, &file)?;
        problems.extend(of_file(&file, &text));
    }
    problems.extend(citations(root)?);
    for page in PAGES {
        let text = workspace::read(root, Path::new(page))?;
        let lost = named_places(&text).filter(|place| !is_there(root, place));
        problems.extend(lost.map(|place| format!("{page}: names {place}, which is not there")));
    }
    Ok(problems)
}

/// The files that a page links to, and those whose paths it writes as code.
fn named_places(page: &str) -> impl Iterator<Item = &str> {
    let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    let code = page.split('`').skip(1).step_by(2);
    let paths = code.filter(|code| code.contains('/') && code.chars().all(is_of_path));
    links.chain(paths.filter(|path| !path.starts_with(['.', '/']) && !path.starts_with("target/")))
}

fn is_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-".contains(c)
}

/// ARCHITECTURE.md leaves `crates/` out.
fn is_there(root: &Path, place: &str) -> bool {
    root.join(place).exists() || root.join("crates").join(place).exists()
}

/// Dependencies that point up or sideways.
fn dependencies(root: &Path) -> Result<Vec<String>> {
    let layers: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(layer, crates)| crates.iter().map(move |name| (*name, layer)))
        .collect();
    let mut problems = Vec::new();
    for folder in root.join("crates").read_dir()? {
        let name = folder?.file_name().to_string_lossy().into_owned();
        let Some(layer) = layers.get(name.as_str()) else {
            problems.push(format!("crates/{name}: has no layer in xtask/src/tidy.rs"));
            continue;
        };
        let manifest = workspace::read(root, &Path::new("crates").join(&name).join("Cargo.toml"))?;
        for needed in needed(&manifest) {
            let points_down = layers.get(needed).is_none_or(|below| below < layer);
            if !points_down && !SIBLINGS.contains(&(name.as_str(), needed)) {
                problems.push(format!(
                    "crates/{name}: depends on {needed}, which is not below it"
                ));
            }
        }
    }
    problems.sort();
    Ok(problems)
}

/// The names under `[dependencies]`. What only tests need may come from anywhere.
fn needed(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty())
}

/// What is wrong with one file.
fn of_file(file: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut problem = |words: String| problems.push(format!("{}: {words}", file.display()));
    if !text.starts_with("//!") && !text.starts_with("#![") {
        problem("does not begin with //!".to_owned());
    }
    let lines = written_lines(text);
    if !is_test(file) && lines > LONG && !text.contains(REASON) {
        problem(format!("has {lines} lines, and no `{REASON}why`"));
    }
    if file.starts_with("crates/store/src") {
        for (number, line) in text.lines().enumerate() {
            if let Some(protocol) = protocol_in(line) {
                problem(format!("line {}: the store does not know {protocol}", number + 1));
            }
        }
    }
    problems
}

/// Lines before the tests in the same file.
fn written_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .count()
}

fn is_test(file: &Path) -> bool {
    let in_tests = file.components().any(|part| part.as_os_str() == "tests");
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    in_tests || name == "tests" || name.ends_with("_tests")
}

fn protocol_in(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| PROTOCOLS.into_iter().find(|protocol| word == *protocol))
}

/// Citations of RFCs that the index does not list, and a page that is not up to date.
fn citations(root: &Path) -> Result<Vec<String>> {
    let index = rfc::index(root)?;
    let mut problems = Vec::new();
    for citation in rfc::citations(root)? {
        if !index.contains_key(&citation.rfc) {
            let file = citation.file.display();
            problems.push(format!(
                "{file}: cites {}, which {} does not list",
                citation.rfc,
                rfc::INDEX
            ));
        }
    }
    let page = workspace::read(root, Path::new(rfc::CITATIONS)).unwrap_or_default();
    if page != rfc::page(root)? {
        problems.push(format!(
            "{}: is not up to date; run `cargo xtask rfc`",
            rfc::CITATIONS
        ));
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_found_as_a_word() {
        assert_eq!(protocol_in("/// The IMAP flag"), Some("imap"));
        assert_eq!(protocol_in("let pop3_uid = 1;"), Some("pop3"));
        assert_eq!(protocol_in("/// A simple maple"), None);
    }

    #[test]
    fn dependencies_are_read_and_those_of_tests_are_not() {
        let manifest = "[package]\nname = 1\n[dependencies]\ntypes.workspace = true\nrustix = { a = 1 }\n\n\
                        [dev-dependencies]\nserver.workspace = true\n";
        assert_eq!(needed(manifest).collect::<Vec<_>>(), ["types", "rustix"]);
    }

    #[test]
    fn places_are_links_and_paths_in_code() {
        let page = "[a](b.md) `crates/c.rs` [d](https://e.example) `f g/h` `/i` [j](#k) `target/l`";
        assert_eq!(named_places(page).collect::<Vec<_>>(), ["b.md", "crates/c.rs"]);
    }

    #[test]
    fn a_file_of_501_lines_needs_a_reason() {
        let text = |lines: usize| format!("//! About.\n{}", "x\n".repeat(lines - 1));
        let file = Path::new("crates/wire/src/lines.rs");
        assert_eq!(of_file(file, &text(500)), [""; 0]);
        assert_eq!(of_file(file, &text(501)).len(), 1);
        assert_eq!(of_file(file, &format!("{}{REASON}tables", text(501))), [""; 0]);
        assert_eq!(
            of_file(file, &format!("{}#[cfg(test)]\nx\nx\n", text(499))),
            [""; 0]
        );
        assert_eq!(
            of_file(Path::new("crates/wire/src/tests.rs"), &text(501)),
            [""; 0]
        );
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        assert_eq!(of_file(Path::new("crates/wire/src/a.rs"), "fn a() {}\n").len(), 1);
    }
}
