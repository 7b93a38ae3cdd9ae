//! What is found out about a message when it arrives, so that lists of messages need not read it again.
//!
//! The store keeps it as *cards*: bytes that it does not look into. Their form has a version; cards of another
//! version, or none (they were too large), are made again from the message's bytes.

use std::panic::resume_unwind;

use bytes::{BufMut, Bytes, BytesMut};
use message::Message;
use store::{Facts, TextForm};
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

/// The form of the cards, and of the parser and the downgrading that filled them.
const VERSION: u8 = 1;

/// Version, the day and the moment of the `Date` field, four lengths.
const HEAD: usize = 1 + 4 + 8 + 4 * 4;

/// Stands for a `Date` field that is missing or cannot be read.
const NO_DAY: i32 = i32::MIN;

/// What is kept of a message beside its bytes, ready to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cards {
    /// `ENVELOPE` (RFC 3501 §7.4.2).
    pub envelope: Bytes,
    /// `BODYSTRUCTURE`.
    pub body_structure: Bytes,
    /// `BODY`.
    pub body: Bytes,
    /// The beginning of the text, in UTF-8.
    pub preview: Bytes,
    /// When the message says that it was sent.
    pub sent: Option<Sent>,
    /// The same of its surrogate (RFC 6857), where it needs one.
    pub surrogate: Option<Box<SurrogateCards>>,
}

/// What clients that do not know UTF-8 in header fields are told of a message that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurrogateCards {
    /// The octets of the surrogate.
    pub octets: u64,
    /// `ENVELOPE`.
    pub envelope: Bytes,
    /// `BODYSTRUCTURE`.
    pub body_structure: Bytes,
    /// `BODY`.
    pub body: Bytes,
}

impl SurrogateCards {
    fn of(bytes: &[u8]) -> Self {
        let surrogate = message::downgrade::message(bytes);
        let cards = Cards::of(&Message::parse(&surrogate));
        SurrogateCards {
            octets: surrogate.len() as u64,
            envelope: cards.envelope,
            body_structure: cards.body_structure,
            body: cards.body,
        }
    }

    /// After the cards of the message, which are found without it.
    fn print(&self, out: &mut BytesMut) {
        let texts = [&self.envelope, &self.body_structure, &self.body];
        out.put_u64_le(self.octets);
        for text in texts {
            out.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        for text in texts {
            out.put_slice(text);
        }
    }
}

/// The `Date` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its day as written, disregarding time and zone: days since 1970-01-01 (RFC 3501 §6.4.4, `SENTON`).
    pub day: i32,
    /// The moment, in seconds since 1970.
    pub moment: i64,
}

impl Cards {
    /// Makes the cards of a message.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Self {
        let sent = message.date().and_then(|date| {
            let day = i32::try_from(date.days()).ok().filter(|day| *day != NO_DAY)?;
            Some(Sent {
                day,
                moment: date.timestamp(),
            })
        });
        Cards {
            envelope: imap::envelope_text(&message.envelope()).into(),
            body_structure: imap::body_structure_text(message).into(),
            body: imap::body_text(message).into(),
            preview: message.preview().into(),
            sent,
            surrogate: None,
        }
    }

    /// The form that is stored.
    #[must_use]
    pub fn print(&self) -> Bytes {
        let texts = self.texts();
        let mut out = BytesMut::with_capacity(HEAD + texts.iter().map(|t| t.len()).sum::<usize>());
        out.put_u8(VERSION);
        out.put_i32_le(self.sent.map_or(NO_DAY, |sent| sent.day));
        out.put_i64_le(self.sent.map_or(0, |sent| sent.moment));
        for text in texts {
            out.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        for text in texts {
            out.put_slice(text);
        }
        if let Some(surrogate) = &self.surrogate {
            surrogate.print(&mut out);
        }
        out.freeze()
    }

    fn texts(&self) -> [&Bytes; 4] {
        [&self.envelope, &self.body_structure, &self.body, &self.preview]
    }
}

/// The stored form of cards, of which single texts are cut out without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCards<'s> {
    texts: [&'s [u8]; 4],
    /// When the message says that it was sent.
    pub sent: Option<Sent>,
    /// What is stored of the surrogate.
    rest: &'s [u8],
}

impl<'s> StoredCards<'s> {
    /// Reads the stored form; `None` where there is none, or that of another version.
    #[must_use]
    pub fn parse(stored: &'s [u8]) -> Option<Self> {
        let (version, rest) = stored.split_first_chunk::<1>()?;
        if *version != [VERSION] {
            return None;
        }
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let (moment, rest) = rest.split_first_chunk::<8>()?;
        let (lengths, mut rest) = rest.split_first_chunk::<16>()?;
        let mut texts = [&[][..]; 4];
        for (text, length) in texts.iter_mut().zip(lengths.as_chunks::<4>().0) {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            (*text, rest) = rest.split_at_checked(length)?;
        }
        let day = i32::from_le_bytes(*day);
        Some(StoredCards {
            texts,
            sent: (day != NO_DAY).then_some(Sent {
                day,
                moment: i64::from_le_bytes(*moment),
            }),
            rest,
        })
    }

    /// The cards of the surrogate, and its octets; `None` where none are kept.
    #[must_use]
    pub fn surrogate(&self) -> Option<(StoredCards<'s>, u64)> {
        let (octets, rest) = self.rest.split_first_chunk::<8>()?;
        let (lengths, mut rest) = rest.split_first_chunk::<12>()?;
        let [.., preview] = self.texts;
        let mut texts = [preview; 4];
        for (text, length) in texts.iter_mut().zip(lengths.as_chunks::<4>().0) {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            (*text, rest) = rest.split_at_checked(length)?;
        }
        let cards = StoredCards { texts, rest, ..*self };
        Some((cards, u64::from_le_bytes(*octets)))
    }

    /// `ENVELOPE`.
    #[must_use]
    pub fn envelope(&self) -> &'s [u8] {
        let [envelope, ..] = self.texts;
        envelope
    }

    /// The subject, for people; `None` where there is none.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let rest = self.envelope().strip_prefix(b"(")?;
        let (_, rest) = nstring(rest)?;
        let (written, _) = nstring(rest.strip_prefix(b" ")?)?;
        let field = [b"Subject: ", &*written?, b"\r\n\r\n"].concat();
        Some(Message::parse(&field).subject())
    }

    /// `BODYSTRUCTURE`.
    #[must_use]
    pub fn body_structure(&self) -> &'s [u8] {
        let [_, structure, ..] = self.texts;
        structure
    }

    /// `BODY`.
    #[must_use]
    pub fn body(&self) -> &'s [u8] {
        let [.., body, _] = self.texts;
        body
    }

    /// The beginning of the text, in UTF-8.
    #[must_use]
    pub fn preview(&self) -> &'s [u8] {
        let [.., preview] = self.texts;
        preview
    }
}

/// A string, or `NIL`, as [`Cards::of`] prints it (RFC 3501 §9: nstring), and what follows it.
fn nstring(text: &[u8]) -> Option<(Option<Vec<u8>>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"NIL") {
        return Some((None, rest));
    }
    if let Some(literal) = text.strip_prefix(b"{") {
        let end = literal.iter().position(|octet| *octet == b'}')?;
        let length = std::str::from_utf8(literal.get(..end)?).ok()?.parse().ok()?;
        let (string, rest) = literal.get(end + 3..)?.split_at_checked(length)?;
        return Some((Some(string.to_vec()), rest));
    }
    let (mut string, mut octets) = (Vec::new(), text.strip_prefix(b"\"")?.iter());
    loop {
        match octets.next()? {
            b'"' => return Some((Some(string), octets.as_slice())),
            b'\\' => string.push(*octets.next()?),
            octet => string.push(*octet),
        }
    }
}

/// A larger message is parsed away from the threads that serve connections: by then it takes a millisecond.
const LARGE: usize = 256 * 1024;

/// Does what takes long for many octets: here for few of them, otherwise away from the threads that serve connections.
pub(crate) async fn aside<T: Send + 'static>(octets: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if octets <= LARGE {
        return work();
    }
    match spawn_blocking(work).await.map_err(|error| error.try_into_panic()) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime ends, and whoever waits here ends with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// [`facts_of`], where it is in nobody's way.
pub(crate) async fn facts_of_bytes(bytes: &Bytes) -> Facts {
    let bytes = bytes.clone();
    aside(bytes.len(), move || facts_of(&bytes)).await
}

/// Everything that the store wants to know of a message that arrives.
#[must_use]
pub fn facts_of(bytes: &[u8]) -> Facts {
    let message = Message::parse(bytes);
    let hash = |id: &String| xxh3_64(id.as_bytes());
    let form = match message.is_written() {
        true => TextForm::Ascii,
        false if message::downgrade::is_needed(&message) => TextForm::Encoded,
        false => TextForm::AsciiHeaders,
    };
    let mut cards = Cards::of(&message);
    if form == TextForm::Encoded {
        cards.surrogate = Some(Box::new(SurrogateCards::of(bytes)));
    }
    Facts {
        cards: cards.print(),
        message_id: message.message_id().as_ref().map(hash),
        references: message.references().iter().map(hash).collect(),
        form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_read_from_the_envelope() {
        let check = |field: &str, wanted: Option<&str>| {
            let source = format!("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n{field}\r\n\r\nhello\r\n");
            let printed = Cards::of(&Message::parse(source.as_bytes())).print();
            let subject = StoredCards::parse(&printed).unwrap().subject();
            assert_eq!(subject.as_deref(), wanted, "{field}");
        };
        check("Subject: a \"b\" \\c", Some("a \"b\" \\c"));
        check("Subject: =?UTF-8?B?5L2g5aW9?=", Some("你好"));
        check("Subject: 你好", Some("你好"));
        check("From: a@b", None);
    }

    #[test]
    fn cards_parse_back_and_no_prefix_does() {
        let source =
            b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: s\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n";
        let cards = Cards::of(&Message::parse(source));
        let printed = cards.print();
        let stored = StoredCards::parse(&printed).unwrap();
        assert_eq!(stored.envelope(), cards.envelope);
        assert_eq!(stored.body_structure(), cards.body_structure);
        assert_eq!(stored.body(), cards.body);
        assert_eq!(stored.preview(), cards.preview);
        assert_eq!(stored.sent, cards.sent);
        assert_eq!(
            cards.sent,
            Some(Sent {
                day: 8803,
                moment: 760_686_745
            })
        );
        assert_eq!(cards.preview, "hello");
        for length in 0..printed.len() {
            assert_eq!(StoredCards::parse(&printed[..length]), None, "{length}");
        }
        let mut other = printed.to_vec();
        other[0] += 1;
        assert_eq!(StoredCards::parse(&other), None);
        assert_eq!(stored.surrogate(), None);
        assert!(facts_of(source).message_id.is_some());
        assert_eq!(facts_of(b"").message_id, None);
    }

    #[test]
    fn an_internationalised_message_has_the_cards_of_its_surrogate_too() {
        let source = "Subject: 你好\r\nContent-Type: text/plain; name=\"报告\"\r\n\r\n正文\r\n".as_bytes();
        let facts = facts_of(source);
        assert_eq!(facts.form, TextForm::Encoded);
        let stored = StoredCards::parse(&facts.cards).unwrap();
        let message = Cards::of(&Message::parse(source));
        assert_eq!(stored.envelope(), message.envelope);
        let surrogate = message::downgrade::message(source);
        let wanted = Cards::of(&Message::parse(&surrogate));
        let (cards, octets) = stored.surrogate().unwrap();
        assert_eq!(octets, surrogate.len() as u64);
        assert_eq!(cards.envelope(), wanted.envelope);
        assert_eq!(cards.body_structure(), wanted.body_structure);
        assert_eq!(cards.body(), wanted.body);
        assert_eq!(cards.preview(), wanted.preview);
        assert!(cards.envelope().is_ascii() && cards.body_structure().is_ascii() && cards.body().is_ascii());
        let whole = message.print().len();
        for length in whole..facts.cards.len() {
            let cut = StoredCards::parse(&facts.cards[..length]).unwrap();
            assert_eq!(cut.surrogate(), None, "{length}");
        }
        // ASCII in every header, and something else in a body: no more is kept than before.
        let plain = facts_of("Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n正文\r\n".as_bytes());
        assert_eq!(StoredCards::parse(&plain.cards).unwrap().surrogate(), None);
    }
}
