//! What real servers say, cut in every way, and what is sent to them.

use bytes::{Bytes, BytesMut};
use types::{SystemKeyword, Timestamp, Uid};

use super::*;
use crate::Mode;
use crate::framing::Frame;
use crate::grammar::section::{Partial, Section, SectionText};
use crate::grammar::set::{Bound, SequenceSet};

/// All pieces of a text that comes in steps of so many octets.
fn pieces(text: &[u8], step: usize, limits: Limits) -> Vec<Piece> {
    let mut framer = Framer::new(limits);
    let mut input = BytesMut::new();
    let mut pieces: Vec<Piece> = Vec::new();
    for part in text.chunks(step) {
        input.extend_from_slice(part);
        loop {
            match framer.next(&mut input) {
                Piece::Incomplete => break,
                too_long @ Piece::TooLong(_) => {
                    pieces.push(too_long);
                    return pieces;
                }
                Piece::Octets(more) => match pieces.last_mut() {
                    Some(Piece::Octets(before)) => *before = [before.as_ref(), &more].concat().into(),
                    _ => pieces.push(Piece::Octets(more)),
                },
                piece => pieces.push(piece),
            }
        }
    }
    pieces
}

fn frame(text: &str) -> Frame {
    let whole = format!("{text}\r\n");
    match pieces(whole.as_bytes(), whole.len(), Limits::AFTER_LOGIN).as_slice() {
        [Piece::Response(frame)] => frame.clone(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn read(text: &str) -> Response {
    parse(&frame(text), Mode::Ascii).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn data(text: &str) -> Data {
    match read(text) {
        Response::Data(data) => data,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn fetch(text: &str) -> Fetched {
    match data(text) {
        Data::Fetch(fetched) => *fetched,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn code(text: &str) -> Option<Code> {
    match read(&format!("* OK {text}")) {
        Response::Status(status) => status.code,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[test]
fn status_responses_have_codes() {
    let check = |text: &str, wanted: Option<Code>| assert_eq!(code(text), wanted, "{text}");
    check("hello", None);
    check("[ALERT] x", Some(Code::Alert));
    check("[UNSEEN 12] x", Some(Code::Unseen(12)));
    check("[UNSEEN] x", None);
    check(
        "[unknown thing] x",
        Some(Code::Other("UNKNOWN".into(), bytes("thing"))),
    );
    check(
        "[OVERQUOTA] x",
        Some(Code::Other("OVERQUOTA".into(), Bytes::new())),
    );
    check(
        "[BADCHARSET (UTF-8 \"x y\")] x",
        Some(Code::BadCharset(vec![bytes("UTF-8"), bytes("x y")])),
    );
    check("[BADCHARSET] x", Some(Code::BadCharset(Vec::new())));
    check(
        "[HIGHESTMODSEQ 18446744073709551615]",
        Some(Code::HighestModSeq(u64::MAX)),
    );
    check(
        "[MODIFIED 7,9] x",
        Some(Code::Modified(Ranges(vec![(7, 7), (9, 9)]))),
    );
    check("[MAILBOXID (F12)] x", Some(Code::MailboxId("F12".into())));
    check("[CLOSED]", Some(Code::Closed));
    check("[without an end", None);
    check(
        "[CAPABILITY IMAP4rev1 X=[] x",
        Some(Code::Capability(vec!["IMAP4rev1".into(), "X=[".into()])),
    );
    let flags = vec![
        SystemKeyword::Seen.into(),
        ServerFlag::NewKeywords,
        ServerFlag::Other("$x".into()),
    ];
    check(
        "[PERMANENTFLAGS (\\Seen \\* $x)] Limited",
        Some(Code::PermanentFlags(flags)),
    );
    let copied = Code::CopyUid {
        validity: 7,
        from: Ranges(vec![(1, 3)]),
        to: Ranges(vec![(9, 10), (20, 20)]),
    };
    check("[COPYUID 7 1:3 9:10,20]", Some(copied));
    let appended = Code::AppendUid {
        validity: 7,
        uids: Ranges(vec![(4, 4)]),
    };
    check("[APPENDUID 7 4]", Some(appended));
}

#[test]
fn tags_conditions_and_challenges_are_told_apart() {
    let status = |condition, text: &str| Status {
        condition,
        code: None,
        text: text.into(),
    };
    assert_eq!(
        read("* PREAUTH hi"),
        Response::Status(status(Condition::PreAuth, "hi"))
    );
    assert_eq!(read("* bye"), Response::Status(status(Condition::Bye, "")));
    let done = Response::Done {
        tag: bytes("a1"),
        status: status(Condition::No, "{5}"),
    };
    assert_eq!(read("a1 NO {5}"), done);
    assert_eq!(read("+ YWJj"), Response::Continue(bytes("YWJj")));
    assert_eq!(read("+"), Response::Continue(Bytes::new()));
    assert_eq!(read("+ idling {3}"), Response::Continue(bytes("idling {3}")));
    for wrong in ["", "*", "a1 FETCH", "* 1", "* 1 FETCH", "* 4294967296 EXISTS"] {
        assert!(parse(&frame(wrong), Mode::Ascii).is_err(), "{wrong:?}");
    }
}

#[test]
fn mailboxes_are_listed_as_servers_write_them() {
    let check = |text: &str, separator: Option<char>, name: &str| match data(text) {
        Data::List(listed) | Data::Lsub(listed) => {
            assert_eq!(
                (listed.separator, listed.name.text.as_ref()),
                (separator, name),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    };
    check("* LIST (\\HasNoChildren) \"/\" INBOX", Some('/'), "INBOX");
    check("* LIST () \"\\\\\" \"a b\"", Some('\\'), "a b");
    check("* LIST () NIL {3}\r\na\"b", None, "a\"b");
    check("* LSUB () \".\" INBOX.&U,BTFw-", Some('.'), "INBOX.台北");
    check("* LIST () \"/\" 工作", Some('/'), "工作");
    check("* LIST () \"/\" \"broken&\"", Some('/'), "broken&");
    // Without quotes.
    check("* LIST () \"/\" Sent Items", Some('/'), "Sent Items");
    check("* LIST () \"/\" [Gmail]/All Mail", Some('/'), "[Gmail]/All Mail");
    check("* XLIST (\\Inbox) / Posteingang", Some('/'), "Posteingang");
    check("* LIST (\\Noselect)  \"/\"  \"\" ", Some('/'), "");
    let extended = "* LIST (\\Sent) \"/\" new (\"CHILDINFO\" (\"SUBSCRIBED\") OLDNAME (\"old\"))";
    let Data::List(listed) = data(extended) else {
        panic!()
    };
    assert_eq!(listed.old_name.map(|name| name.text), Some("old".into()));
    let old = parse(&frame("* LIST () \"/\" \"R&D\""), Mode::Utf8).unwrap();
    assert!(matches!(old, Response::Data(Data::List(listed)) if listed.name.text.as_ref() == "R&D"));
}

#[test]
fn what_is_asked_of_mailboxes_is_answered() {
    let Data::Status(name, status) =
        data("* STATUS \"a b\" (MESSAGES 3 UIDNEXT 9 FOO (1 2) SIZE NIL MAILBOXID (F1) )")
    else {
        panic!()
    };
    assert_eq!(
        (name.text.as_ref(), status.messages, status.uid_next),
        ("a b", Some(3), Some(9))
    );
    assert_eq!((status.size, status.mailbox_id), (None, Some("F1".into())));
    let Data::Status(name, status) = data("* STATUS Sent Items (UNSEEN 1)") else {
        panic!()
    };
    assert_eq!((name.text.as_ref(), status.unseen), ("Sent Items", Some(1)));
    let Data::Namespace(spaces) =
        data("* NAMESPACE ((\"INBOX.\" \".\" \"X-PARAM\" (\"a\"))) NIL ((\"#shared/\" NIL)(\"\" \"/\"))")
    else {
        panic!()
    };
    assert_eq!(
        (spaces.personal.len(), spaces.others.len(), spaces.shared.len()),
        (1, 0, 2)
    );
    let Data::Quota(quota) = data("* QUOTA \"\" (STORAGE 10 512 MESSAGE 1 2)") else {
        panic!()
    };
    assert_eq!(
        quota.resources.iter().map(|r| r.limit).collect::<Vec<_>>(),
        [512, 2]
    );
    let Data::Id(fields) = data("* ID (\"name\" \"x\" \"version\" NIL)") else {
        panic!()
    };
    assert_eq!(
        fields,
        [("name".into(), Some("x".into())), ("version".into(), None)]
    );
    assert_eq!(data("* ID NIL"), Data::Id(Vec::new()));
    assert_eq!(
        data("* QUOTAROOT INBOX"),
        Data::QuotaRoot(QuotaRoot {
            mailbox: ListedName::read(bytes("INBOX"), Mode::Ascii),
            roots: Vec::new(),
        })
    );
    assert_eq!(data("* GENURLAUTH \"x\""), Data::Other("GENURLAUTH".into()));
}

#[test]
fn searches_and_what_vanished_are_ranges() {
    assert_eq!(data("* SEARCH"), Data::Search(Ranges::default(), None));
    assert_eq!(
        data("* SEARCH 2 3 4 9 "),
        Data::Search(Ranges(vec![(2, 4), (9, 9)]), None)
    );
    assert_eq!(
        data("* SEARCH 2 (MODSEQ 917)"),
        Data::Search(Ranges(vec![(2, 2)]), Some(917))
    );
    let found = ESearch {
        tag: Some("a1".into()),
        all: Some(Ranges(vec![(1, 3), (5, 5)])),
        count: Some(4),
        ..ESearch::default()
    };
    assert_eq!(
        data("* ESEARCH (TAG \"a1\") UID COUNT 4 ALL 1:3,5"),
        Data::ESearch(found)
    );
    let gone = Ranges(vec![(1, u32::MAX)]);
    assert_eq!(
        data("* VANISHED (EARLIER) 1:4294967295"),
        Data::Vanished(Vanished::Earlier, gone.clone())
    );
    assert_eq!(gone.count(), u64::from(u32::MAX));
    assert_eq!(
        data("* VANISHED 7"),
        Data::Vanished(Vanished::Now, Ranges(vec![(7, 7)]))
    );
    assert_eq!(
        Ranges(vec![(3, 1), (7, 8)]).numbers().collect::<Vec<_>>(),
        [3, 2, 1, 7, 8]
    );
}

#[test]
fn items_of_fetch_are_read_in_any_order() {
    let fetched = fetch(
        "* 12 FETCH (FLAGS (\\Seen \\Recent Junk) UID 7 RFC822.SIZE 44 MODSEQ (624140003) INTERNALDATE \
         \"17-Jul-1996 02:44:25 -0700\" EMAILID (M1) THREADID NIL X-GM-LABELS (\"\\\\Sent\" a) X-FOO[1] {2}\r\nxy)",
    );
    assert_eq!(
        (fetched.position, fetched.uid, fetched.size),
        (12, Some(Uid(7)), Some(44))
    );
    assert_eq!(fetched.mod_sequence, Some(624_140_003));
    assert_eq!(fetched.received, Some(Timestamp(837_596_665)));
    assert_eq!(fetched.email_id.as_deref(), Some("M1"));
    assert_eq!(fetched.flags.map(|flags| flags.len()), Some(3));
    assert_eq!(
        fetched.other.first(),
        Some(&("X-GM-LABELS".into(), bytes("(\"\\\\Sent\" a)")))
    );
    // What real servers get wrong.
    assert_eq!(fetch("* 0 FETCH (UID 3)").uid, Some(Uid(3)));
    assert_eq!(fetch("* 1 FETCH ( UID 3  FLAGS () ) ").flags, Some(Vec::new()));
    assert_eq!(fetch("* 1 FETCH (UID 3 FLAGS (\\Seen)").uid, Some(Uid(3)));
    assert_eq!(
        fetch("* 1 FETCH (UID 3 INTERNALDATE \"bad\" RFC822.SIZE -1)").received,
        None
    );
    assert_eq!(
        fetch("* 1 FETCH (UID 3 X-GM-MSGID 1278455344230334865)")
            .email_id
            .as_deref(),
        Some("1278455344230334865")
    );
}

#[test]
fn bodies_come_in_every_form() {
    let part = |text: &str| fetch(text).parts.remove(0);
    let octets = |text: &str| part(text).octets;
    assert_eq!(
        octets("* 1 FETCH (BODY[] {3}\r\na)b UID 4)"),
        Octets::Kept(bytes("a)b"))
    );
    assert_eq!(
        octets("* 1 FETCH (BINARY[1] ~{3}\r\na\0b)"),
        Octets::Kept(bytes("a\0b"))
    );
    assert_eq!(
        octets("* 1 FETCH (BODY[TEXT] \"a\\\"\")"),
        Octets::Kept(bytes("a\""))
    );
    assert_eq!(octets("* 1 FETCH (BODY[TEXT] NIL)"), Octets::None);
    assert_eq!(octets("* 1 FETCH (BODY[] {0}\r\n)"), Octets::Kept(Bytes::new()));
    assert_eq!(octets("* 1 FETCH (RFC822 {1}\r\nx)"), Octets::Kept(bytes("x")));
    let fields = part("* 1 FETCH (BODY[1.HEADER.FIELDS (Date \"From\")]<5> \"x\")");
    assert_eq!(fields.origin, Some(5));
    assert_eq!(
        fields.section.text,
        SectionText::HeaderFields(vec![bytes("Date"), bytes("From")])
    );
}

#[test]
fn envelopes_and_structures_are_read_though_something_is_missing() {
    let envelope = |text: &str| {
        *fetch(&format!("* 1 FETCH (ENVELOPE {text} UID 9)"))
            .envelope
            .unwrap()
    };
    let whole = envelope(
        "(\"date\" {2}\r\n\"s ((\"N\" NIL \"u\" \"h\") (NIL NIL u2 h2)) NIL () NIL NIL NIL NIL \"<id>\")",
    );
    assert_eq!(
        (whole.subject, whole.message_id),
        (Some(bytes("\"s")), Some(bytes("<id>")))
    );
    assert_eq!(whole.from.len(), 2);
    assert_eq!(envelope("(NIL \"s\")").subject, Some(bytes("s")));
    assert_eq!(envelope("NIL"), Envelope::default());
    let structure = |text: &str| {
        *fetch(&format!("* 1 FETCH (BODYSTRUCTURE {text} UID 9)"))
            .structure
            .unwrap()
    };
    let text = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 100 7 NIL (\"inline\" (\"filename\" \"a\")) (\"en\" \"de\") NIL)";
    let one = structure(text);
    assert_eq!((one.octets, one.lines, one.languages.len()), (100, Some(7), 2));
    assert_eq!(
        one.disposition.as_ref().map(|d| d.kind.clone()),
        Some(bytes("inline"))
    );
    let many = structure(&format!(
        "({text} ({text}{text} \"ALTERNATIVE\") \"MIXED\" (\"BOUNDARY\" \"b\") NIL NIL NIL)"
    ));
    assert_eq!(
        (many.parts.len(), many.parts[1].parts.len(), many.subtype),
        (2, 2, bytes("MIXED"))
    );
    let message = structure(&format!(
        "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 50 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) {text} 9)"
    ));
    assert_eq!((message.lines, message.parts.len()), (Some(9), 1));
    assert_eq!(
        structure("(\"message\" \"rfc822\" NIL NIL NIL NIL 50 NIL NIL NIL)").octets,
        50
    );
    assert_eq!(
        structure("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" NIL NIL NIL (\"attachment\" NIL) NIL NIL)")
            .disposition
            .unwrap()
            .kind,
        "attachment"
    );
    assert_eq!(structure("(NIL \"mixed\" (\"boundary\" \"x\"))").subtype, "mixed");
    assert_eq!(structure("(\"APPLICATION\" \"PDF\")").subtype, "PDF");
}

#[test]
fn depth_has_a_limit() {
    let deep = |n: usize| {
        format!(
            "* 1 FETCH (BODYSTRUCTURE {}{} UID 4)",
            "(".repeat(n),
            ")".repeat(n)
        )
    };
    assert_eq!(fetch(&deep(50)).uid, Some(Uid(4)));
    assert_eq!(fetch(&deep(900)).uid, Some(Uid(4)));
    assert!(parse(&frame(&deep(100_000)), Mode::Ascii).is_err());
    assert!(
        parse(
            &frame(&format!("* 1 FETCH (X {})", "(".repeat(100_000))),
            Mode::Ascii
        )
        .is_err()
    );
}

/// RFC 9051 §2.2.2: where the pieces are cut makes no difference.
#[test]
fn responses_come_in_pieces_of_any_size() {
    let text = b"* OK [ALERT] {3}\r\n* 1 FETCH (UID 7 BODY[] {9}\r\n123456789 FLAGS ())\r\n\
        * LIST () \"/\" {2}\r\nab\r\n* 2 FETCH (BODY[]<0> {5}\r\n)\r\nab)\r\n+ more\r\n* 3 EXISTS\n";
    let limits = Limits {
        text: 1000,
        kept: 10,
        streamed: 5,
    };
    let whole = pieces(text, text.len(), limits);
    assert_eq!(whole.len(), 8);
    assert!(matches!(&whole[1], Piece::Body { size: 9, so_far } if so_far.text.ends_with(b"{9}\r\n")));
    assert_eq!(whole[2], Piece::Octets(bytes("123456789")));
    for step in 1..text.len() {
        assert_eq!(pieces(text, step, limits), whole, "{step}");
    }
    let Piece::Body { so_far, .. } = &whole[1] else {
        panic!()
    };
    let Ok(Response::Data(Data::Fetch(begun))) = parse(so_far, Mode::Ascii) else {
        panic!()
    };
    assert_eq!(
        (begun.uid, &begun.parts[0].octets),
        (Some(Uid(7)), &Octets::Streamed)
    );
    let Piece::Response(end) = &whole[3] else { panic!() };
    let Ok(Response::Data(Data::Fetch(ended))) = parse(end, Mode::Ascii) else {
        panic!()
    };
    assert_eq!(
        (ended.flags, &ended.parts[0].octets),
        (Some(Vec::new()), &Octets::Streamed)
    );
}

#[test]
fn what_has_no_end_is_given_up_at_the_limit() {
    let limits = Limits {
        text: 100,
        kept: 10,
        streamed: 5,
    };
    let check = |text: &str, limit: usize| {
        assert_eq!(
            pieces(text.as_bytes(), 7, limits).last(),
            Some(&Piece::TooLong(limit)),
            "{text}"
        );
    };
    check(&"x".repeat(200), 100);
    check(&format!("{}\r\n", "x".repeat(100)), 100);
    check("* LIST () NIL {11}\r\n", 10);
    check("* LIST () NIL {99999999999999999999999}\r\n", 10);
    check("* 1 FETCH (ENVELOPE ({6}\r\n123456 {6}\r\n", 10);
    let huge = pieces(b"* 1 FETCH (BODY[] {18446744073709551615}\r\nab", 50, limits);
    assert!(
        matches!(&huge[..], [Piece::Body { size: u64::MAX, .. }, Piece::Octets(_)]),
        "{huge:?}"
    );
}

#[test]
fn literals_wait_where_the_server_wants_to_be_asked() {
    let login = |literals| {
        let segments = Line::new("a1", "LOGIN")
            .string(b"al\"ice")
            .string("密".as_bytes())
            .string("x\ny".as_bytes())
            .end(literals);
        segments
            .into_iter()
            .map(|Segment(octets)| String::from_utf8(octets).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        login(Literals::Asked),
        ["a1 LOGIN \"al\\\"ice\" {3}\r\n", "密 {3}\r\n", "x\ny\r\n"]
    );
    assert_eq!(
        login(Literals::All),
        ["a1 LOGIN \"al\\\"ice\" {3+}\r\n密 {3+}\r\nx\ny\r\n"]
    );
    assert!(Literals::Small.at_once(4096) && !Literals::Small.at_once(4097));
}

fn one(line: Line) -> String {
    let mut segments = line.end(Literals::All);
    assert_eq!(segments.len(), 1);
    String::from_utf8(segments.remove(0).0).unwrap()
}

#[test]
fn commands_are_written() {
    let set = SequenceSet::range(Bound::Number(1), Bound::Last);
    let partial = Partial {
        origin: 0,
        length: 65_536,
    };
    let items = [
        Item::Flags,
        Item::header_fields(&["Date", "From"]),
        Item::Body(
            Section {
                part: vec![1, 2],
                text: SectionText::Whole,
            },
            Some(partial),
        ),
        Item::Binary(vec![2], None),
    ];
    assert_eq!(
        one(Line::fetch("a", &set, &items, Some(5))),
        "a UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (Date From)] BODY.PEEK[1.2]<0.65536> BINARY.PEEK[2]) (CHANGEDSINCE 5)\r\n"
    );
    let known = Known {
        uid_validity: 7,
        mod_sequence: 9,
        uids: Some([Uid(1), Uid(2), Uid(5)].into_iter().collect()),
    };
    assert_eq!(
        one(Line::open("a", "SELECT", (b"R&-D", Mode::Ascii), Some(&known))),
        "a SELECT R&-D (QRESYNC (7 9 1:2,5))\r\n"
    );
    assert_eq!(
        one(Line::new("a", "CREATE").mailbox("工作", Mode::Ascii)),
        "a CREATE &XeVPXA-\r\n"
    );
    assert_eq!(
        one(Line::new("a", "CREATE").mailbox("工作", Mode::Utf8)),
        "a CREATE \"工作\"\r\n"
    );
    assert_eq!(
        one(Line::new("a", "STORE").flags(["\\Seen", "$x"])),
        "a STORE (\\Seen $x)\r\n"
    );
}

/// RFC 9051 §6.4.4, RFC 6855 §3.
#[test]
fn a_search_says_its_charset_where_it_must() {
    let check = |query: Query, mode, wanted: &str| {
        assert_eq!(
            one(Line::search("a", "", query.key(), mode)),
            format!("a UID SEARCH {wanted}\r\n")
        );
    };
    check(Query::new(), Mode::Ascii, "ALL");
    check(
        Query::new().unseen().subject("x y"),
        Mode::Ascii,
        "UNSEEN HEADER SUBJECT \"x y\"",
    );
    check(
        Query::new().text("信"),
        Mode::Ascii,
        "CHARSET UTF-8 TEXT {3+}\r\n信",
    );
    check(Query::new().text("信"), Mode::Utf8, "TEXT {3+}\r\n信");
    check(
        Query::new().or(Query::new().seen(), Query::new().seen().flagged()),
        Mode::Ascii,
        "OR SEEN (SEEN FLAGGED)",
    );
    assert_eq!(
        one(Line::search("a", "(ALL)", Query::new().key(), Mode::Ascii)),
        "a UID SEARCH RETURN (ALL) ALL\r\n"
    );
}
