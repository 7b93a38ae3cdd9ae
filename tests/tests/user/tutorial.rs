//! The tutorial, as a newcomer pastes it: every block of docs/tutorial.md and docs/tutorial.zh-CN.md is run, in the order of the page.
//!
//! A block of Rust is an example of the client, word for word, which is run as it was built. A `text` block is what the block above it
//! prints, `…` being anything. In the table of protocols every command of the last column is run. Wants curl and python3.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use end_to_end::{Server, program};

/// The ports of `posthouse local` that the pages name, before the offset.
const PORTS: [u16; 8] = [24, 25, 110, 143, 465, 587, 993, 995];

/// Something on a page that can be run.
#[derive(Debug)]
struct Block {
    language: String,
    code: String,
    /// What it prints, where the page says it.
    expected: Option<String>,
    line: usize,
}

/// The blocks of a page, and the commands of its tables.
fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.to_owned(),
                    code: String::new(),
                    expected: None,
                    line: number,
                });
            }
            (None, None) => found.extend(command_of_row(line, number)),
            (Some(block), None) => block.code.push_str(&format!("{line}\n")),
            (Some(_), Some(_)) => match open.take().unwrap() {
                text if text.language == "text" => {
                    let above = found.last_mut().expect("a text block stands below another");
                    above.expected = Some(text.code);
                }
                block => found.push(block),
            },
        }
    }
    found
}

/// The command in the last cell of a table's row.
fn command_of_row(line: &str, number: usize) -> Option<Block> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    let cell = row.rsplit('|').next()?.trim();
    let code = cell.strip_prefix('`')?.strip_suffix('`')?;
    let is_command = code.starts_with("curl ") || code.starts_with("posthouse ");
    is_command.then(|| Block {
        language: "sh".to_owned(),
        code: code.to_owned(),
        expected: None,
        line: number,
    })
}

/// `2025` becomes the port of this server.
fn with_ports(code: &str, server: &Server) -> String {
    // In two steps: the digits of one port may be found within another, such as 2143 in 21430.
    let named = PORTS.into_iter().fold(code.to_owned(), |code, port| {
        code.replace(&format!(":{}", 2000 + port), &format!(":<port {port}>"))
            .replace(&format!(", {}", 2000 + port), &format!(", <port {port}>"))
    });
    PORTS.into_iter().fold(named, |code, port| {
        code.replace(&format!("<port {port}>"), &(server.offset() + port).to_string())
    })
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What an example says to the lints of this workspace.
const LINTS: &str = "#![allow(clippy::print_stdout, reason = \"an example says what it does\")]\n";

/// The examples that mirror the tutorial, with their texts. Those of speed are for measuring.
fn examples() -> Vec<(String, String)> {
    let folder = repository().join("crates/client/examples");
    let mut examples = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with("_speed") {
            // What the lints of this workspace want is nothing for a reader.
            examples.push((name, fs::read_to_string(path).unwrap().replace(LINTS, "")));
        }
    }
    examples
}

/// A built example. `cargo xtask test` builds it beside the program.
pub(crate) fn built_example(name: &str) -> String {
    let test = env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let path = folder.join("examples").join(name);
    assert!(path.is_file(), "{}: `cargo xtask test` builds it", path.display());
    path.to_str().unwrap().to_owned()
}

/// The server's URL that an example has where none is given.
fn url_in(code: &str) -> &str {
    let schemes = ["smtp://", "pop3://", "imap://"];
    let is_url = |text: &&str| schemes.iter().any(|scheme| text.starts_with(scheme));
    code.split('"').find(is_url).expect("an example has a server")
}

/// The words of a block, and what stands for it on the command line.
fn words(block: &Block, server: &Server, examples: &[(String, String)]) -> (Vec<String>, Option<String>) {
    let code = with_ports(&block.code, server);
    let interpreted = |program: &str, options: &[&str]| {
        let options = options.iter().map(ToString::to_string);
        [program.to_owned()]
            .into_iter()
            .chain(options)
            .chain([code.clone()])
            .collect()
    };
    match block.language.as_str() {
        "sh" => (interpreted("sh", &["-e", "-c"]), None),
        "python" => (interpreted("python3", &["-c"]), None),
        "rust" => {
            let same = examples.iter().find(|(_, text)| *text == block.code);
            let (name, _) =
                same.unwrap_or_else(|| panic!("line {}: no such example:\n{}", block.line, block.code));
            (
                vec![built_example(name), url_in(&code).to_owned()],
                Some(name.clone()),
            )
        }
        other => panic!("line {}: what is {other:?}?", block.line),
    }
}

/// Whether a text is what is expected, `…` being anything.
fn is_like(text: &str, expected: &str) -> bool {
    let Some((first, others)) = expected.split_once('…') else {
        return text == expected;
    };
    let (between, last) = others.rsplit_once('…').unwrap_or(("", others));
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for piece in between.split('…') {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn run_page(page: &str) {
    if !program::is_here("curl") || !program::is_here("python3") {
        return;
    }
    let server = Server::start();
    server.add("alice@example.org", "alice");
    server.add("bob@example.org", "bob");
    let folder = tempfile::tempdir().unwrap();
    symlink(server.data(), folder.path().join("posthouse-data")).unwrap();
    let bin = end_to_end::server::posthouse(&[]).get_program().to_owned();
    let bin = Path::new(&bin).parent().unwrap().to_str().unwrap().to_owned();
    let path = format!("PATH={bin}:{}", env::var("PATH").unwrap());

    let text = fs::read_to_string(repository().join("docs").join(page)).unwrap();
    let blocks = blocks(&text);
    assert!(
        blocks[0].code.contains("posthouse local"),
        "the first block starts the server"
    );
    let examples = examples();
    let mut mirrored = BTreeSet::new();
    for block in &blocks[1..] {
        let (words, example) = words(block, &server, &examples);
        mirrored.extend(example);
        let environment = ["env".to_owned(), path.clone()];
        let said = program::run(folder.path(), &[&environment[..], &words].concat(), b"");
        let printed = format!("{}{}", said.err, said.text()).replace('\r', "");
        let place = format!("{page}, line {}:\n{}\n{printed}", block.line, block.code);
        assert_eq!(said.code, Some(0), "{place}");
        if let Some(expected) = &block.expected {
            let expected = with_ports(expected, &server);
            assert!(
                is_like(printed.trim_end(), expected.trim_end()),
                "{place}\nis not\n{expected}"
            );
        }
    }
    let all: BTreeSet<String> = examples.into_iter().map(|(name, _)| name).collect();
    assert_eq!(mirrored, all, "{page}: every example is a step");
}

#[test]
fn every_block_of_the_tutorial_runs() {
    run_page("tutorial.md");
}

#[test]
fn every_block_of_the_chinese_tutorial_runs() {
    run_page("tutorial.zh-CN.md");
}

#[test]
fn dots_stand_for_anything() {
    for (text, expected, like) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a…", true),
        ("abc", "…c", true),
        ("abc", "a…b", false),
        ("abc", "…", true),
        ("abc", "b…", false),
    ] {
        assert_eq!(is_like(text, expected), like, "{text} {expected}");
    }
}
