//! Reads 6,046 real messages with this crate and with mail-parser, and compares what they see.
//!
//! Every disagreement stands in `differential/verdicts.tsv` with a verdict; one that does not, or one that no longer
//! occurs, fails the test. The messages are fetched by `corpus/fetch.sh`; where they are absent the test says so and
//! does not run, except in CI, where it fails. `POSTHOUSE_VERDICTS=write` writes the list anew, verdicts kept.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that reads files and says when it does not run"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mail_parser::{Address, HeaderValue, MessageParser, MessagePart, MimeHeaders, PartType};
use posthouse_message::{AddressItem, Kind, Message, PartId};

/// Must be that of `corpus/fetch.sh`.
const FOLDER: &str = "spam-assassin-0.2.3";

const VERDICTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/verdicts.tsv");

/// Where the two see different things.
struct Disagreement {
    file: String,
    what: String,
    ours: String,
    theirs: String,
}

/// The messages by name, or `None` where they were not fetched.
fn corpus() -> Option<Vec<(String, Vec<u8>)>> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus");
    let folder = std::env::var_os("POSTHOUSE_CORPUS")
        .map_or(target, PathBuf::from)
        .join(FOLDER);
    if !folder.is_dir() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(
            !ci,
            "{} is absent: run crates/message/tests/corpus/fetch.sh",
            folder.display()
        );
        println!(
            "not run: {} is absent; crates/message/tests/corpus/fetch.sh fetches it",
            folder.display()
        );
        return None;
    }
    let mut messages = Vec::new();
    for group in std::fs::read_dir(&folder).unwrap() {
        let group = group.unwrap().path();
        for file in std::fs::read_dir(&group).unwrap() {
            let file = file.unwrap().path();
            let name = format!(
                "{}/{}",
                group.file_name().unwrap().display(),
                file.file_stem().unwrap().display()
            );
            messages.push((name, std::fs::read(&file).unwrap()));
        }
    }
    messages.sort();
    assert_eq!(messages.len(), 6046);
    Some(messages)
}

/// What is compared of one message: what it is, and what was seen.
type Facts = BTreeMap<String, String>;

fn our_facts(bytes: &[u8]) -> Facts {
    let message = Message::parse(bytes);
    let mut facts = Facts::new();
    let structure = message.structure();
    let mut kinds = String::new();
    for (number, id) in structure.ids().enumerate() {
        let part = structure.part(id);
        let kind = match part.kind {
            Kind::Text => "text",
            Kind::Other => "other",
            Kind::Multipart => "multipart",
            Kind::Message => "message",
        };
        write!(kinds, "{kind} ").unwrap();
        let range = format!("{} {} {}", part.header.start, part.body.start, part.body.end);
        facts.insert(format!("part {number} range"), range);
        let content = match part.kind {
            Kind::Text => Some(message.text(id)),
            Kind::Other => Some(format!("{:?}", message.decoded_body(id))),
            Kind::Multipart | Kind::Message => None,
        };
        facts.extend(content.map(|content| (format!("part {number} content"), content)));
        facts.extend(
            message
                .file_name(id)
                .map(|name| (format!("part {number} name"), name)),
        );
    }
    facts.insert("parts".to_owned(), kinds);
    let mut add = |name: &str, value: Option<String>| {
        facts.extend(
            value
                .filter(|value| !value.is_empty())
                .map(|value| (name.to_owned(), value)),
        );
    };
    add("subject", Some(message.subject()));
    add("date", message.date().map(|date| date.timestamp().to_string()));
    add("message-id", message.message_id());
    let header = message.header(PartId::ROOT);
    let references = header
        .first("References")
        .map(|field| posthouse_message::parse_message_ids(field.value));
    add("references", references.map(|ids| ids.join(" ")));
    let envelope = message.envelope();
    let lists = [
        ("from", envelope.from),
        ("sender", envelope.sender),
        ("reply-to", envelope.reply_to),
        ("to", envelope.to),
        ("cc", envelope.cc),
    ];
    for (name, list) in lists {
        add(name, Some(our_addresses(&list)));
    }
    facts
}

fn our_addresses(list: &[AddressItem]) -> String {
    let shown = list.iter().map(|item| match item {
        AddressItem::Address { .. } => format!(
            "{} <{}>",
            item.display_name().unwrap_or_default(),
            item.address().unwrap_or_default()
        ),
        AddressItem::GroupStart(_) => format!("{}:", item.display_name().unwrap_or_default()),
        AddressItem::GroupEnd => ";".to_owned(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn their_facts(bytes: &[u8]) -> Facts {
    let mut facts = Facts::new();
    let Some(message) = MessageParser::default().parse(bytes) else {
        return facts;
    };
    let mut kinds = String::new();
    let mut number = 0;
    their_parts(&message, 0, &mut number, &mut |number, part| {
        let (kind, content) = match &part.body {
            PartType::Text(text) | PartType::Html(text) => ("text", Some(text.to_string())),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => ("other", Some(format!("{bytes:?}"))),
            PartType::Message(_) => ("message", None),
            PartType::Multipart(_) => ("multipart", None),
        };
        write!(kinds, "{kind} ").unwrap();
        let range = format!("{} {} {}", part.offset_header, part.offset_body, part.offset_end);
        facts.insert(format!("part {number} range"), range);
        facts.extend(content.map(|content| (format!("part {number} content"), content)));
        facts.extend(
            part.attachment_name()
                .map(|name| (format!("part {number} name"), name.to_owned())),
        );
    });
    facts.insert("parts".to_owned(), kinds);
    let mut add = |name: &str, value: Option<String>| {
        facts.extend(
            value
                .filter(|value| !value.is_empty())
                .map(|value| (name.to_owned(), value)),
        );
    };
    add("subject", message.subject().map(str::to_owned));
    add("date", message.date().map(|date| date.to_timestamp().to_string()));
    add("message-id", message.message_id().map(str::to_owned));
    add(
        "references",
        match message.references() {
            HeaderValue::Text(id) => Some(id.to_string()),
            HeaderValue::TextList(ids) => Some(ids.join(" ")),
            _ => None,
        },
    );
    let lists = [
        ("from", message.from()),
        ("sender", message.sender()),
        ("reply-to", message.reply_to()),
        ("to", message.to()),
        ("cc", message.cc()),
    ];
    for (name, list) in lists {
        add(name, list.map(their_addresses));
    }
    facts
}

/// Walks their parts in the order in which they begin.
fn their_parts<'m>(
    message: &'m mail_parser::Message<'m>,
    part: u32,
    number: &mut usize,
    visit: &mut dyn FnMut(usize, &'m MessagePart<'m>),
) {
    let Some(part) = message.part(part) else { return };
    visit(*number, part);
    *number += 1;
    match &part.body {
        PartType::Multipart(children) => children
            .iter()
            .for_each(|child| their_parts(message, *child, number, visit)),
        PartType::Message(inner) => their_parts(inner, 0, number, visit),
        _ => {}
    }
}

fn their_addresses(list: &Address<'_>) -> String {
    let address = |address: &mail_parser::Addr<'_>| {
        format!(
            "{} <{}>",
            address.name.as_deref().unwrap_or_default(),
            address.address.as_deref().unwrap_or_default()
        )
    };
    match list {
        Address::List(list) => list.iter().map(address).collect::<Vec<_>>().join(", "),
        Address::Group(groups) => {
            let groups = groups.iter().map(|group| {
                let members = group.addresses.iter().map(address).collect::<Vec<_>>().join(", ");
                match &group.name {
                    Some(name) => [format!("{name}:"), members, ";".to_owned()]
                        .into_iter()
                        .filter(|piece| !piece.is_empty())
                        .collect::<Vec<_>>()
                        .join(", "),
                    None => members,
                }
            });
            groups.collect::<Vec<_>>().join(", ")
        }
    }
}

fn compare(file: &str, bytes: &[u8], to: &mut Vec<Disagreement>) {
    let ours = our_facts(bytes);
    let theirs = their_facts(bytes);
    let mut add = |what: &str, ours: &str, theirs: &str| {
        to.push(Disagreement {
            file: file.to_owned(),
            what: what.to_owned(),
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
        });
    };
    let same_parts = ours.get("parts") == theirs.get("parts");
    let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        let (left, right) = (ours.get(name), theirs.get(name));
        // Where the trees differ, their parts cannot be compared one by one.
        if left == right || (!same_parts && name.starts_with("part ")) {
            continue;
        }
        add(
            name,
            left.map_or("", String::as_str),
            right.map_or("", String::as_str),
        );
    }
}

/// A number that changes with what either saw (FNV-1a).
fn fingerprint(found: &Disagreement) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in found.ours.bytes().chain([0]).chain(found.theirs.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// What stands around the first difference, on one line.
fn excerpts(found: &Disagreement) -> (String, String) {
    let same = found
        .ours
        .chars()
        .zip(found.theirs.chars())
        .take_while(|(left, right)| left == right)
        .count();
    let cut = |text: &str| {
        let piece: String = text.chars().skip(same.saturating_sub(12)).take(60).collect();
        piece.escape_debug().to_string()
    };
    (cut(&found.ours), cut(&found.theirs))
}

/// The verdicts by file and fact, with the fingerprint they were given for.
fn verdicts() -> BTreeMap<(String, String), (String, String)> {
    let text = std::fs::read_to_string(VERDICTS).unwrap();
    let rows = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut columns = row.split('\t').map(str::to_owned);
        let mut next = || {
            columns
                .next()
                .unwrap_or_else(|| panic!("a column is missing: {row}"))
        };
        ((next(), next()), (next(), next()))
    })
    .collect()
}

/// The words of the list's head: each line `# verdict: meaning`.
fn meanings() -> Vec<String> {
    let text = std::fs::read_to_string(VERDICTS).unwrap();
    let head = text.lines().filter_map(|line| line.strip_prefix("# "));
    head.filter_map(|line| line.split_once(": ").map(|(word, _)| word.to_owned()))
        .collect()
}

fn write_verdicts(found: &[Disagreement]) {
    let known = verdicts();
    let text = std::fs::read_to_string(VERDICTS).unwrap();
    let mut out: String = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    for item in found {
        let print = fingerprint(item);
        let verdict = known.get(&(item.file.clone(), item.what.clone()));
        let verdict = verdict
            .filter(|(_, old)| *old == print)
            .map_or("?", |(verdict, _)| verdict);
        let (ours, theirs) = excerpts(item);
        writeln!(
            out,
            "{}\t{}\t{verdict}\t{print}\t{ours}\t{theirs}",
            item.file, item.what
        )
        .unwrap();
    }
    std::fs::write(VERDICTS, out).unwrap();
}

#[test]
fn every_disagreement_with_mail_parser_has_a_verdict() {
    let Some(messages) = corpus() else { return };
    let mut found = Vec::new();
    for (file, bytes) in &messages {
        compare(file, bytes, &mut found);
    }
    println!("{} disagreements in {} messages", found.len(), messages.len());
    if std::env::var("POSTHOUSE_VERDICTS").is_ok_and(|value| value == "write") {
        write_verdicts(&found);
    }
    let mut known = verdicts();
    let meanings = meanings();
    let mut wrong = String::new();
    for item in &found {
        let (ours, theirs) = excerpts(item);
        let verdict = known.remove(&(item.file.clone(), item.what.clone()));
        match verdict {
            Some((verdict, print)) if print == fingerprint(item) && meanings.contains(&verdict) => {}
            _ => writeln!(
                wrong,
                "no verdict: {} {}\n  ours   {ours}\n  theirs {theirs}",
                item.file, item.what
            )
            .unwrap(),
        }
    }
    for (file, what) in known.keys() {
        writeln!(wrong, "a verdict on what is no longer so: {file} {what}").unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The structure does not depend on the form of the line ends, and every range is where it must be.
#[test]
fn line_ends_change_nothing_but_line_ends() {
    let Some(messages) = corpus() else { return };
    for (file, bytes) in &messages {
        let repaired = posthouse_message::repair::crlf(bytes);
        let bare = Message::parse(bytes);
        let good = Message::parse(&repaired);
        let (left, right) = (bare.structure(), good.structure());
        // A bare CR is no line end before it is repaired.
        if bytes.contains(&b'\r') {
            continue;
        }
        assert_eq!(left.parts().len(), right.parts().len(), "{file}");
        for id in left.ids() {
            assert_eq!(left.part(id).kind, right.part(id).kind, "{file}");
            assert_eq!(left.part(id).lines, right.part(id).lines, "{file}");
            assert_eq!(
                posthouse_message::repair::crlf(bare.body(id)),
                good.body(id),
                "{file}"
            );
            assert_eq!(bare.file_name(id), good.file_name(id), "{file}");
        }
        assert_eq!(bare.envelope(), good.envelope(), "{file}");
        assert_eq!(bare.preview(), good.preview(), "{file}");
    }
}
