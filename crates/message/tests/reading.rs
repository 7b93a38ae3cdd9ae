//! Reads 6,046 real messages with this crate and with Python's `email`, and compares what a person would see: subject, senders,
//! date, every text, every name of a part.
//!
//! Both see the same but for the classes of [`CLASSES`]: each says why what we see is better, tells such a difference from others by
//! a check of its own, and has a number that must be exact. The messages are fetched by `corpus/fetch.sh`; where they or Python are
//! absent the test says so and does not run, except in CI, where it fails.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that reads files and says when it does not run"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use posthouse_message::{AddressItem, Kind, Message, PartId};
use serde_json::Value;

/// Must be that of `corpus/fetch.sh`.
const FOLDER: &str = "spam-assassin-0.2.3";

const DUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/dump.py");

/// A difference: what was read, what we saw, and what Python saw.
struct Difference<'a> {
    file: &'a str,
    fact: &'a str,
    ours: &'a str,
    theirs: &'a str,
}

/// A class of differences.
struct Class {
    name: &'static str,
    /// Why ours is better.
    #[expect(dead_code, reason = "it is there to be read")]
    why: &'static str,
    count: usize,
    is_one: fn(&Difference<'_>) -> bool,
}

/// In the order in which they are asked.
const CLASSES: &[Class] = &[
    Class {
        name: "folds",
        why: "RFC 5322 §2.2.3: a fold is one blank to a person. Python keeps the blanks that the next line was set in by, and those at \
              the ends of a field.",
        count: 174,
        is_one: |it| it.fact == "subject" && words(it.ours) == words(it.theirs),
    },
    Class {
        name: "charset",
        why: "Octets that have no label, the label of another charset, or one that is not known. Python shows U+FFFD or control \
              characters, or fails; we find the charset.",
        count: 322,
        is_one: |it| unread(it.theirs) > unread(it.ours) && unread(it.ours) * 50 <= it.ours.chars().count(),
    },
    Class {
        name: "blanks at line ends",
        why: "RFC 2045 §6.7 rule 3: blanks before the end of a quoted-printable line were added on the way and must be deleted. \
              Python keeps them.",
        count: 234,
        is_one: |it| it.fact == "text" && ends_trimmed(it.ours) == ends_trimmed(it.theirs),
    },
    Class {
        name: "name in a comment",
        why: "`address (Name)` was how names were written before there were brackets, and is still read so (RFC 5322 §3.4). Python drops them.",
        count: 279,
        is_one: |it| it.fact == "from" && it.theirs == without_names(it.ours),
    },
    Class {
        name: "blanks in names",
        why: "Blanks at the ends of a quoted name are no part of it.",
        count: 22,
        is_one: |it| it.fact == "from" && words(it.ours) == words(&it.theirs.replace("| ", "|")),
    },
    Class {
        name: "zones",
        why: "`+-0500`, `GMT+1`, `10:05:15 PM` and the year first: Python ignores what it cannot read, or reads nothing.",
        count: 27,
        is_one: |it| it.fact == "date",
    },
    Class {
        name: "loose equals signs",
        why: "RFC 2045 §6.7: `=` before what is no digits was put there by a program that does not encode, and stands for itself. Python \
              swallows some of them, or takes them for the end of a line.",
        count: 5,
        is_one: |it| it.fact == "text" && without_equals(it.ours) == without_equals(it.theirs),
    },
    Class {
        name: "letters of Big5",
        why: "One code has two letters of Unicode; we take the one that browsers take (WHATWG).",
        count: 1,
        is_one: |it| it.fact == "text" && it.ours.replace('～', "∼") == it.theirs,
    },
    Class {
        name: "delimiters",
        why: "RFC 2046 §5.1.1: a delimiter is one whatever follows it on its line.",
        count: 1,
        is_one: |it| {
            it.fact == "text"
                && it
                    .theirs
                    .strip_prefix(it.ours)
                    .is_some_and(|rest| rest.starts_with("\n--"))
        },
    },
    Class {
        name: "plain text behind base64",
        why: "Mailing lists put their footers there. Python decodes them as base64 too, or then decodes nothing at all.",
        count: 1,
        is_one: |it| {
            let undecoded = it.theirs.starts_with("PGh0bWw") && it.ours.starts_with("<html>");
            it.fact == "text"
                && (undecoded
                    || it
                        .theirs
                        .strip_prefix(it.ours)
                        .is_some_and(|rest| unread(rest) > 0))
        },
    },
    Class {
        name: "damage",
        why: "Behind a damaged pair of GB 2312 we go on one octet later than Python does. Neither text is better.",
        count: 1,
        is_one: |it| it.file.starts_with("spam-2/01064."),
    },
    Class {
        name: "words within words",
        why: "RFC 2047 §5 wants blanks around an encoded word; programs write none, and a person wants to read the name.",
        count: 1,
        is_one: |it| it.theirs.contains("=?") && !it.ours.contains("=?"),
    },
    Class {
        name: "broken addresses",
        why: "Python shows `<>` instead of an address that it cannot parse, and none of those after it. We show what is written.",
        count: 6,
        is_one: |it| it.fact == "from" && (it.theirs.contains("|<>") || it.ours.starts_with(it.theirs)),
    },
    Class {
        name: "blanks in names of files",
        why: "`filename=two words.doc` without quotes: the name is all of it.",
        count: 1,
        is_one: |it| it.fact == "name" && !it.theirs.is_empty() && it.ours.starts_with(it.theirs),
    },
    Class {
        name: "reports",
        why: "Python takes every group of a delivery report for a part with text. We read the report (`read::Report`).",
        count: 3,
        is_one: |it| it.fact == "parts" && it.theirs.len() > it.ours.len(),
    },
    Class {
        name: "no boundary",
        why: "A multipart whose boundary is not in its body holds nothing for Python. We show it as text.",
        count: 2,
        is_one: |it| it.fact == "parts" && it.theirs.len() < it.ours.len(),
    },
];

/// The words of a text.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A text without blanks, and without equals signs and what stands for them.
fn without_equals(text: &str) -> String {
    let text = text.replace("3D", "");
    text.chars()
        .filter(|letter| *letter != '=' && !letter.is_whitespace())
        .collect()
}

/// How many characters show that nobody could read them.
fn unread(text: &str) -> usize {
    if text.starts_with("{\"error\"") {
        return text.len();
    }
    text.chars()
        .filter(|letter| matches!(letter, '\u{fffd}' | '\u{80}'..='\u{9f}'))
        .count()
}

fn ends_trimmed(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches([' ', '\t', '\r']))
        .collect();
    lines.join("\n").trim_end().to_owned()
}

/// `Name|address, …` with no name.
fn without_names(list: &str) -> String {
    let bare = list
        .split(", ")
        .map(|one| format!("|{}", one.rsplit('|').next().unwrap_or_default()));
    bare.collect::<Vec<_>>().join(", ")
}

/// Facts by name, in the order in which both see them.
type Facts = Vec<(&'static str, String)>;

fn our_facts(bytes: &[u8]) -> Facts {
    let message = Message::parse(bytes);
    let mut facts = Facts::new();
    let has_subject = message.header(PartId::ROOT).first("Subject").is_some();
    facts.push((
        "subject",
        if has_subject {
            message.subject()
        } else {
            String::new()
        },
    ));
    let from = message.envelope().from;
    let addresses = from
        .iter()
        .filter(|item| matches!(item, AddressItem::Address { .. }));
    let shown = addresses.map(|item| {
        let name = item.display_name().unwrap_or_default();
        format!("{name}|{}", item.address().unwrap_or_default())
    });
    facts.push(("from", shown.collect::<Vec<_>>().join(", ")));
    facts.push((
        "date",
        message
            .date()
            .map(|date| date.timestamp().to_string())
            .unwrap_or_default(),
    ));
    for id in message.structure().ids() {
        let kind = message.part(id).kind;
        if kind == Kind::Text {
            facts.push(("text", message.text(id).replace("\r\n", "\n")));
        }
        if matches!(kind, Kind::Text | Kind::Other) {
            facts.push(("name", message.file_name(id).unwrap_or_default()));
        }
    }
    facts
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn their_facts(line: &Value) -> Facts {
    let mut facts = Facts::new();
    facts.push(("subject", plain(&line["subject"])));
    let from = match &line["from"] {
        Value::Array(list) => {
            let shown = list
                .iter()
                .map(|one| format!("{}|{}", plain(&one[0]), plain(&one[1])));
            shown.collect::<Vec<_>>().join(", ")
        }
        error => error.to_string(),
    };
    facts.push(("from", from));
    facts.push(("date", plain(&line["date"])));
    let parts = line["parts"].as_array().unwrap();
    for part in parts {
        if let Some(text) = part.get("text") {
            facts.push(("text", plain(text).replace("\r\n", "\n")));
        }
        facts.push(("name", plain(&part["name"])));
    }
    facts
}

/// The folder of the messages, or `None` where there is nothing to compare.
fn corpus() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus");
    let folder = std::env::var_os("POSTHOUSE_CORPUS")
        .map_or(target, PathBuf::from)
        .join(FOLDER);
    let has_python = Command::new("python3")
        .arg("--version")
        .output()
        .is_ok_and(|run| run.status.success());
    if folder.is_dir() && has_python {
        return Some(folder);
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !ci,
        "{} or python3 is absent: run crates/message/tests/corpus/fetch.sh",
        folder.display()
    );
    println!("not run: {} or python3 is absent", folder.display());
    None
}

#[test]
fn a_person_sees_what_python_sees_or_more() {
    let Some(folder) = corpus() else { return };
    let run = Command::new("python3").arg(DUMP).arg(&folder).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = String::new();
    let mut messages = 0;
    for line in String::from_utf8(run.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let file = line["file"].as_str().unwrap();
        let ours = our_facts(&std::fs::read(folder.join(file)).unwrap());
        let theirs = their_facts(&line);
        messages += 1;
        compare(file, &ours, &theirs, &mut |difference| match CLASSES
            .iter()
            .find(|class| (class.is_one)(difference))
        {
            Some(class) => *counts.entry(class.name).or_default() += 1,
            None => tell(difference, &mut wrong),
        });
    }
    assert_eq!(messages, 6046);
    for class in CLASSES {
        let found = counts.get(class.name).copied().unwrap_or(0);
        if found != class.count {
            writeln!(wrong, "{}: {found} instead of {}", class.name, class.count).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn compare(file: &str, ours: &Facts, theirs: &Facts, found: &mut dyn FnMut(&Difference<'_>)) {
    let names = |facts: &Facts| facts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let (left, right) = (names(ours), names(theirs));
    if left != right {
        return found(&Difference {
            file,
            fact: "parts",
            ours: &left,
            theirs: &right,
        });
    }
    for ((fact, ours), (_, theirs)) in ours.iter().zip(theirs).filter(|(left, right)| left != right) {
        found(&Difference {
            file,
            fact,
            ours,
            theirs,
        });
    }
}

/// Writes down what stands around the first place where two texts differ.
fn tell(difference: &Difference<'_>, to: &mut String) {
    let pairs = difference.ours.chars().zip(difference.theirs.chars());
    let same = pairs.take_while(|(left, right)| left == right).count();
    let cut = |text: &str| -> String { text.chars().skip(same.saturating_sub(20)).take(70).collect() };
    let (ours, theirs) = (cut(difference.ours), cut(difference.theirs));
    writeln!(
        to,
        "{} {}\n  ours   {ours:?}\n  theirs {theirs:?}",
        difference.file, difference.fact
    )
    .unwrap();
}
