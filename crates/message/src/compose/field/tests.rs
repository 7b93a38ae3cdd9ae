//! Fields as they are written and read.

use types::Address;

use super::*;
use crate::header::Header;

fn subject(form: Form, text: &str) -> String {
    let mut out = HeaderWriter::new(form);
    out.unstructured("Subject", text);
    let written = String::from_utf8(out.finish()).unwrap();
    let field = Header::new(written.as_bytes()).first("Subject").unwrap();
    assert_eq!(field.text(), text, "{written:?}");
    let longest = written.lines().map(str::len).max();
    assert!(longest <= Some(998), "{written:?}");
    written
}

#[test]
fn text_is_encoded_exactly_where_it_needs_to_be() {
    let check =
        |text: &str, wanted: &str| assert_eq!(subject(Form::Ascii, text), format!("Subject:{wanted}\r\n"));
    check("", "");
    check("Hello", " Hello");
    check("caf\u{e9} at noon", " =?UTF-8?B?Y2Fmw6k=?= at noon");
    check("at the caf\u{e9} du nord", " at the =?UTF-8?B?Y2Fmw6k=?= du nord");
    check("Re: \u{4f60}\u{597d} x", " Re: =?UTF-8?B?5L2g5aW9?= x");
    // RFC 2047 §6.2: the blank between two encoded words is not shown, so it is in one of them.
    check("caf\u{e9} \u{e9}t\u{e9}", " =?UTF-8?B?Y2Fmw6kgw6l0w6k=?=");
    // What looks like an encoded word is none.
    check("=?utf-8?q?x?= y", " =?UTF-8?B?PT91dGYtOD9xP3g/PQ==?= y");
    // Two blanks survive.
    check("a  b c", " =?UTF-8?Q?a__b?= c");
}

#[test]
fn long_text_is_folded_at_76_and_no_character_is_torn() {
    for form in [Form::Ascii, Form::Utf8] {
        subject(form, &"\u{1f600}".repeat(300));
        subject(
            form,
            &"\u{4f60}\u{597d} ".repeat(100).trim_end().replace(" ", " x "),
        );
        subject(form, "word ".repeat(60).trim_end());
        subject(form, &"x".repeat(3000));
        subject(form, &format!("{} {}", "y".repeat(850), "z".repeat(850)));
    }
    let written = subject(Form::Ascii, "\u{1f600}\u{4f60} ".repeat(40).trim_end());
    assert!(written.lines().all(|line| line.len() <= 76), "{written}");
    for word in written.split_whitespace().skip(1) {
        // RFC 2047 §5 (3): each word is whole characters.
        assert!(
            !crate::decode_words(word.as_bytes()).contains('\u{fffd}'),
            "{word}"
        );
    }
}

#[test]
fn utf8_stands_as_it_is_where_it_may() {
    assert_eq!(
        subject(Form::Utf8, "\u{4f60}\u{597d} =?"),
        "Subject: \u{4f60}\u{597d} =?UTF-8?B?PT8=?=\r\n"
    );
}

#[test]
fn names_are_atoms_quoted_or_encoded() {
    let check = |form: Form, name: &str, wanted: &str| {
        let mut out = HeaderWriter::new(form);
        let mailbox = Mailbox::named(name, Address::parse("a@b.example").unwrap());
        out.mailboxes("To", &[mailbox]).unwrap();
        let written = String::from_utf8(out.finish()).unwrap();
        assert_eq!(written, format!("To: {wanted}<a@b.example>\r\n"));
        let items = parse(&written);
        let wanted = Some(name).filter(|name| !name.is_empty()).map(str::to_owned);
        assert_eq!(items, [wanted]);
    };
    check(Form::Ascii, "Alice Smith", "Alice Smith ");
    // RFC 5322 §4.1: a dot in a phrase is obsolete.
    check(Form::Ascii, "Alice Q. Smith", "\"Alice Q. Smith\" ");
    check(Form::Ascii, "Smith, Alice", "\"Smith, Alice\" ");
    check(Form::Ascii, "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\" ");
    check(Form::Ascii, "=?utf-8?q?x?=", "=?UTF-8?B?PT91dGYtOD9xP3g/PQ==?= ");
    check(Form::Ascii, "\u{5f20}\u{4e09}", "=?UTF-8?B?5byg5LiJ?= ");
    check(
        Form::Ascii,
        "J\u{fc}rgen Mustermann",
        "=?UTF-8?Q?J=C3=BCrgen_Mustermann?= ",
    );
    check(Form::Utf8, "\u{5f20}\u{4e09}", "\u{5f20}\u{4e09} ");
    check(Form::Utf8, "\u{5f20}, \u{4e09}", "\"\u{5f20}, \u{4e09}\" ");
}

fn parse(written: &str) -> Vec<Option<String>> {
    let field = Header::new(written.as_bytes()).first("To").unwrap();
    let items = crate::parse_addresses(&field.unfolded());
    items.iter().map(crate::AddressItem::display_name).collect()
}

#[test]
fn file_names_are_written_for_new_programs_and_for_old_ones() {
    let check = |form: Form, style: Style, value: &str, wanted: &str| {
        let mut out = HeaderWriter::new(form);
        out.parameters(
            "X",
            "y",
            &[Parameter {
                name: "name",
                value,
                style,
            }],
        );
        let written = String::from_utf8(out.finish()).unwrap();
        assert_eq!(written, format!("X: y;{wanted}\r\n"));
        let field = Header::new(written.as_bytes()).first("X").unwrap();
        let read = crate::Disposition::parse(field.value).unwrap();
        assert_eq!(read.parameters.text("name").as_deref(), Some(value), "{written}");
    };
    use Form::{Ascii, Utf8};
    use Style::{Percent, Words};
    check(Ascii, Percent, "a.pdf", " name=a.pdf");
    check(Ascii, Percent, "my \"a\".pdf", " name=\"my \\\"a\\\".pdf\"");
    check(Ascii, Percent, "\u{4f60}.pdf", " name*=UTF-8''%E4%BD%A0.pdf");
    check(Ascii, Words, "\u{4f60}.pdf", " name=\"=?UTF-8?B?5L2gLnBkZg==?=\"");
    check(Utf8, Percent, "\u{4f60}.pdf", " name=\"\u{4f60}.pdf\"");
    // RFC 2231 §3: in pieces, each of whole characters.
    check(
        Ascii,
        Percent,
        &"\u{4f60}".repeat(8),
        &format!(
            " name*0*=UTF-8''{};\r\n name*1*={}",
            "%E4%BD%A0".repeat(6),
            "%E4%BD%A0".repeat(2)
        ),
    );
    check(
        Ascii,
        Percent,
        "=?utf-8?q?x?=",
        " name*=UTF-8''%3D%3Futf-8%3Fq%3Fx%3F%3D",
    );
}
