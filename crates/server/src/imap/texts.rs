//! The texts of a search: what is looked for, and which of it a message has.
//!
//! However many texts are looked for, a message is decoded and folded (`casemap`) once.

use memchr::memmem::Finder;
use message::{Kind, Message, PartId};

use super::written::PlainTexts;
use crate::casemap::fold;

/// So many octets of decoded text are not counted: as much as a message has that is looked at at once.
pub(super) const MORE: u32 = 256 * 1024;

/// What decoding and folding the largest text of a message takes, at the most.
fn memory_of_texts(message: &Message<'_>) -> u64 {
    let of = |id: PartId| {
        let text = message.body(id);
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let page = message.content_type(id).is_exactly("text", "html");
        match text.len() > SHORT && (page || !text.is_ascii()) {
            // Its source beside its text, or another charset and what it is folded to.
            true => size.saturating_mul(3),
            false => size,
        }
    };
    let texts = message
        .structure()
        .ids()
        .filter(|id| message.part(*id).kind == Kind::Text);
    texts.map(of).max().unwrap_or(0)
}

/// Shorter texts are not looked at to know what they take.
const SHORT: usize = 64 * 1024;

/// A folded text that is looked for.
pub(super) struct Needle(Finder<'static>);

impl Needle {
    pub(super) fn new(text: String) -> Self {
        Needle(Finder::new(fold(text).as_bytes()).into_owned())
    }

    fn is_in(&self, folded: &str) -> bool {
        self.0.find(folded.as_bytes()).is_some()
    }
}

/// For each place, which of its texts a message has; `None` where nobody has looked.
pub(super) type Found = [Option<Vec<bool>>; 3];

/// Where a text is looked for, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the fields named in the key.
    Fields,
    /// In the whole header.
    Header,
    /// In the body.
    Body,
}

/// Everything that a search looks for in texts. A test names an entry by its number.
#[derive(Default)]
pub(super) struct Texts {
    fields: Vec<(String, Needle)>,
    header: Vec<Needle>,
    body: Vec<Needle>,
}

impl Texts {
    pub(super) fn in_fields(&mut self, name: &[u8], text: Needle) -> usize {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        self.fields.push((name, text));
        self.fields.len() - 1
    }

    pub(super) fn in_header(&mut self, text: Needle) -> usize {
        self.header.push(text);
        self.header.len() - 1
    }

    pub(super) fn in_body(&mut self, text: Needle) -> usize {
        self.body.push(text);
        self.body.len() - 1
    }

    /// Whether something is looked for in bodies.
    pub(super) fn want_body(&self) -> bool {
        !self.body.is_empty()
    }

    fn in_headers(&self) -> impl Iterator<Item = &Needle> {
        self.fields.iter().map(|(_, text)| text).chain(&self.header)
    }

    /// The texts, if they can be looked for in bytes.
    pub(super) fn plain(&self) -> Option<PlainTexts> {
        let all = self.in_headers().chain(&self.body);
        PlainTexts::check(all.map(|text| text.0.needle()))
    }

    /// Whether a message with these folded texts (`Folded`) has none. What a field has, the header has.
    pub(super) fn are_absent(&self, (header, body): (&[u8], &[u8])) -> bool {
        self.in_headers().all(|text| text.0.find(header).is_none())
            && self.body.iter().all(|text| text.0.find(body).is_none())
    }

    /// What a message with these folded texts has. In which field something is, they do not say.
    pub(super) fn find_in_folded(&self, (header, body): (&[u8], &[u8])) -> Found {
        let absent = |(_, text): &(String, Needle)| text.0.find(header).is_none();
        let find = |texts: &[Needle], octets: &[u8]| {
            let found = texts.iter().map(|text| text.0.find(octets).is_some());
            Some(found.collect())
        };
        [
            self.fields
                .iter()
                .all(absent)
                .then(|| vec![false; self.fields.len()]),
            find(&self.header, header),
            find(&self.body, body),
        ]
    }

    /// What is found in a message that has none of the texts.
    pub(super) fn nothing(&self) -> Found {
        let none = |count| Some(vec![false; count]);
        [
            none(self.fields.len()),
            none(self.header.len()),
            none(self.body.len()),
        ]
    }

    /// RFC 3501 §6.4.4, `HEADER`: an empty text asks only whether the field is there.
    fn find_in_fields(&self, message: &Message<'_>) -> Vec<bool> {
        let header = message.header(PartId::ROOT);
        let mut folded: Vec<(&str, Vec<String>)> = Vec::new();
        let mut found = Vec::with_capacity(self.fields.len());
        for (name, text) in &self.fields {
            let known = folded.iter().position(|(known, _)| known == name);
            let at = known.unwrap_or_else(|| {
                let values = header.all(name).map(|field| fold(field.text()));
                folded.push((name, values.collect()));
                folded.len() - 1
            });
            let values = folded.get(at).map_or(&[][..], |(_, values)| values);
            found.push(values.iter().any(|value| text.is_in(value)));
        }
        found
    }

    fn find_in_header(&self, message: &Message<'_>) -> Vec<bool> {
        let folded = fold(message.header_text());
        self.header.iter().map(|text| text.is_in(&folded)).collect()
    }

    /// What the header of a message has. For that its beginning is enough.
    pub(super) fn find_in_head(&self, place: Place, octets: &[u8]) -> Vec<bool> {
        let message = Message::parse(octets);
        match place {
            Place::Fields => self.find_in_fields(&message),
            Place::Header | Place::Body => self.find_in_header(&message),
        }
    }

    /// What the body of a message has.
    ///
    /// # Errors
    /// Decoding its texts takes more memory than this: so much.
    pub(super) fn find_in_body_within(&self, octets: &[u8], most: u64) -> Result<Vec<bool>, u64> {
        let message = Message::parse(octets);
        match memory_of_texts(&message) {
            more if more > most => Err(more),
            _ => Ok(self.find_in_body(&message)),
        }
    }

    /// The empty text is in every body, also in one without text.
    fn find_in_body(&self, message: &Message<'_>) -> Vec<bool> {
        let mut found: Vec<bool> = self.body.iter().map(|text| text.is_in("")).collect();
        for piece in message.body_texts() {
            if found.iter().all(|found| *found) {
                break;
            }
            let folded = fold(piece);
            for (found, text) in found.iter_mut().zip(&self.body) {
                *found = *found || text.is_in(&folded);
            }
        }
        found
    }
}
