//! The texts of a message as they are compared: decoded, folded by `casemap`, and put one after the other.
//!
//! This is what blocks of search text keep. **Whoever changes what it gives, by decoding or folding otherwise, counts [`VERSION`]
//! up**; a test notices. Blocks of another version are thrown away and made again.

use message::Message;

use crate::casemap::fold;

/// The version of what [`Folded`] gives.
pub(super) const VERSION: u32 = 1;

/// Stands after each text of a body: no text has this octet, and no text that is looked for.
const END: u8 = 0xff;

/// What can be looked for in a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    /// The text of its header, in which that of each field is a part.
    pub(super) header: String,
    /// The texts of its body, one after the other.
    pub(super) body: Vec<u8>,
}

impl Folded {
    /// Decodes and folds a message.
    pub(super) fn of(octets: &[u8]) -> Self {
        let message = Message::parse(octets);
        let mut body = Vec::new();
        for text in message.body_texts() {
            body.extend_from_slice(fold(text).as_bytes());
            body.push(END);
        }
        Folded {
            header: fold(message.header_text()),
            body,
        }
    }

    /// Decodes and folds the header of a message.
    pub(super) fn header_of(octets: &[u8]) -> Self {
        Folded {
            header: fold(Message::parse(head_of(octets)).header_text()),
            body: Vec::new(),
        }
    }
}

/// A message up to the end of its header.
pub(super) fn head_of(octets: &[u8]) -> &[u8] {
    if octets.starts_with(b"\r\n") {
        return octets.get(..2).unwrap_or_default();
    }
    let end = memchr::memmem::find(octets, b"\r\n\r\n").map_or(octets.len(), |at| at + 4);
    octets.get(..end).unwrap_or(octets)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::Xxh3;

    use super::*;

    /// When this fails, messages read otherwise than the blocks on people's disks say: count `VERSION` up, and put the new number here.
    #[test]
    fn what_is_kept_changes_only_with_its_version() {
        let samples: [&[u8]; 7] = [
            "Subject: =?gb18030?B?xOO6ww==?= Straße\r\nX: a\r\n\tb\r\n\r\nΣΊΣΥΦΟΣ İi ẞ ﬁ\r\n".as_bytes(),
            b"Content-Type: text/plain; charset=gb18030\r\n\r\n\xc4\xe3\xba\xc3 \x81\x30\x81\x30 \xff\r\n",
            b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B4A;z\x1b(B x\r\n",
            b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
              =C9t=E9 lo=\r\nng =ZZ\r\n",
            b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+SGk8L2I+JmFtcDs=\r\n",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
              Subject: in\r\n\r\ntwo\r\n--b--\r\n",
            b"\r\nno label \x83\x65\x83\x58\x83\x67 \xe9t\xe9 \0\r\n",
        ];
        let mut hash = Xxh3::new();
        for sample in samples {
            let folded = Folded::of(sample);
            hash.update(folded.header.as_bytes());
            hash.update(&[END]);
            hash.update(&folded.body);
        }
        assert_eq!((VERSION, hash.digest()), (1, 5_490_834_097_852_822_964));
    }

    #[test]
    fn the_header_alone_reads_as_it_does_with_the_body() {
        for octets in [
            &b"Subject: A\r\n\tb\r\n\r\nbody\r\n"[..],
            b"\r\nbody",
            b"Subject: cut",
            b"",
        ] {
            assert_eq!(Folded::header_of(octets).header, Folded::of(octets).header);
        }
    }
}
