//! BODY and BODYSTRUCTURE (RFC 3501 §7.4.2): the parts of a message and what each says of itself.
//!
//! The printers recurse over a tree that `message` has cut at [`message::MAX_DEPTH`].

use std::borrow::Cow;

use message::{Description, Envelope, Kind, Message, Parameters, PartId};

use super::envelope::print_envelope;
use crate::grammar::print;

/// Whether extension data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `BODY`.
    Plain,
    /// `BODYSTRUCTURE`.
    Extended,
}

/// What `BODY` says of a message.
#[must_use]
pub fn body_text(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    print_part(&mut out, message, PartId::ROOT, Form::Plain);
    out
}

/// What `BODYSTRUCTURE` says of a message.
#[must_use]
pub fn body_structure_text(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    print_part(&mut out, message, PartId::ROOT, Form::Extended);
    out
}

/// `body = "(" (body-type-1part / body-type-mpart) ")"`.
fn print_part(out: &mut Vec<u8>, message: &Message<'_>, id: PartId, form: Form) {
    let description = message.describe(id);
    out.push(b'(');
    if message.part(id).kind == Kind::Multipart {
        print_multipart(out, message, id, &description, form);
    } else {
        print_leaf(out, message, id, &description, form);
    }
    out.push(b')');
}

/// `body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]`.
fn print_multipart(
    out: &mut Vec<u8>,
    message: &Message<'_>,
    id: PartId,
    description: &Description<'_>,
    form: Form,
) {
    for child in message.structure().children(id) {
        print_part(out, message, child, form);
    }
    out.push(b' ');
    print::string(out, &description.content_type.subtype);
    if form == Form::Extended {
        out.push(b' ');
        print_parameters(out, &description.content_type.parameters);
        print_extension(out, description);
    }
}

/// `body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]`.
fn print_leaf(
    out: &mut Vec<u8>,
    message: &Message<'_>,
    id: PartId,
    description: &Description<'_>,
    form: Form,
) {
    print_fields(out, description);
    let content_type = &description.content_type;
    let child = message.part(id).first_child;
    match child.filter(|_| content_type.is_exactly("message", "rfc822")) {
        Some(child) => {
            out.push(b' ');
            print_envelope(out, &Envelope::parse(message.header(child)));
            out.push(b' ');
            print_part(out, message, child, form);
            out.push(b' ');
            print::number(out, description.lines as u64);
        }
        None if content_type.is("text") => {
            out.push(b' ');
            print::number(out, description.lines as u64);
        }
        None => {}
    }
    if form == Form::Extended {
        out.push(b' ');
        print::nstring(out, description.md5.as_deref());
        print_extension(out, description);
    }
}

/// `media-basic SP body-fields`.
fn print_fields(out: &mut Vec<u8>, description: &Description<'_>) {
    print::string(out, &description.content_type.media_type);
    out.push(b' ');
    print::string(out, &description.content_type.subtype);
    out.push(b' ');
    print_parameters(out, &description.content_type.parameters);
    out.push(b' ');
    print::nstring(out, description.id.as_deref());
    out.push(b' ');
    print::nstring(out, description.description.as_deref());
    out.push(b' ');
    print::string(out, &description.encoding);
    out.push(b' ');
    print::number(out, description.octets as u64);
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`.
fn print_parameters(out: &mut Vec<u8>, parameters: &Parameters<'_>) {
    if parameters.pairs.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    print::list(out, &parameters.pairs, |out, (name, value)| {
        print::string(out, name);
        out.push(b' ');
        print::string(out, value);
    });
}

/// `SP body-fld-dsp SP body-fld-lang SP body-fld-loc`.
fn print_extension(out: &mut Vec<u8>, description: &Description<'_>) {
    out.push(b' ');
    match &description.disposition {
        Some(disposition) => {
            out.push(b'(');
            print::string(out, &disposition.kind);
            out.push(b' ');
            print_parameters(out, &disposition.parameters);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    print_languages(out, &description.languages);
    out.push(b' ');
    print::nstring(out, description.location.as_deref());
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`.
fn print_languages(out: &mut Vec<u8>, languages: &[Cow<'_, [u8]>]) {
    match languages {
        [] => out.extend_from_slice(b"NIL"),
        several => print::list(out, several, |out, language| print::string(out, language)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::envelope::envelope_text;
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_envelope_has_ten_fields() {
        let check = |header: &str, wanted: &str| {
            let message = Message::parse(header.as_bytes());
            assert_eq!(text(envelope_text(&message.envelope())), wanted);
        };
        check("\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
        check(
            "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\
             Subject: a \"b\"\r\nTo: imap@cac.washington.edu\r\nCc: g: x@y, z@w;\r\nMessage-Id: <B27397@h>\r\n\r\n",
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"a \\\"b\\\"\" \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((NIL NIL \"imap\" \"cac.washington.edu\")) \
             ((NIL NIL \"g\" NIL)(NIL NIL \"x\" \"y\")(NIL NIL \"z\" \"w\")(NIL NIL NIL NIL)) NIL NIL \"<B27397@h>\")",
        );
        check(
            "Subject: 信\r\n\r\n",
            "(NIL {3}\r\n信 NIL NIL NIL NIL NIL NIL NIL NIL)",
        );
    }

    #[test]
    fn structures_print_with_and_without_extension_data() {
        let check = |source: &str, plain: &str, extended: &str| {
            let source = source.replace('\n', "\r\n");
            let message = Message::parse(source.as_bytes());
            assert_eq!(text(body_text(&message)), plain);
            assert_eq!(text(body_structure_text(&message)), extended);
        };
        let simple = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1";
        check(
            "\nhi\n",
            &format!("({simple})"),
            &format!("({simple} NIL NIL NIL NIL)"),
        );
        let html = "\"TEXT\" \"HTML\" NIL \"<i>\" NIL \"8BIT\" 1 0";
        check(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n\n--b\nContent-Type: TEXT/HTML\n\
             Content-ID: <i>\nContent-Transfer-Encoding: 8BIT\nContent-Disposition: attachment; filename=\"a b\"\n\
             Content-Language: en, de\n\nx\n--b--\n",
            &format!("(({simple})({html}) \"mixed\")"),
            &format!(
                "(({simple} NIL NIL NIL NIL)({html} NIL (\"attachment\" (\"filename\" \"a b\")) (\"en\" \"de\") NIL) \
                 \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
            ),
        );
        check(
            "Content-Type: message/rfc822\n\nSubject: s\n\nhi\n",
            &format!(
                "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 \
                 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) ({simple}) 3)"
            ),
            &format!(
                "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 \
                 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) ({simple} NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"
            ),
        );
    }
}
