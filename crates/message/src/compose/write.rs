//! A message on its way out: pieces that are written one after the other, so that no file needs to be in memory.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::body::Body;
use super::mail::Mail;
use super::part::{Source, SourceId};
use super::tree::{self, Multipart, Node};
use super::{Allowed, Refusal, header};
use crate::dkim::SignatureField;
use crate::transfer::encode::{Base64Encoder, Encoder, Encoding};

/// How much of what is in memory is encoded at once; also what [`Composed::write_to`] reads at once.
const BLOCK: usize = 57 * 1024;

/// A message in the form in which it is sent.
#[derive(Debug, Clone)]
pub struct Composed<'m> {
    pieces: Vec<Body<'m>>,
}

impl Mail<'_> {
    /// Writes the message in a form that its way allows.
    ///
    /// # Errors
    /// When an address needs SMTPUTF8 and that is not allowed, or there are too many parts.
    pub fn compose(&self, allowed: Allowed) -> Result<Composed<'_>, Refusal> {
        if allowed.form == super::Form::Ascii
            && let Some(address) = self.first_beyond_ascii()
        {
            return Err(Refusal::NeedsUtf8(address.clone()));
        }
        let header = header::write(self, allowed.form)?;
        let tree = tree::build(self, allowed)?;
        let mut writer = TreeWriter {
            boundary: boundary(self.id().as_str(), &tree),
            multiparts: 0,
            pieces: Vec::new(),
        };
        writer.text(&header);
        writer.node(tree);
        writer.end_line();
        Ok(Composed {
            pieces: writer.pieces,
        })
    }
}

/// A boundary that is in no part. `=_` is in nothing that is encoded (RFC 2045 §6.7, §6.8); where octets are as they are,
/// they are looked through. What is not here and not encoded would have to hold 128 bits made of an id that is younger.
fn boundary(id: &str, tree: &Node<'_>) -> String {
    let made = |round: u64| {
        let high = fnv(id.as_bytes(), round.wrapping_mul(2));
        let low = fnv(id.as_bytes(), round.wrapping_mul(2) + 1);
        format!("=_{high:016x}{low:016x}")
    };
    (0..)
        .map(made)
        .find(|boundary| !holds(tree, boundary.as_bytes()))
        .expect("not every number is in a message")
}

/// FNV-1a: a name, not a secret.
fn fnv(octets: &[u8], seed: u64) -> u64 {
    let mix = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    let seeded = seed.to_le_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mix);
    octets.iter().fold(seeded, mix)
}

fn holds(node: &Node<'_>, boundary: &[u8]) -> bool {
    match node {
        Node::Leaf { body, .. } => body.holds(boundary),
        Node::Multipart { parts, .. } => parts.iter().any(|part| holds(part, boundary)),
    }
}

struct TreeWriter<'m> {
    boundary: String,
    multiparts: usize,
    pieces: Vec<Body<'m>>,
}

impl<'m> TreeWriter<'m> {
    fn text(&mut self, text: &[u8]) {
        match self.pieces.last_mut() {
            Some(Body::Octets(Cow::Owned(last))) => last.extend_from_slice(text),
            _ => self.pieces.push(Body::Octets(Cow::Owned(text.to_vec()))),
        }
    }

    /// A part: three levels of multiparts at most, see [`tree::build`].
    fn node(&mut self, node: Node<'m>) {
        match node {
            Node::Leaf { header, body } => {
                self.text(&header);
                self.text(b"\r\n");
                match body {
                    Body::Octets(Cow::Owned(octets)) => self.text(&octets),
                    body => self.pieces.push(body),
                }
            }
            Node::Multipart { kind, parts } => self.multipart(kind, parts),
        }
    }

    fn multipart(&mut self, kind: Multipart, parts: Vec<Node<'m>>) {
        // Told apart at the end, and none the beginning of another (RFC 2046 §5.1.2): one digit each.
        let boundary = format!("{}{}", self.boundary, self.multiparts);
        self.multiparts += 1;
        let kind = match kind {
            Multipart::Mixed => "mixed;",
            Multipart::Alternative => "alternative;",
            // RFC 2387 §3.1: the type of the root, which is the first part (§3.2).
            Multipart::Related => "related; type=\"text/html\";",
        };
        self.text(format!("Content-Type: multipart/{kind}\r\n boundary=\"{boundary}\"\r\n").as_bytes());
        for part in parts {
            self.text(format!("\r\n--{boundary}\r\n").as_bytes());
            self.node(part);
        }
        self.text(format!("\r\n--{boundary}--\r\n").as_bytes());
    }

    /// A message ends with its last line (RFC 5321 §4.1.1.4).
    fn end_line(&mut self) {
        let ended = match self.pieces.last() {
            Some(Body::Octets(octets)) => octets.ends_with(b"\r\n"),
            _ => false,
        };
        if !ended {
            self.text(b"\r\n");
        }
    }
}

impl<'m> Composed<'m> {
    /// The same message with its signature in front. Several can be put there, one after the other: none signs another.
    #[must_use]
    pub fn signed(mut self, field: &SignatureField) -> Self {
        self.pieces
            .insert(0, Body::Octets(Cow::Owned(field.as_bytes().to_vec())));
        self
    }

    /// How many octets will be written, if the lengths of all sources are known: for `SIZE=` (RFC 1870).
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let octets = |octets: &[u8]| u64::try_from(octets.len()).ok();
        let encoded = |octets: u64, encoding| match encoding {
            Encoding::Base64 => Some(Base64Encoder::written(octets)),
            Encoding::Binary => Some(octets),
            // Line ends are counted when they are seen.
            Encoding::Lines => None,
        };
        self.pieces.iter().try_fold(0_u64, |sum, piece| {
            let more = match piece {
                Body::Octets(piece) => octets(piece),
                Body::Encoded(piece, encoding) => encoded(octets(piece)?, *encoding),
                Body::Outside(source, encoding) => encoded(source.octets?, *encoding),
            };
            sum.checked_add(more?)
        })
    }

    /// The sources that are read, in the order in which they are.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Body::Outside(source, _) => Some(*source),
            _ => None,
        })
    }

    /// Begins to write. A message can be written as often as its sources can be read.
    #[must_use]
    pub fn writing(&self) -> Writing<'_> {
        Writing {
            pieces: self.pieces.iter(),
            state: State::Between,
            out: Vec::new(),
        }
    }

    /// Writes all of it, opening every source when its turn comes.
    ///
    /// # Errors
    /// When a source cannot be opened or read, or nothing can be written.
    pub fn write_to<R: Read>(
        &self,
        to: &mut impl Write,
        mut open: impl FnMut(SourceId) -> io::Result<R>,
    ) -> io::Result<()> {
        let mut writing = self.writing();
        let mut block = vec![0; BLOCK];
        let mut reading: Option<R> = None;
        loop {
            match writing.next() {
                Next::Write(octets) => to.write_all(octets)?,
                Next::End => return Ok(()),
                Next::Read(id) => {
                    let source = match &mut reading {
                        Some(source) => source,
                        slot => slot.insert(open(id)?),
                    };
                    let length = match source.read(&mut block) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        length => length?,
                    };
                    writing.feed(block.get(..length).unwrap_or_default());
                    if length == 0 {
                        reading = None;
                    }
                }
            }
        }
    }

    /// All of it in memory; `None` where something is elsewhere.
    #[must_use]
    pub fn to_vec(&self) -> Option<Vec<u8>> {
        let mut written = Vec::with_capacity(self.size().and_then(|size| usize::try_from(size).ok())?);
        let mut writing = self.writing();
        loop {
            match writing.next() {
                Next::Write(octets) => written.extend_from_slice(octets),
                Next::Read(_) => return None,
                Next::End => return Some(written),
            }
        }
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'w> {
    /// Write these octets.
    Write(&'w [u8]),
    /// Read some octets of this source and give them to [`Writing::feed`], none at its end.
    Read(SourceId),
    /// Everything is written.
    End,
}

/// A message that is being written: who writes asks what is next. Holds what one block becomes, whatever is attached.
#[derive(Debug)]
pub struct Writing<'c> {
    pieces: std::slice::Iter<'c, Body<'c>>,
    state: State<'c>,
    out: Vec<u8>,
}

#[derive(Debug)]
enum State<'c> {
    /// The next piece begins.
    Between,
    /// These octets are in memory, to be encoded.
    Encoding(&'c [u8], Encoder),
    /// A source is read.
    Reading(SourceId, Encoder),
    /// What a source gave waits to be written.
    Fed(SourceId, Encoder),
    /// What a source gave last waits to be written.
    Ended,
}

impl Writing<'_> {
    /// What is next.
    #[expect(
        clippy::should_implement_trait,
        reason = "what it gives is borrowed from itself"
    )]
    pub fn next(&mut self) -> Next<'_> {
        loop {
            match std::mem::replace(&mut self.state, State::Between) {
                State::Between => match self.pieces.next() {
                    None => return Next::End,
                    Some(Body::Octets(octets)) => return Next::Write(octets),
                    Some(Body::Encoded(octets, encoding)) => {
                        self.state = State::Encoding(octets, Encoder::new(*encoding));
                    }
                    Some(Body::Outside(source, encoding)) => {
                        self.state = State::Reading(source.id, Encoder::new(*encoding));
                    }
                },
                State::Encoding(octets, mut encoder) => {
                    self.out.clear();
                    let (block, rest) = octets.split_at(octets.len().min(BLOCK));
                    encoder.push(block, &mut self.out);
                    if rest.is_empty() {
                        encoder.finish(&mut self.out);
                    } else {
                        self.state = State::Encoding(rest, encoder);
                    }
                    return Next::Write(&self.out);
                }
                State::Reading(id, encoder) => {
                    self.state = State::Reading(id, encoder);
                    return Next::Read(id);
                }
                State::Fed(id, encoder) => {
                    self.state = State::Reading(id, encoder);
                    return Next::Write(&self.out);
                }
                State::Ended => return Next::Write(&self.out),
            }
        }
    }

    /// Takes octets of the source that [`Next::Read`] named; none say that it has ended.
    ///
    /// # Panics
    /// When no source was asked for.
    pub fn feed(&mut self, octets: &[u8]) {
        let State::Reading(id, mut encoder) = std::mem::replace(&mut self.state, State::Between) else {
            unreachable!("octets come only after Next::Read");
        };
        self.out.clear();
        if octets.is_empty() {
            encoder.finish(&mut self.out);
            self.state = State::Ended;
        } else {
            encoder.push(octets, &mut self.out);
            self.state = State::Fed(id, encoder);
        }
    }
}
