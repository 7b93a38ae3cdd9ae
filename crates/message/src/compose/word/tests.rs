//! The words that have a form: both edges of each.

use super::*;

#[test]
fn ids_of_our_own_have_the_form_of_the_rfc() {
    let check = |id: &str, wanted: bool| assert_eq!(MessageId::check(id).is_ok(), wanted, "{id:?}");
    check("a@b", true);
    check("20251125.a1$b2@mail.example.org", true);
    check("a@[127.0.0.1]", true);
    check("a@[IPv6:::1]", true);
    check("a", false);
    check("a@", false);
    check("@b", false);
    check("a@b@c", false);
    check("a..b@c", false);
    check("a b@c", false);
    check("a>@b", false);
    check("a@b\r\nBcc: x@y", false);
    check("a@[b]c]", false);
    check("ä@b", false);
    check(&format!("{}@b", "a".repeat(MAX_WORD - 2)), true);
    check(&format!("{}@b", "a".repeat(MAX_WORD - 1)), false);
}

#[test]
fn ids_of_others_are_taken_as_they_are_if_they_can_be_written() {
    let check = |id: &str, wanted: bool| assert_eq!(Reference::check(id).is_ok(), wanted, "{id:?}");
    check("no-at", true);
    check("a@b@c", true);
    check("\"quoted\"@b", true);
    check("", false);
    check("a b@c", false);
    check("a<b", false);
    check("a\r\n", false);
    check(&"a".repeat(MAX_WORD), true);
    check(&"a".repeat(MAX_WORD + 1), false);
}

#[test]
fn a_field_of_ones_own_has_a_name_that_nothing_else_writes() {
    let check = |name: &str, wanted: Option<WordError>| {
        assert_eq!(FieldName::check(name).err(), wanted, "{name:?}");
    };
    check("X-Priority", None);
    check("Auto-Submitted", None);
    check("", Some(WordError::FieldName));
    check("a b", Some(WordError::FieldName));
    check("a:", Some(WordError::FieldName));
    check("a\r\nBcc", Some(WordError::FieldName));
    check("ü", Some(WordError::FieldName));
    check(&"a".repeat(60), None);
    check(&"a".repeat(61), Some(WordError::FieldName));
    check("bCC", Some(WordError::OwnedField));
    check("From", Some(WordError::OwnedField));
    check("content-type", Some(WordError::OwnedField));
    check("Resent-To", Some(WordError::OwnedField));
    check("Received", Some(WordError::OwnedField));
}

#[test]
fn media_types_are_names_of_no_composite() {
    let check = |text: &str, wanted: Result<&str, WordError>| {
        let got = MediaType::check(text);
        assert_eq!(
            got.as_ref().map(MediaType::as_str).map_err(|error| *error),
            wanted,
            "{text:?}"
        );
    };
    check("Image/PNG", Ok("image/png"));
    check("application/vnd.ms-excel", Ok("application/vnd.ms-excel"));
    check("image/svg+xml", Ok("image/svg+xml"));
    check("text", Err(WordError::MediaType));
    check("text/", Err(WordError::MediaType));
    check("text/plain; charset=x", Err(WordError::MediaType));
    check("text/pl\r\nain", Err(WordError::MediaType));
    check("multipart/mixed", Err(WordError::Composite));
    check("Message/rfc822", Err(WordError::Composite));
}

#[test]
fn a_list_is_left_by_a_uri() {
    let check = |uri: &str, one_click: bool, asked: bool| {
        assert_eq!(Unsubscribe::one_click(uri).is_ok(), one_click, "{uri:?}");
        assert_eq!(Unsubscribe::asked(uri).is_ok(), asked, "{uri:?}");
    };
    // RFC 8058 §3.1: one HTTPS URI.
    check("https://example.org/u?id=1&x=,", true, true);
    check("http://example.org/u", false, true);
    check("mailto:leave@example.org?subject=leave", false, true);
    check("javascript:x", false, false);
    check("https:", false, false);
    check("https://a/>\r\nBcc: b@c", false, false);
    check("https://a/ b", false, false);
}
