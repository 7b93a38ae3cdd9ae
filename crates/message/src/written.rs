//! Messages whose text is what is written: plain ASCII, nothing encoded. They can be searched without being decoded.

use memchr::memmem;

use crate::content::TransferEncoding;
use crate::message::Message;
use crate::structure::Kind;
use crate::{charset, parameter};

/// What turns ASCII into something else: the beginning of an encoded word, of a parameter of RFC 2231, an escape of
/// ISO 2022, one of HZ, and half a character of UTF-16.
const SHIFTS: [&[u8]; 5] = [b"=?", b"*=", b"\x1b", b"~{", b"\0"];

/// Whether every text in the message, decoded, is a part of its bytes.
pub(crate) fn is_written(message: &Message<'_>) -> bool {
    let bytes = message.bytes();
    if !bytes.is_ascii() || SHIFTS.iter().any(|shift| memmem::find(bytes, shift).is_some()) {
        return false;
    }
    message.structure().ids().all(|id| match message.part(id).kind {
        Kind::Text => is_plain(message, id),
        Kind::Multipart | Kind::Other => true,
        Kind::Message => false,
    })
}

fn is_plain(message: &Message<'_>, id: crate::PartId) -> bool {
    let content_type = message.content_type(id);
    let label = parameter::joined(&content_type.parameters, "charset").unwrap_or_default();
    let encoding = message.encoding(id);
    let identity = !matches!(
        encoding,
        TransferEncoding::Base64 | TransferEncoding::QuotedPrintable
    );
    identity && content_type.is_exactly("text", "plain") && charset::keeps_ascii(&label)
}

#[cfg(test)]
mod tests {
    use crate::Message;

    #[test]
    fn only_what_reads_as_it_is_written_is_found_to_be_so() {
        let check = |bytes: &str, wanted: bool| {
            assert_eq!(Message::parse(bytes.as_bytes()).is_written(), wanted, "{bytes}");
        };
        check("Subject: a\r\n\r\nplain\r\n", true);
        check("\r\nno header\r\n", true);
        check("Content-Type: text/plain; charset=gb18030\r\n\r\nplain\r\n", true);
        check("Subject: =?utf-8?q?a?=\r\n\r\nplain\r\n", false);
        check("Subject: \u{e9}\r\n\r\nplain\r\n", false);
        check("Content-Type: text/html\r\n\r\n<b>a</b>b\r\n", false);
        check("Content-Type: text/plain; charset=utf-7\r\n\r\n+AGE-\r\n", false);
        check("Content-Type: text/plain; charset=utf-16\r\n\r\nabcd\r\n", false);
        check("Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", false);
        check(
            "Content-Transfer-Encoding: Quoted-Printable\r\n\r\n=41\r\n",
            false,
        );
        check("\r\n\u{1b}$B4A\u{1b}(B\r\n", false);
        check("\r\n~{<:Ky2;~}\r\n", false);
        let mixed = |part: &str| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{part}\r\n--b--\r\n"
            )
        };
        check(
            &mixed("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs"),
            true,
        );
        check(
            &mixed("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"),
            false,
        );
        check(&mixed("Content-Type: a/b; name*=utf-8''%41\r\n\r\nx"), false);
    }
}
