//! Tests of commands: what parses, what does not and where, and that printing is the inverse of parsing.

use bytes::Bytes;

use super::*;
use crate::framing::{Event, Framer, Limits};

fn frame(text: &str) -> Frame {
    let mut framer = Framer::new(Limits::after_login(1 << 20));
    framer.push(text.as_bytes());
    framer.push(b"\r\n");
    loop {
        match framer.next_event() {
            Event::Continue => {}
            Event::Command(frame) => return frame,
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

/// Parses, prints, parses again; gives the canonical text.
fn canonical(text: &str) -> String {
    canonical_in(text, Mode::Ascii)
}

fn canonical_in(text: &str, mode: Mode) -> String {
    let tagged = parse(&frame(&format!("a {text}")), mode).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut out = Vec::new();
    print(&mut out, "a", &tagged.command);
    let printed = String::from_utf8(out).unwrap();
    let again = parse(&frame(printed.trim_end()), mode).unwrap_or_else(|e| panic!("{printed}: {e}"));
    assert_eq!(again.command, tagged.command, "{text} printed as {printed}");
    printed.trim_end().strip_prefix("a ").unwrap().to_owned()
}

/// RFC 6855 §3 and §4.
#[test]
fn after_enable_commands_are_in_utf_8() {
    let check = |text: &str, wanted: &str| assert_eq!(canonical_in(text, Mode::Utf8), wanted, "{text}");
    check("SELECT \"R&D\"", "SELECT R&D");
    check("CREATE \"工作\"", "CREATE {6}\r\n工作");
    check(
        "APPEND INBOX UTF8 (~{3}\r\nabc)",
        "APPEND INBOX UTF8 (~{3}\r\nabc)",
    );
    check(
        "APPEND INBOX (\\Seen) utf8 (~{3+}\r\nabc) {1}\r\nx",
        "APPEND INBOX (\\Seen) UTF8 (~{3}\r\nabc) {1}\r\nx",
    );
    // imaplib's way.
    check(
        "APPEND INBOX {10}\r\nUTF8 (abc)",
        "APPEND INBOX UTF8 (~{3}\r\nabc)",
    );
    check("SEARCH TEXT \"工作\"", "SEARCH TEXT {6}\r\n工作");
    let bad = |text: &str, mode| parse(&frame(&format!("a {text}")), mode).is_err();
    assert!(bad("SEARCH CHARSET UTF-8 ALL", Mode::Utf8));
    assert!(bad("UID SEARCH charset US-ASCII ALL", Mode::Utf8));
    assert!(!bad("SEARCH CHARSET UTF-8 ALL", Mode::Ascii));
    assert!(bad("APPEND INBOX UTF8 ({3}\r\nabc)", Mode::Utf8));
    assert!(bad("APPEND INBOX UTF8 (~{3}\r\nabc", Mode::Utf8));
    assert!(bad("APPEND INBOX ~{3}\r\nabc", Mode::Utf8));
    assert!(bad("APPEND INBOX UTF8 (~{3}\r\na\0c)", Mode::Utf8));
    let same = |text: &str| assert_eq!(canonical(text), text);
    same("APPEND INBOX UTF8 (~{3}\r\nabc)");
    same("APPEND INBOX {10}\r\nUTF8 (abc)");
}

#[test]
fn commands_parse_and_print() {
    let check = |text: &str, wanted: &str| assert_eq!(canonical(text), wanted);
    let same = |text: &str| check(text, text);
    for word in [
        "CAPABILITY",
        "NOOP",
        "LOGOUT",
        "STARTTLS",
        "CHECK",
        "CLOSE",
        "EXPUNGE",
        "IDLE",
    ] {
        same(word);
    }
    check("noop ", "NOOP");
    same("ID NIL");
    check(
        "id (\"name\" {1+}\r\nx \"a\" nil)",
        "ID (\"name\" \"x\" \"a\" NIL)",
    );
    same("ENABLE CONDSTORE UTF8=ACCEPT");
    same("NAMESPACE");
    check("GETQUOTA \"\"", "GETQUOTA \"\"");
    same("GETQUOTAROOT INBOX");
    same("UNSELECT");
    same("AUTHENTICATE PLAIN");
    same("AUTHENTICATE PLAIN AGEAYg==");
    same("LOGIN alice secret");
    check("LOGIN \"al ice\" {3}\r\nx\"y", "LOGIN \"al ice\" \"x\\\"y\"");
    same("SELECT INBOX");
    check("select \"a\"", "SELECT a");
    check("SELECT {5+}\r\nINBOX", "SELECT INBOX");
    same("EXAMINE a/b");
    same("CREATE \"a b\"");
    same("DELETE a");
    same("RENAME a b");
    same("SUBSCRIBE #news.comp");
    same("UNSUBSCRIBE a");
    check("LIST \"\" *", "LIST \"\" \"*\"");
    check("LIST \"\" %/x", "LIST \"\" \"%/x\"");
    check("LIST (SPECIAL-USE) \"\" *", "LIST (SPECIAL-USE) \"\" \"*\"");
    check(
        "LIST a \"\" RETURN (special-use children)",
        "LIST a \"\" RETURN (SPECIAL-USE CHILDREN)",
    );
    check("LSUB \"#news.\" %", "LSUB #news. \"%\"");
    same("STATUS a (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)");
    same("APPEND a {3}\r\nxyz");
    same("APPEND a (\\Seen $x) \" 7-Feb-1994 21:52:25 +0000\" {1}\r\nx");
    check("APPEND a () {1+}\r\nx", "APPEND a {1}\r\nx");
    same("APPEND a (\\Seen) {1}\r\nx \" 7-Feb-1994 21:52:25 +0000\" {2}\r\nyz");
    check("STATUS a (SIZE size mailboxid)", "STATUS a (SIZE MAILBOXID)");
    same("STATUS a (DELETED DELETED-STORAGE APPENDLIMIT)");
    same("UID EXPUNGE 1:3,7");
    same("COPY 2:4 MEETING");
    same("UID COPY 2:* \"a b\"");
    same("MOVE 1 b");
    same("UID MOVE * b");
    check("STORE 2:4 +FLAGS (\\Deleted)", "STORE 2:4 +FLAGS (\\Deleted)");
    check(
        "STORE 1 flags.silent \\seen $a",
        "STORE 1 FLAGS.SILENT (\\Seen $a)",
    );
    same("UID STORE 1 -FLAGS ()");
}

#[test]
fn fetch_parses_and_prints() {
    let check = |text: &str, wanted: &str| assert_eq!(canonical(text), wanted);
    check("FETCH 1 ALL", "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)");
    check("FETCH 1 FAST", "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)");
    check(
        "FETCH 1 full",
        "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)",
    );
    check("FETCH 1 BODY", "FETCH 1 (BODY)");
    check(
        "FETCH 1 (UID BODY[1] uid body[1] BODY.PEEK[1] UID)",
        "FETCH 1 (UID BODY[1] BODY.PEEK[1])",
    );
    check(
        "UID FETCH 1:* (UID BODYSTRUCTURE rfc822 RFC822.HEADER RFC822.TEXT)",
        "UID FETCH 1:* (UID BODYSTRUCTURE RFC822 RFC822.HEADER RFC822.TEXT)",
    );
    check(
        "FETCH 1 (emailid THREADID SAVEDATE)",
        "FETCH 1 (EMAILID THREADID SAVEDATE)",
    );
    for section in [
        "[]",
        "[1]",
        "[1.2.3]",
        "[HEADER]",
        "[TEXT]",
        "[1.MIME]",
        "[4.2.HEADER]",
        "[1.TEXT]<0.1>",
        "[]<7.4294967295>",
        "[HEADER.FIELDS (DATE From)]",
        "[1.HEADER.FIELDS.NOT (x)]<2.9>",
    ] {
        check(
            &format!("FETCH 1 BODY{section}"),
            &format!("FETCH 1 (BODY{section})"),
        );
        check(
            &format!("FETCH 1 body.peek{section}"),
            &format!("FETCH 1 (BODY.PEEK{section})"),
        );
    }
}

#[test]
fn search_parses_and_prints() {
    let check = |text: &str, wanted: &str| assert_eq!(canonical(text), wanted);
    let same = |text: &str| check(text, text);
    same("SEARCH ALL");
    check(
        "SEARCH savedbefore 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED",
        "SEARCH SAVEDBEFORE 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 ALL",
    );
    same("SEARCH OLDER 1 YOUNGER 4294967295 EMAILID M-1_a THREADID T1");
    same("UID SEARCH UNSEEN 1:3 UID 7");
    check(
        "SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
        "SEARCH FLAGGED SINCE 1-Feb-1994 NOT HEADER FROM Smith",
    );
    check(
        "SEARCH CHARSET UTF-8 TEXT {6}\r\n信箱",
        "SEARCH CHARSET UTF-8 TEXT {6}\r\n信箱",
    );
    same("SEARCH OR SEEN (DRAFT NOT (OLD NEW))");
    same("SEARCH KEYWORD $x UNKEYWORD y LARGER 0 SMALLER 4294967295");
    same(
        "SEARCH BEFORE 1-Jan-2000 ON 2-Jan-2000 SENTBEFORE 3-Jan-2000 SENTON 4-Jan-2000 SENTSINCE 5-Jan-2000",
    );
    same("SEARCH HEADER Message-ID \"\" BODY x");
    same("SEARCH ANSWERED UNANSWERED DELETED UNDELETED DRAFT UNDRAFT UNFLAGGED RECENT");
    check("SEARCH (ALL)", "SEARCH ALL");
    check(
        "SEARCH subject x to y cc z bcc w",
        "SEARCH HEADER SUBJECT x HEADER TO y HEADER CC z HEADER BCC w",
    );
}

#[test]
fn what_is_no_command_is_refused_where_it_goes_wrong() {
    let check = |text: &str, tag: Option<&str>, at: usize| {
        let bad = parse(&frame(text), Mode::Ascii).map(|t| t.command).unwrap_err();
        let tag = tag.map(|t| Bytes::copy_from_slice(t.as_bytes()));
        assert_eq!((bad.tag, bad.why.at), (tag, at), "{text:?}");
    };
    check("", None, 0);
    check("a", None, 1);
    check("+ NOOP", None, 0);
    check("a+ NOOP", None, 1);
    check("a ", Some("a"), 2);
    check("a XYZ", Some("a"), 2);
    check("a UID NOOP", Some("a"), 2);
    check("a UID  FETCH", Some("a"), 6);
    check("a NOOP x", Some("a"), 7);
    check("a SELECT", Some("a"), 8);
    check("a SELECT  x", Some("a"), 9);
    check("a SELECT a*", Some("a"), 10);
    check("a LOGIN x", Some("a"), 9);
    check("a APPEND x \"y\"", Some("a"), 12);
    check("a STORE 1 FLAGS (\\Recent)", Some("a"), 17);
    check("a STORE 1 FLAGS \\*", Some("a"), 17);
    check("a STORE 0 FLAGS ()", Some("a"), 8);
    check("a FETCH 1 (ALL)", Some("a"), 11);
    check("a FETCH 1 BODY[MIME]", Some("a"), 15);
    check("a FETCH 1 BODY[0]", Some("a"), 15);
    check("a FETCH 1 BODY[]<1>", Some("a"), 18);
    check("a FETCH 1 BODY[]<1.0>", Some("a"), 19);
    check("a FETCH 1 ()", Some("a"), 10);
    check("a SEARCH", Some("a"), 8);
    check("a SEARCH ()", Some("a"), 9);
    check("a SEARCH OR SEEN", Some("a"), 16);
    check("a SEARCH FOO", Some("a"), 9);
    check("a STATUS x ()", Some("a"), 11);
}

#[test]
fn a_search_has_a_depth_limit() {
    let nested = |n: usize| parse(&frame(&format!("a SEARCH {}ALL", "NOT ".repeat(n))), Mode::Ascii);
    assert!(nested(49).is_ok());
    assert!(nested(50).is_err());
    let brackets = format!("a SEARCH {}ALL{}", "(".repeat(30_000), ")".repeat(30_000));
    assert!(parse(&frame(&brackets), Mode::Ascii).is_err());
}

#[test]
fn secrets_do_not_print() {
    let login = parse(&frame("a LOGIN alice tin-whistle"), Mode::Ascii).unwrap();
    assert!(!format!("{login:?}").contains("tin-whistle"));
}

#[test]
fn every_command_of_the_table_is_found_by_its_name() {
    for entry in COMMANDS {
        let text = frame(&format!("a {} ", entry.name.to_ascii_lowercase()));
        let mut cursor = Cursor::new(&text, Mode::Ascii);
        tag(&mut cursor).unwrap();
        assert_eq!(name(&mut cursor).unwrap().name, entry.name);
    }
}
