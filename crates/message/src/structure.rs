//! The MIME tree of a message: a flat list of parts, each with the exact ranges of its header and its body.
//!
//! What must hold: the ranges of a part lie within its parent's body, siblings follow one another, and nothing here fails
//! or recurses, whatever the bytes are. The work is linear in their number: every byte is looked at by two vector scans
//! (line ends, and line ends that are followed by `--`) and headers once more.
//!
//! A delimiter is `--` and the boundary at the beginning of a line; the line end before it belongs to it (RFC 2046 §5.1.1).

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem::Finder};

use crate::content::ContentType;
use crate::header::{self, Header};

/// How deep parts may lie in one another. What lies deeper is one opaque part: nobody reads it, and whoever
/// prints the tree may recurse over this many levels without fear for the stack.
pub const MAX_DEPTH: usize = 100;

/// How many parts are told apart in one message. What follows the last of them is left to the parts that are open.
pub const MAX_PARTS: usize = 10_000;

/// A part of one message: its position in [`Structure::parts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(u32);

impl PartId {
    /// The message itself.
    pub const ROOT: PartId = PartId(0);

    /// The position in [`Structure::parts`].
    pub fn index(self) -> usize {
        usize::try_from(self.0).expect("a u32 fits where this builds")
    }
}

/// What a part is to whoever walks the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text of any subtype; also a `multipart` in which no boundary was found.
    Text,
    /// Anything else that is a leaf; also what lies too deep to be opened.
    Other,
    /// Its children are the parts between its boundaries: at least one.
    Multipart,
    /// `message/rfc822` or `message/global`: its one child is the message within, whose header begins this body.
    Message,
}

/// One part. The whole of it is its header and, without a gap, its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The multipart or message it lies in.
    pub parent: Option<PartId>,
    /// The first part that lies in it.
    pub first_child: Option<PartId>,
    /// The next part of the same parent.
    pub next_sibling: Option<PartId>,
    /// What it is.
    pub kind: Kind,
    /// The header fields and the blank line after them.
    pub header: Range<usize>,
    /// What follows the blank line; for a multipart with preamble, boundaries and epilogue.
    pub body: Range<usize>,
    /// The line ends in the body.
    pub lines: usize,
}

impl Part {
    /// Header and body.
    pub fn whole(&self) -> Range<usize> {
        self.header.start..self.body.end
    }
}

/// The parts of one message, in the order in which they begin; the first is the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    parts: Vec<Part>,
}

/// What of a part a client asks for (RFC 3501 §6.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// The body of the part, or the whole message where the path is empty.
    Whole,
    /// The header of the message, or of the message within a `message/rfc822` part.
    Header,
    /// The body of the message, or of the message within a `message/rfc822` part.
    Text,
    /// The header of the part itself.
    Mime,
}

impl Structure {
    /// Finds the parts of a message. Any bytes have a structure.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut builder = Builder {
            bytes,
            parts: Vec::new(),
            open: Vec::new(),
            boundaries: Boundaries::default(),
            counter: LineCounter::default(),
        };
        let finder = Finder::new(b"\n--");
        let mut step = Step::Part(0);
        loop {
            step = match step {
                Step::Part(start) => builder.open_part(start),
                Step::Scan(from) => builder.scan(&finder, from),
                Step::End => break,
            };
        }
        builder.close_to(0, bytes.len());
        Structure { parts: builder.parts }
    }

    /// Every part in the order in which it begins: a part stands before its children.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Every part's id, in the same order.
    pub fn ids(&self) -> impl Iterator<Item = PartId> + use<> {
        (0..u32::try_from(self.parts.len()).expect("at most MAX_PARTS")).map(PartId)
    }

    /// The part of this id.
    ///
    /// # Panics
    /// If the id is another message's.
    pub fn part(&self, id: PartId) -> &Part {
        self.parts.get(id.index()).expect("the id is of this message")
    }

    /// The parts that lie directly in this one.
    pub fn children(&self, id: PartId) -> impl Iterator<Item = PartId> + '_ {
        std::iter::successors(self.part(id).first_child, |child| self.part(*child).next_sibling)
    }

    /// The part that a part number names: `[1, 2]` is the second part of the first (RFC 3501 §6.4.5). An empty path is
    /// the message itself.
    pub fn part_by_path(&self, path: &[u32]) -> Option<PartId> {
        let Some((first, rest)) = path.split_first() else {
            return Some(PartId::ROOT);
        };
        let mut part = self.part_of_message(PartId::ROOT, *first)?;
        for number in rest {
            let here = self.part(part);
            part = match here.kind {
                Kind::Multipart => self.nth_child(part, *number)?,
                Kind::Message => self.part_of_message(here.first_child?, *number)?,
                Kind::Text | Kind::Other => return None,
            };
        }
        Some(part)
    }

    /// Part `number` of a message: a message that is no multipart has one part, 1, its body.
    fn part_of_message(&self, message: PartId, number: u32) -> Option<PartId> {
        match self.part(message).kind {
            Kind::Multipart => self.nth_child(message, number),
            Kind::Text | Kind::Other | Kind::Message => (number == 1).then_some(message),
        }
    }

    fn nth_child(&self, parent: PartId, number: u32) -> Option<PartId> {
        self.children(parent)
            .nth(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The bytes that a section names, `None` where there is no such section.
    pub fn section(&self, path: &[u32], section: Section) -> Option<Range<usize>> {
        let id = self.part_by_path(path)?;
        let part = self.part(id);
        let message = || match (path, part.kind) {
            ([], _) => Some(part),
            (_, Kind::Message) => part.first_child.map(|child| self.part(child)),
            _ => None,
        };
        match section {
            Section::Whole if path.is_empty() => Some(part.whole()),
            Section::Whole => Some(part.body.clone()),
            Section::Header => message().map(|inner| inner.header.clone()),
            Section::Text => message().map(|inner| inner.body.clone()),
            Section::Mime => (!path.is_empty()).then(|| part.header.clone()),
        }
    }
}

/// What to do next, and where.
enum Step {
    /// A part begins here.
    Part(usize),
    /// Look for a delimiter from this beginning of a line on.
    Scan(usize),
    End,
}

/// A part whose end is not found yet.
struct Open {
    id: PartId,
    /// Not empty in a multipart, empty in everything else.
    boundary: Vec<u8>,
    /// The closing delimiter was seen: what follows is epilogue.
    closed: bool,
    /// Parts without a type are messages (RFC 2046 §5.1.5).
    digest: bool,
    last_child: Option<PartId>,
    lines_before_body: usize,
}

struct Builder<'a> {
    bytes: &'a [u8],
    parts: Vec<Part>,
    /// The parts around the current place, outermost first: never more than [`MAX_DEPTH`] and one.
    open: Vec<Open>,
    boundaries: Boundaries,
    counter: LineCounter,
}

impl Builder<'_> {
    fn rest(&self, from: usize) -> &[u8] {
        self.bytes.get(from..).unwrap_or_default()
    }

    /// Reads the header of the part that begins here and puts the part on the stack.
    fn open_part(&mut self, start: usize) -> Step {
        let body = self.header_end(start);
        let header = Header::new(self.bytes.get(start..body).unwrap_or_default());
        let (kind, boundary, digest) = self.classify(header);
        let id = PartId(u32::try_from(self.parts.len()).expect("at most MAX_PARTS"));
        let parent = self.open.last().map(|open| open.id);
        self.link(id);
        self.parts.push(Part {
            parent,
            first_child: None,
            next_sibling: None,
            kind,
            header: start..body,
            body: body..body,
            lines: 0,
        });
        let lines_before_body = self.counter.at(self.bytes, body);
        self.boundaries.open(&boundary, self.open.len());
        self.open.push(Open {
            id,
            boundary,
            closed: false,
            digest,
            last_child: None,
            lines_before_body,
        });
        match kind {
            Kind::Message => Step::Part(body),
            Kind::Text | Kind::Other | Kind::Multipart => Step::Scan(body),
        }
    }

    /// Where the body of a part that begins here begins: after the first blank line, at a delimiter, or at once
    /// where the first line is no header field.
    fn header_end(&self, start: usize) -> usize {
        let mut at = start;
        while at < self.bytes.len() {
            let rest = self.rest(at);
            if header::is_blank(rest) {
                return at + header::line_length(rest);
            }
            let delimiter = rest.starts_with(b"--") && self.matching(at).is_some();
            if delimiter || (at == start && !begins_header(rest)) {
                return at;
            }
            at += header::line_length(rest);
        }
        at
    }

    /// The kind of a part with this header, its boundary, and whether it is a digest.
    fn classify(&self, header: Header<'_>) -> (Kind, Vec<u8>, bool) {
        let leaf = |kind| (kind, Vec::new(), false);
        let content_type = match header.first("Content-Type") {
            Some(field) => ContentType::parse(field.value),
            None if self.open.last().is_some_and(|open| open.digest) => ContentType::message(),
            None => return leaf(Kind::Text),
        };
        let deep = self.open.len() >= MAX_DEPTH || self.parts.len() + 1 >= MAX_PARTS;
        if content_type.is("multipart") {
            return match content_type.boundary() {
                None => leaf(Kind::Text),
                Some(_) if deep => leaf(Kind::Other),
                Some(boundary) => (
                    Kind::Multipart,
                    boundary,
                    content_type.subtype.eq_ignore_ascii_case(b"digest"),
                ),
            };
        }
        leaf(match () {
            () if content_type.is("text") => Kind::Text,
            () if content_type.is_message() && !deep => Kind::Message,
            () => Kind::Other,
        })
    }

    /// Makes a new part the last child of the part it lies in.
    fn link(&mut self, id: PartId) {
        let Some(parent) = self.open.last_mut() else {
            return;
        };
        let (parent_id, last) = (parent.id, parent.last_child.replace(id));
        match last {
            Some(last) => self.part_mut(last).next_sibling = Some(id),
            None => self.part_mut(parent_id).first_child = Some(id),
        }
    }

    fn part_mut(&mut self, id: PartId) -> &mut Part {
        self.parts
            .get_mut(id.index())
            .expect("ids are positions in parts")
    }

    /// Looks for the next delimiter of any open multipart.
    fn scan(&mut self, finder: &Finder<'_>, from: usize) -> Step {
        if !self
            .open
            .iter()
            .any(|open| !open.boundary.is_empty() && !open.closed)
        {
            return Step::End;
        }
        // The line end before `from` belongs to a header or a delimiter line, and may begin a delimiter.
        let mut at = from.saturating_sub(1);
        while let Some(found) = finder.find(self.rest(at)) {
            let line = at + found + 1;
            if let Some(level) = self.matching(line) {
                return self.delimiter(line, level);
            }
            at = line + 1;
        }
        Step::End
    }

    /// The open multipart whose delimiter begins the line that begins here with `--`.
    fn matching(&self, line: usize) -> Option<usize> {
        self.boundaries.longest_prefix(self.rest(line + 2))
    }

    /// Acts on a delimiter of the multipart at this level.
    fn delimiter(&mut self, line: usize, level: usize) -> Step {
        let Some(open) = self.open.get(level) else {
            return Step::End;
        };
        if open.closed {
            return Step::Scan(line + 2);
        }
        let after = line + 2 + open.boundary.len();
        let closes = self.rest(after).starts_with(b"--");
        let next = after + header::line_length(self.rest(after));
        self.close_to(level + 1, before_line_end(self.bytes, line));
        // A last delimiter with nothing behind it begins no part: it was meant to close.
        if (closes || next >= self.bytes.len())
            && let Some(open) = self.open.get_mut(level)
        {
            open.closed = true;
            return Step::Scan(next);
        }
        if self.parts.len() >= MAX_PARTS {
            Step::End
        } else {
            Step::Part(next)
        }
    }

    /// Ends every open part from this level on.
    fn close_to(&mut self, level: usize, end: usize) {
        // An empty part may begin after the line end that its delimiter would take: it stays where it begins.
        let innermost = self.open.last().map_or(0, |open| open.id.index());
        let end = end.max(self.parts.get(innermost).map_or(0, |part| part.header.start));
        while self.open.len() > level {
            let Some(open) = self.open.pop() else { return };
            self.boundaries.close(self.open.len());
            let lines = self
                .counter
                .at(self.bytes, end)
                .saturating_sub(open.lines_before_body);
            let part = self.part_mut(open.id);
            part.header.end = part.header.end.min(end);
            part.body = part.body.start.min(end)..end;
            part.lines = lines;
            if part.kind == Kind::Multipart && part.first_child.is_none() {
                part.kind = Kind::Text;
            }
        }
    }
}

/// The boundaries of the open multiparts with their levels, sorted, so that a line is compared with few of them however
/// many are open.
#[derive(Default)]
struct Boundaries {
    sorted: Vec<(Vec<u8>, usize)>,
}

impl Boundaries {
    fn open(&mut self, boundary: &[u8], level: usize) {
        if !boundary.is_empty() {
            let place = self
                .sorted
                .partition_point(|(other, _)| other.as_slice() <= boundary);
            self.sorted.insert(place, (boundary.to_vec(), level));
        }
    }

    fn close(&mut self, level: usize) {
        self.sorted.retain(|(_, other)| *other != level);
    }

    /// The level of the boundary that this text begins with. The beginning of a line is enough (RFC 2046 §5.1.1); where
    /// two match, the longer boundary is meant, and among equals the inner one, which stands last.
    fn longest_prefix(&self, mut text: &[u8]) -> Option<usize> {
        loop {
            let after = self
                .sorted
                .partition_point(|(boundary, _)| boundary.as_slice() <= text);
            let (boundary, level) = self.sorted.get(after.checked_sub(1)?)?;
            let common = boundary
                .iter()
                .zip(text)
                .take_while(|(left, right)| left == right)
                .count();
            if common == boundary.len() {
                return Some(*level);
            }
            // What else is a prefix of the text is one of what it has in common with its neighbour.
            text = text.get(..common)?;
        }
    }
}

/// Whether a header begins with this line: a field, or the `From ` line that mailbox files put before it.
fn begins_header(rest: &[u8]) -> bool {
    let line = memchr(b'\n', rest)
        .and_then(|end| rest.get(..end))
        .unwrap_or(rest);
    header::split_field(line).is_some() || line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// The place before the line end that stands before `line`.
fn before_line_end(bytes: &[u8], line: usize) -> usize {
    let before = bytes.get(..line).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// Counts line ends up to places that hardly ever go back.
#[derive(Default)]
struct LineCounter {
    at: usize,
    lines: usize,
}

impl LineCounter {
    /// The number of line ends before this place.
    fn at(&mut self, bytes: &[u8], place: usize) -> usize {
        let count = |range: Range<usize>| memchr_iter(b'\n', bytes.get(range).unwrap_or_default()).count();
        if place >= self.at {
            self.lines += count(self.at..place);
        } else {
            self.lines -= count(place..self.at);
        }
        self.at = place;
        self.lines
    }
}

#[cfg(test)]
mod tests;
