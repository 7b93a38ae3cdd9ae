//! Object ids (RFC 8474 §3, §7): what mailboxes, messages and conversations are called for ever.
//!
//! A letter keeps the three kinds apart; the number behind it is the store's, in hexadecimal.

use types::{ContentId, ThreadId};

/// `(F…)`, of a mailbox's number.
pub(crate) fn print_mailbox(out: &mut Vec<u8>, mailbox: u64) {
    print(out, 'F', mailbox);
}

/// `(M…)`.
pub(crate) fn print_email(out: &mut Vec<u8>, content: ContentId) {
    print(out, 'M', content.0);
}

/// `(T…)`.
pub(crate) fn print_thread(out: &mut Vec<u8>, thread: ThreadId) {
    print(out, 'T', thread.0);
}

fn print(out: &mut Vec<u8>, kind: char, number: u64) {
    out.extend_from_slice(format!("({kind}{number:x})").as_bytes());
}

/// The content that a client means; nothing where it cannot be one of ours. Ids are case-sensitive (RFC 8474 §3).
#[must_use]
pub fn parse_email(id: &[u8]) -> Option<ContentId> {
    parse(id, 'M').map(ContentId)
}

/// The conversation that a client means.
#[must_use]
pub fn parse_thread(id: &[u8]) -> Option<ThreadId> {
    parse(id, 'T').map(ThreadId)
}

fn parse(id: &[u8], kind: char) -> Option<u64> {
    let digits = std::str::from_utf8(id).ok()?.strip_prefix(kind)?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    // One number has one form.
    (format!("{number:x}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse_back_in_one_form_only() {
        let mut out = Vec::new();
        print_email(&mut out, ContentId(u64::MAX));
        print_thread(&mut out, ThreadId(0));
        print_mailbox(&mut out, 26);
        assert_eq!(out, b"(Mffffffffffffffff)(T0)(F1a)");
        let check = |id: &str, wanted: Option<u64>| assert_eq!(parse(id.as_bytes(), 'M'), wanted, "{id}");
        check("Mffffffffffffffff", Some(u64::MAX));
        check("M0", Some(0));
        for wrong in [
            "",
            "M",
            "M00",
            "M01",
            "MA",
            "m1",
            "T1",
            "M+1",
            "M10000000000000000",
            "M-",
        ] {
            check(wrong, None);
        }
    }
}
