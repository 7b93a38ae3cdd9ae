//! The client's side and the server's side of the grammar understand each other: what one prints the other reads.

use std::fs;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use posthouse_imap::client::{
    Data, Framer as Responses, Limits as ResponseLimits, Line, Literals, Octets, Piece, Query, Response,
    parse,
};
use posthouse_imap::command::search::SearchKey;
use posthouse_imap::command::{self, Command};
use posthouse_imap::framing::{Event, Frame, Framer, Limits};
use posthouse_imap::response::fetch::FetchLine;
use posthouse_imap::response::mailbox::{self, Attribute, Listing};
use posthouse_imap::{Mode, body_structure_text, envelope_text};
use proptest::prelude::*;
use types::Uid;

/// What the server's side makes of a command.
fn served(line: Line, literals: Literals, mode: Mode) -> Command {
    let mut framer = Framer::new(Limits::after_login(1 << 20));
    let mut segments = line.end(literals).into_iter();
    loop {
        match framer.next_event() {
            Event::Incomplete | Event::Continue => framer.push(&segments.next().expect("a whole command").0),
            Event::Command(frame) => {
                assert!(segments.next().is_none());
                return command::parse(&frame, mode)
                    .unwrap_or_else(|bad| panic!("{frame:?}: {bad}"))
                    .command;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What the client's side makes of what a server has printed.
fn heard(printed: &[u8], mode: Mode) -> Response {
    let mut input = BytesMut::from(printed);
    match Responses::new(ResponseLimits::AFTER_LOGIN).next(&mut input) {
        Piece::Response(frame) => {
            assert!(input.is_empty());
            parse(&frame, mode).unwrap_or_else(|bad| panic!("{frame:?}: {bad}"))
        }
        other => panic!("{other:?}"),
    }
}

fn literals() -> impl Strategy<Value = Literals> {
    prop_oneof![Just(Literals::Asked), Just(Literals::Small), Just(Literals::All)]
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Ascii), Just(Mode::Utf8)]
}

proptest! {
    #[test]
    fn any_login_arrives(user in "[^\0]{0,40}", password in "[^\0]{0,40}", literals in literals()) {
        let line = Line::new("p1", "LOGIN").string(user.as_bytes()).string(password.as_bytes());
        let Command::Login(login) = served(line, literals, Mode::Ascii) else { panic!() };
        prop_assert_eq!((login.user, login.password), (Bytes::from(user), Bytes::from(password)));
    }

    #[test]
    fn any_mailbox_arrives(name in "[^\0/]{1,40}(/[^\0/\r\n]{1,20})?", mode in modes(), literals in literals()) {
        let line = Line::new("p1", "CREATE").mailbox(&name, mode);
        let Command::Create(mailbox) = served(line, literals, mode) else { panic!() };
        let read = posthouse_imap::grammar::mailbox::decode(&mailbox.text, mode);
        prop_assert_eq!(read, Some(name));
    }

    #[test]
    fn any_search_arrives(field in "[A-Za-z-]{1,20}", text in "[^\0]{0,40}", body in "[^\0]{0,40}", mode in modes()) {
        let query = Query::new().header(&field, &text).or(Query::new().body(&body).seen(), Query::new().larger(7));
        let key = query.key();
        let line = Line::search("p1", "", key.clone(), mode);
        let Command::Search(search) = served(line, Literals::Asked, mode) else { panic!() };
        prop_assert_eq!(search.key, key);
        let needs = !(text.is_ascii() && body.is_ascii()) && mode == Mode::Ascii;
        prop_assert_eq!(search.charset.is_some(), needs);
    }

    #[test]
    fn any_listing_is_heard(name in "[^\0\r\n]{0,40}", mode in modes()) {
        let mut out = Vec::new();
        mailbox::list(&mut out, Listing::List, &[Attribute::HasNoChildren], (&name, mode));
        let Response::Data(Data::List(listed)) = heard(&out, mode) else { panic!() };
        prop_assert_eq!(listed.name.text.as_ref(), name);
        prop_assert_eq!(listed.separator, Some('/'));
    }

    #[test]
    fn any_message_is_heard(header in "([A-Za-z-]{1,9}: [^\0\r\n]{0,30}\r\n){0,5}", body in "[^\0]{0,60}") {
        let source = format!("Subject: s\r\n{header}\r\n{body}");
        let message = message::Message::parse(source.as_bytes());
        let mut out = Vec::new();
        let mut line = FetchLine::begin(&mut out, 3);
        line.uid(Uid(9));
        line.envelope(&envelope_text(&message.envelope()));
        line.body_structure(&body_structure_text(&message));
        line.section(&Default::default(), None);
        line.octets(source.as_bytes());
        line.end();
        let Response::Data(Data::Fetch(fetched)) = heard(&out, Mode::Ascii) else { panic!() };
        prop_assert_eq!(fetched.uid, Some(Uid(9)));
        prop_assert_eq!(fetched.envelope.unwrap().subject, Some(Bytes::from_static(b"s")));
        prop_assert!(!fetched.structure.unwrap().media_type.is_empty());
        prop_assert_eq!(&fetched.parts[0].octets, &Octets::Kept(Bytes::from(source)));
    }

    #[test]
    fn no_response_breaks_the_parser(text in "[*+a] ([0-9]{1,3} )?(OK|LIST|FETCH|ESEARCH|STATUS|VANISHED|BODY)[ -~]{0,80}") {
        let frame = Frame { text: Bytes::from(text), literals: Vec::new() };
        let _ = parse(&frame, Mode::Ascii);
        let _ = parse(&frame, Mode::Utf8);
    }
}

#[test]
fn keys_without_a_text_arrive() {
    let query = Query::new()
        .unseen()
        .flagged()
        .undeleted()
        .except(Query::new().draft());
    let Command::Search(search) = served(
        Line::search("p1", "", query.key(), Mode::Ascii),
        Literals::All,
        Mode::Ascii,
    ) else {
        panic!()
    };
    assert!(matches!(search.key, SearchKey::And(keys) if keys.len() == 4));
}

/// Every line that a server says in the transcripts.
#[test]
fn what_the_transcripts_say_is_understood() {
    let mut checked = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts/imap");
    for command in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(command.unwrap().path()).unwrap() {
            for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
                checked += usize::from(is_understood(line));
            }
        }
    }
    assert!(checked > 250, "{checked}");
}

/// Whether a line of a transcript was one that could be checked: one without literals and captures that stand for anything.
fn is_understood(line: &str) -> bool {
    let Some((who, said)) = line.split_once([':', '~']) else {
        return false;
    };
    let said = said.trim();
    if !who.starts_with('S') || !said.starts_with("* ") || said.ends_with('}') || said.contains("<*>") {
        return false;
    }
    let mut text = String::new();
    for (n, piece) in said.split('<').enumerate() {
        match piece.split_once('>') {
            Some((_, after)) if n > 0 => text.push_str(&format!("7{after}")),
            _ => text.push_str(piece),
        }
    }
    match heard(format!("{text}\r\n").as_bytes(), Mode::Utf8) {
        Response::Data(Data::Other(name)) => panic!("{line}: {name}"),
        _ => true,
    }
}
