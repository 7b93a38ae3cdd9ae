//! What is granted, printed. What is refused is in [`crate::Refusal`].

use std::fmt::{Display, Write as _};

use bytes::{BufMut, BytesMut};

/// Prints `+OK` and some words, without control characters: no text from outside makes a second reply.
pub fn ok(words: impl Display, out: &mut BytesMut) {
    let start = out.len();
    write!(out, "+OK {words}").expect("a BytesMut takes everything");
    for octet in out.get_mut(start..).unwrap_or_default() {
        if octet.is_ascii_control() {
            *octet = b'?';
        }
    }
    out.put_slice(b"\r\n");
}

/// Prints a message (RETR, TOP) with its dots and its end.
pub fn message(octets: &[u8], out: &mut BytesMut) {
    out.reserve(octets.len() + octets.len() / 64 + 64);
    ok(format_args!("{} octets", octets.len()), out);
    wire::write_dotted(octets, out);
}

/// Prints the start of a listing.
pub fn listing(words: impl Display, out: &mut BytesMut) {
    ok(words, out);
}

/// Prints one line of a listing.
pub fn line(words: impl Display, out: &mut BytesMut) {
    write!(out, "{words}\r\n").expect("a BytesMut takes everything");
}

/// Prints the end of a listing.
pub fn end(out: &mut BytesMut) {
    out.put_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_print_with_dots_and_an_end() {
        let mut out = BytesMut::new();
        message(b"a\r\n.b\r\n", &mut out);
        assert_eq!(&out[..], b"+OK 7 octets\r\na\r\n..b\r\n.\r\n");
    }

    #[test]
    fn no_text_makes_a_second_reply() {
        let mut out = BytesMut::new();
        ok("a\r\n-ERR", &mut out);
        assert_eq!(&out[..], b"+OK a??-ERR\r\n");
    }
}
