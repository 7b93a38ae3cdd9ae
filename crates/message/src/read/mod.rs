//! What a person sees of a message: the one of several alternatives that suits, as text for a terminal, with the messages within, what
//! is attached, and what is signed or sealed told at their places.
//!
//! Begin with [`show`]. [`crate::attachments`] lists what can be saved, [`crate::tree`] every part. Nothing here fails, fetches
//! or recurses.

use crate::header::Header;
use crate::message::Message;
use crate::structure::{Kind, PartId};
use crate::{Tnef, transfer};

mod flowed;
mod lines;
mod page;
mod plain;
mod report;
mod tag;

pub use flowed::{DelSp, Paragraph, paragraphs};
pub use lines::MAX_SHOWN;
use lines::is_hostile;
pub use page::page;
pub(crate) use plain::is_readable;
pub(crate) use report::is_report;
pub use report::{Recipient, Report};

/// How a message is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// How many columns a line has; none: paragraphs are not broken.
    pub width: Option<usize>,
    /// Which alternative is shown.
    pub prefer: Prefer,
}

impl Default for View {
    /// Plain text in lines of 80 columns.
    fn default() -> Self {
        View {
            width: Some(80),
            prefer: Prefer::Text,
        }
    }
}

/// Which of several alternatives is shown (RFC 2046 §5.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// Plain text, unless it is empty.
    Text,
    /// The richest: HTML.
    Page,
}

/// A piece of what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The part it comes from.
    pub part: PartId,
    /// How many messages it lies in: 0 in the message itself.
    pub within: usize,
    /// What it is.
    pub content: Content,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text, in lines that end in LF. It holds no other control characters than LF and tab.
    Text(String),
    /// A page as lines of text, its links below.
    Page(String),
    /// A message within begins here.
    Message(Heading),
    /// What a mail server reports of a message that was sent (RFC 3464), or a reader of one that was read (RFC 8098).
    Report(Report),
    /// What follows, up to the end of the part, is signed; nobody has checked it.
    Signed(Sealing),
    /// Nothing of this can be read without a key.
    Encrypted(Sealing),
    /// Something to save stands here; see [`crate::attachments`].
    Attached,
}

/// How something is signed or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// OpenPGP (RFC 3156)
    Pgp,
    /// S/MIME (RFC 8551)
    Smime,
    /// Something else.
    Other,
}

/// What stands above a message. Empty is what it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heading {
    /// `From`, decoded.
    pub from: String,
    /// `To`, decoded.
    pub to: String,
    /// `Cc`, decoded.
    pub cc: String,
    /// `Date` as it is written.
    pub date: String,
    /// `Subject`, decoded.
    pub subject: String,
}

impl Heading {
    /// Reads the header of a part that is a message: the root, or the child of one whose kind is [`Kind::Message`].
    #[must_use]
    pub fn of(message: &Message<'_>, id: PartId) -> Self {
        Heading::read(message.header(id))
    }

    fn read(header: Header<'_>) -> Self {
        let text = |name| {
            header
                .first(name)
                .map(|field| visible(&field.text()))
                .unwrap_or_default()
        };
        Heading {
            from: text("From"),
            to: text("To"),
            cc: text("Cc"),
            date: text("Date"),
            subject: text("Subject"),
        }
    }
}

/// A text without what would move a terminal's cursor or turn the text around it.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().filter(|letter| !is_hostile(*letter)).collect()
}

/// What is shown of a message, in its order.
#[must_use]
pub fn show(message: &Message<'_>, view: &View) -> Vec<Piece> {
    let mut reader = Reader {
        message,
        view,
        pieces: Vec::new(),
        waiting: vec![(PartId::ROOT, 0)],
        shown: 0,
        ranks: Vec::new(),
    };
    while let Some((part, within)) = reader.waiting.pop() {
        reader.part(part, within);
    }
    if !reader.pieces.iter().any(Piece::is_text) {
        reader.unpacked();
    }
    reader.pieces
}

/// The text of everything that is shown: what a person would copy out of a window.
#[must_use]
pub fn text(message: &Message<'_>, view: &View) -> String {
    let mut text = String::new();
    for piece in show(message, view) {
        if let Content::Text(piece) | Content::Page(piece) = piece.content {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&piece);
        }
    }
    text
}

impl Piece {
    fn is_text(&self) -> bool {
        matches!(&self.content, Content::Text(text) | Content::Page(text) if !text.trim().is_empty())
    }
}

struct Reader<'m, 'a> {
    message: &'m Message<'a>,
    view: &'m View,
    pieces: Vec<Piece>,
    /// Parts that are still to be shown, the next one last.
    waiting: Vec<(PartId, usize)>,
    /// Octets of text in the pieces: [`MAX_SHOWN`] of one message are enough.
    shown: usize,
    /// What each part can be shown as: made when somebody asks.
    ranks: Vec<Rank>,
}

impl Reader<'_, '_> {
    fn push(&mut self, part: PartId, within: usize, content: Content) {
        if let Content::Text(text) | Content::Page(text) = &content {
            self.shown += text.len();
        }
        self.pieces.push(Piece {
            part,
            within,
            content,
        });
    }

    fn children(&self, id: PartId) -> Vec<PartId> {
        self.message.structure().children(id).collect()
    }

    fn part(&mut self, id: PartId, within: usize) {
        match self.message.part(id).kind {
            Kind::Multipart => self.multipart(id, within),
            Kind::Message => self.message_within(id, within),
            Kind::Text => self.leaf_text(id, within),
            Kind::Other => self.other(id, within),
        }
    }

    fn multipart(&mut self, id: PartId, within: usize) {
        let shown = self.message.content_type(id);
        let subtype = shown.subtype.to_ascii_lowercase();
        let children = self.children(id);
        let first = children.first().copied();
        let chosen: Vec<PartId> = match subtype.as_slice() {
            b"alternative" => self.alternative(&children).into_iter().collect(),
            b"related" => self.root(id, &children).into_iter().collect(),
            b"signed" => {
                let sealing = Sealing::named(&shown.parameters.text("protocol").unwrap_or_default());
                self.push(id, within, Content::Signed(sealing));
                first.into_iter().collect()
            }
            b"encrypted" => {
                let sealing = Sealing::named(&shown.parameters.text("protocol").unwrap_or_default());
                self.push(id, within, Content::Encrypted(sealing));
                Vec::new()
            }
            _ => children,
        };
        self.waiting
            .extend(chosen.into_iter().rev().map(|child| (child, within)));
    }

    /// The root of a `multipart/related` (RFC 2387 §3.2): the one that `start` names, or the first.
    fn root(&self, id: PartId, children: &[PartId]) -> Option<PartId> {
        let start = self.message.content_type(id).parameters.text("start");
        let named = start.and_then(|start| {
            let is_it =
                |child: &&PartId| content_id(self.message, **child).is_some_and(|own| own == bare_id(&start));
            children.iter().find(is_it)
        });
        named.or(children.first()).copied()
    }

    /// The alternative that suits: RFC 2046 §5.1.4 puts the best last.
    fn alternative(&mut self, children: &[PartId]) -> Option<PartId> {
        if self.ranks.is_empty() {
            let ids = self.message.structure().ids();
            self.ranks = ids.map(|id| rank(self.message, id)).collect();
        }
        let best = |child: &PartId| {
            let end = self.message.part(*child).body.end;
            let ids = self
                .message
                .structure()
                .ids()
                .zip(&self.ranks)
                .skip(child.index());
            let inside = ids.take_while(|(id, _)| id == child || self.message.part(*id).header.start < end);
            inside.map(|(_, rank)| *rank).max().unwrap_or(Rank::None)
        };
        let ranks: Vec<(PartId, Rank)> = children.iter().map(|child| (*child, best(child))).collect();
        let order = match self.view.prefer {
            Prefer::Text => [Rank::Plain, Rank::Page, Rank::Other],
            Prefer::Page => [Rank::Page, Rank::Plain, Rank::Other],
        };
        let last = |wanted| {
            ranks
                .iter()
                .rev()
                .find(|(_, rank)| *rank == wanted)
                .map(|(child, _)| *child)
        };
        order.into_iter().find_map(last).or(children.last().copied())
    }

    fn message_within(&mut self, id: PartId, within: usize) {
        let Some(inner) = self.message.part(id).first_child else {
            return;
        };
        self.push(id, within, Content::Message(Heading::of(self.message, inner)));
        // The message that a report returns is told by its heading.
        let is_returned = self.message.part(id).parent.is_some_and(|parent| {
            self.message
                .content_type(parent)
                .is_exactly("multipart", "report")
        });
        if !is_returned {
            self.waiting.push((inner, within + 1));
        }
    }

    fn leaf_text(&mut self, id: PartId, within: usize) {
        let attached = self
            .message
            .disposition(id)
            .is_some_and(|shown| shown.is_attachment());
        let content_type = self.message.content_type(id);
        // The text of a message is shown, even where it calls itself an attachment.
        let attached = attached && self.message.part(id).parent.is_some();
        if attached || !plain::is_readable(&content_type) {
            return self.push(id, within, Content::Attached);
        }
        if content_type.is_exactly("text", "rfc822-headers") {
            let heading = Heading::read(Header::new(self.message.body(id)));
            return self.push(id, within, Content::Message(heading));
        }
        if self.shown > MAX_SHOWN {
            return self.push(id, within, Content::Attached);
        }
        let text = self.message.text(id);
        let content = if content_type.is_exactly("text", "html") {
            Content::Page(page(&text, self.view.width))
        } else {
            Content::Text(plain::lay_out(&content_type, &text, self.view.width))
        };
        self.push(id, within, content);
    }

    fn other(&mut self, id: PartId, within: usize) {
        let content_type = self.message.content_type(id);
        let is = |name: &str| content_type.subtype.eq_ignore_ascii_case(name.as_bytes());
        let content = match () {
            () if content_type.is("message") && report::is_report(&content_type) => {
                Content::Report(Report::parse(&self.message.decoded_body(id)))
            }
            () if content_type.is("application") && (is("pkcs7-mime") || is("x-pkcs7-mime")) => {
                let kind = content_type.parameters.text("smime-type").unwrap_or_default();
                if kind.eq_ignore_ascii_case("signed-data") || kind.eq_ignore_ascii_case("certs-only") {
                    Content::Signed(Sealing::Smime)
                } else {
                    Content::Encrypted(Sealing::Smime)
                }
            }
            () => Content::Attached,
        };
        let also_saved = matches!(content, Content::Signed(_) | Content::Encrypted(_));
        self.push(id, within, content);
        if also_saved {
            self.push(id, within, Content::Attached);
        }
    }

    /// The text that Outlook put into a `winmail.dat`, where there is no other.
    fn unpacked(&mut self) {
        for id in self.message.structure().ids() {
            if !crate::attachment::is_tnef(self.message, id) {
                continue;
            }
            let octets = transfer::decode(self.message.encoding(id), self.message.body(id));
            let Some(content) = Tnef::parse(&octets).and_then(|tnef| self.tnef_text(&tnef)) else {
                continue;
            };
            let at = self
                .pieces
                .iter()
                .position(|piece| piece.part == id)
                .unwrap_or(self.pieces.len());
            let within = self.pieces.get(at).map_or(0, |piece| piece.within);
            self.pieces.insert(
                at,
                Piece {
                    part: id,
                    within,
                    content,
                },
            );
            return;
        }
    }

    fn tnef_text(&self, tnef: &Tnef) -> Option<Content> {
        let plain = || {
            let text = tnef.text.as_deref().filter(|text| !text.trim().is_empty())?;
            Some(Content::Text(plain::lay_out(
                &crate::ContentType::plain_text(),
                text,
                self.view.width,
            )))
        };
        let html = || Some(Content::Page(page(tnef.page.as_deref()?, self.view.width)));
        match self.view.prefer {
            Prefer::Text => plain().or_else(html),
            Prefer::Page => html().or_else(plain),
        }
    }
}

impl Sealing {
    fn named(protocol: &str) -> Self {
        let protocol = protocol.to_ascii_lowercase();
        match () {
            () if protocol.contains("pgp") => Sealing::Pgp,
            () if protocol.contains("pkcs7") => Sealing::Smime,
            () => Sealing::Other,
        }
    }
}

/// What an alternative can be shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    None,
    Other,
    Plain,
    Page,
}

/// What one part can be shown as. Whoever sends plain text that is empty means the page.
fn rank(message: &Message<'_>, id: PartId) -> Rank {
    if message.part(id).kind != Kind::Text {
        return Rank::None;
    }
    let content_type = message.content_type(id);
    match () {
        () if message.disposition(id).is_some_and(|shown| shown.is_attachment()) => Rank::None,
        () if content_type.is_exactly("text", "html") => Rank::Page,
        () if content_type.is_exactly("text", "plain") && is_blank(message, id) => Rank::None,
        () if content_type.is_exactly("text", "plain") => Rank::Plain,
        () if plain::is_readable(&content_type) => Rank::Other,
        () => Rank::None,
    }
}

/// Whether a text says nothing. Only short ones are looked at.
fn is_blank(message: &Message<'_>, id: PartId) -> bool {
    message.body(id).len() < 1_000 && message.text(id).trim().is_empty()
}

/// The `Content-ID` of a part without its angle brackets (RFC 2392 §2).
pub(crate) fn content_id(message: &Message<'_>, id: PartId) -> Option<String> {
    let field = message.header(id).first("Content-ID")?;
    let text = bare_id(&String::from_utf8_lossy(&field.unfolded()));
    (!text.is_empty()).then_some(text)
}

fn bare_id(id: &str) -> String {
    visible(id.trim().trim_matches(['<', '>']))
}

#[cfg(test)]
mod tests;
