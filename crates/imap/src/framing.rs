//! Finds where a command ends: lines and literals, before their content is looked at.
//!
//! [`Framer`] owns the bytes that were read and gives [`Event`]s. A command is its text, in which every literal is
//! only announced (`{5}` CRLF), and beside it the literals, each of them one [`Bytes`] that is never copied again.
//! The text and the literals have limits; what goes over them is discarded and answered without losing the place
//! in the stream, and what cannot be discarded in reasonable time is [`Event::Hopeless`].
//!
//! RFC 3501 §2.2.1 and §4.3, RFC 7888 §4.

use bytes::buf::{BufMut, Limit};
use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// How much room a read gets outside of a literal.
const READ_LINE: usize = 4096;
/// Room while nothing has come since [`Framer::release`]: what an idle connection keeps, enough for most commands.
const READ_IDLE: usize = 128;
/// How much room a read gets inside of a literal, at least: more only in proportion to what has come.
const READ_LITERAL: usize = 64 * 1024;
/// Room behind a literal: the rest of the command comes with the literal's end, and costs no read of its own.
const READ_BEHIND: usize = 128;
/// More literals than any command needs: a search of 65,536 octets has fewer words.
const MAX_LITERALS: usize = 512;
/// What must be kept of a line that is discarded, to see the literal at its end: `{4294967295+}` CRLF.
const TAIL: usize = 32;

/// How large the parts of a command may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The text of a command, literals apart (RFC 7162 §4 recommends to allow 8192 at least).
    pub line: usize,
    /// All literals of a command together, except the message of an APPEND.
    pub literal: usize,
    /// A message of an APPEND; its messages together may have twice as much (RFC 3502).
    pub message: usize,
    /// What is read and thrown away of one command before the connection is given up.
    pub discard: usize,
}

impl Limits {
    /// For somebody who has not logged in: a name and a password.
    pub const BEFORE_LOGIN: Limits = Limits {
        line: 16 * 1024,
        literal: 4 * 1024,
        message: 4 * 1024,
        discard: 64 * 1024,
    };

    /// For somebody who has logged in and may append messages of up to `message` octets.
    #[must_use]
    pub const fn after_login(message: usize) -> Self {
        Limits {
            line: 64 * 1024,
            literal: 128 * 1024,
            message,
            discard: 256 * 1024 * 1024,
        }
    }
}

/// A command as it came, not parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The text without its last line end; a literal's place is its announcement and a line end.
    pub text: Bytes,
    /// The literals, in the order of their announcements.
    pub literals: Vec<Bytes>,
}

/// Why a command is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// The text is longer than [`Limits::line`].
    #[error("the command line is too long")]
    LineTooLong,
    /// A literal is larger than the limit that holds for it.
    #[error("the literal is larger than {limit} octets")]
    LiteralTooBig {
        /// The limit that it breaks.
        limit: usize,
    },
    /// More literals than any command needs.
    #[error("too many literals")]
    TooManyLiterals,
    /// The server has no memory for it now.
    #[error("there is no memory for this now; try again later")]
    NoRoom,
}

/// What has been found in the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// More bytes are needed.
    Incomplete,
    /// The peer waits for a continuation request before it sends a literal (RFC 3501 §7.5).
    Continue,
    /// A whole command.
    Command(Frame),
    /// A command that broke a limit; it has been skipped, or will not be sent.
    Refused {
        /// The beginning of its text, with the tag.
        text: Bytes,
        /// The limit.
        why: FramingError,
    },
    /// Too much to skip: the connection has to be closed.
    Hopeless(FramingError),
}

#[derive(Debug)]
enum State {
    /// In the text; `scanned` octets of the input hold no line end.
    Text { scanned: usize },
    /// In a literal of `size` octets, of which `body` has come.
    Literal { size: usize, body: BytesMut },
    /// In a command that is refused.
    Discard(Discard),
}

#[derive(Debug)]
struct Discard {
    literal_left: usize,
    spent: usize,
    text: Bytes,
    why: FramingError,
}

/// How a line announces the literal that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announced {
    size: usize,
    waits: bool,
}

/// Cuts a stream of bytes into commands.
#[derive(Debug)]
pub struct Framer {
    input: BytesMut,
    text: BytesMut,
    literals: Vec<Bytes>,
    state: State,
    limits: Limits,
}

impl Framer {
    /// A framer with nothing read.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Framer {
            input: BytesMut::new(),
            text: BytesMut::new(),
            literals: Vec::new(),
            state: State::Text { scanned: 0 },
            limits,
        }
    }

    /// Other limits from the next command on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Where the next bytes from the peer go: inside of a literal they go straight to their place.
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        match &mut self.state {
            State::Literal { size, body } if self.input.is_empty() => {
                let wanted = size.saturating_sub(body.len()) + READ_BEHIND;
                body.reserve(wanted.min(READ_LITERAL.max(body.len())));
                let room = body.capacity() - body.len();
                body.limit(wanted.min(room))
            }
            State::Text { .. } | State::Literal { .. } | State::Discard(_) => {
                let wanted = if self.input.capacity() == 0 {
                    READ_IDLE
                } else {
                    READ_LINE
                };
                self.input.reserve(wanted);
                let room = self.input.capacity() - self.input.len();
                (&mut self.input).limit(room)
            }
        }
    }

    /// Adds bytes from the peer; the other way is to read into [`Framer::room`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Octets of the command that has not come whole yet.
    #[must_use]
    pub fn held(&self) -> usize {
        let body = match &self.state {
            State::Literal { body, .. } => body.len(),
            State::Text { .. } | State::Discard(_) => 0,
        };
        let literals: usize = self.literals.iter().map(Bytes::len).sum();
        self.input.len() + self.text.len() + literals + body
    }

    /// Skips the rest of the command that has not come whole yet, and refuses it: there is no memory for it.
    pub fn give_up(&mut self) {
        self.take_behind();
        match &self.state {
            State::Discard(_) => {}
            State::Text { .. } => self.discard(0, FramingError::NoRoom),
            State::Literal { size, body } => {
                self.discard(size.saturating_sub(body.len()), FramingError::NoRoom)
            }
        }
    }

    /// Forgets what was read and not yet used: plaintext before a TLS handshake (RFC 3501 §11.1, RFC 7457 §2.2).
    pub fn forget(&mut self) {
        *self = Framer::new(self.limits);
    }

    /// Whether nothing of a next command has come.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        self.input.is_empty() && self.text.is_empty() && matches!(self.state, State::Text { .. })
    }

    /// Gives the memory of the buffers back if nothing is in them.
    pub fn release(&mut self) {
        if self.is_between_commands() {
            self.forget();
        }
    }

    /// Puts what was read behind a literal where it belongs.
    fn take_behind(&mut self) {
        if let State::Literal { size, body } = &mut self.state
            && let Some(behind) = body.get(*size..).filter(|behind| !behind.is_empty())
        {
            self.input.extend_from_slice(behind);
            body.truncate(*size);
        }
    }

    /// The next thing that the bytes so far hold.
    pub fn next_event(&mut self) -> Event {
        self.take_behind();
        loop {
            let event = match self.state {
                State::Text { scanned } => self.in_text(scanned),
                State::Literal { .. } => self.in_literal(),
                State::Discard(_) => self.in_discard(),
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// Looks for the end of a line. `None`: the state has changed, look again.
    fn in_text(&mut self, scanned: usize) -> Option<Event> {
        let unseen = self.input.get(scanned..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unseen) else {
            self.state = State::Text {
                scanned: self.input.len(),
            };
            if self.text.len() + self.input.len() <= self.limits.line {
                return Some(Event::Incomplete);
            }
            self.discard(0, FramingError::LineTooLong);
            return None;
        };
        let line = self.input.split_to(scanned + end + 1);
        self.state = State::Text { scanned: 0 };
        if self.text.len() + line.len() > self.limits.line {
            let text = self.beginning(&line);
            self.clear();
            return Some(refused(text, FramingError::LineTooLong));
        }
        match announced(&line) {
            Some(literal) => self.literal_begins(line, literal),
            None => Some(Event::Command(self.complete(line))),
        }
    }

    fn complete(&mut self, mut line: BytesMut) -> Frame {
        line.truncate(without_line_end(&line).len());
        let text = if self.text.is_empty() {
            line.freeze()
        } else {
            self.text.extend_from_slice(&line);
            std::mem::take(&mut self.text).freeze()
        };
        Frame {
            text,
            literals: std::mem::take(&mut self.literals),
        }
    }

    fn literal_begins(&mut self, line: BytesMut, literal: Announced) -> Option<Event> {
        self.text.extend_from_slice(&line);
        if let Err(why) = self.check(literal.size) {
            return self.refuse_literal(literal, why);
        }
        self.state = State::Literal {
            size: literal.size,
            body: BytesMut::new(),
        };
        literal.waits.then_some(Event::Continue)
    }

    fn check(&self, size: usize) -> Result<(), FramingError> {
        if self.literals.len() >= MAX_LITERALS {
            return Err(FramingError::TooManyLiterals);
        }
        let (limit, all) = if is_append(&self.text) {
            (self.limits.message, self.limits.message.saturating_mul(2))
        } else {
            (self.limits.literal, self.limits.literal)
        };
        let together: usize = self.literals.iter().map(Bytes::len).sum();
        if size > limit || together.saturating_add(size) > all {
            return Err(FramingError::LiteralTooBig { limit });
        }
        Ok(())
    }

    /// A literal that waits is simply not asked for; one that does not wait is on its way and is skipped
    /// (RFC 7888 §4).
    fn refuse_literal(&mut self, literal: Announced, why: FramingError) -> Option<Event> {
        if literal.waits {
            let text = self.beginning(&[]);
            self.clear();
            return Some(refused(text, why));
        }
        if literal.size > self.limits.discard {
            return Some(Event::Hopeless(why));
        }
        self.discard(literal.size, why);
        None
    }

    fn in_literal(&mut self) -> Option<Event> {
        let State::Literal { size, body } = &mut self.state else {
            unreachable!("only called in a literal");
        };
        let wanted = size.saturating_sub(body.len());
        if body.is_empty() && self.input.len() >= wanted {
            let whole = self.input.split_to(wanted);
            return self.literal_ends(whole);
        }
        let coming = self.input.split_to(wanted.min(self.input.len()));
        if body.is_empty() {
            body.reserve((*size + READ_BEHIND).min(READ_LITERAL));
        }
        body.extend_from_slice(&coming);
        if coming.len() < wanted {
            return Some(Event::Incomplete);
        }
        let whole = std::mem::take(body);
        self.literal_ends(whole)
    }

    fn literal_ends(&mut self, whole: BytesMut) -> Option<Event> {
        self.literals.push(whole.freeze());
        self.state = State::Text { scanned: 0 };
        None
    }

    fn discard(&mut self, literal_left: usize, why: FramingError) {
        let text = self.beginning(&self.input);
        self.clear();
        self.state = State::Discard(Discard {
            literal_left,
            spent: literal_left,
            text,
            why,
        });
    }

    /// Skips to the end of a refused command, over the literals in it.
    fn in_discard(&mut self) -> Option<Event> {
        let State::Discard(discard) = &mut self.state else {
            unreachable!("only called while discarding");
        };
        let skip = discard.literal_left.min(self.input.len());
        discard.literal_left -= skip;
        let _ = self.input.split_to(skip);
        if discard.literal_left > 0 {
            return Some(Event::Incomplete);
        }
        let Some(end) = memchr::memchr(b'\n', &self.input) else {
            let skip = self.input.len().saturating_sub(TAIL);
            discard.spent += skip;
            let _ = self.input.split_to(skip);
            return Some(if discard.spent > self.limits.discard {
                Event::Hopeless(discard.why)
            } else {
                Event::Incomplete
            });
        };
        let line = self.input.split_to(end + 1);
        discard.spent += line.len();
        if let Some(Announced { size, waits: false }) = announced(&line) {
            discard.spent = discard.spent.saturating_add(size);
            discard.literal_left = size;
            return (discard.spent > self.limits.discard).then_some(Event::Hopeless(discard.why));
        }
        let event = refused(discard.text.clone(), discard.why);
        self.state = State::Text { scanned: 0 };
        Some(event)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.literals.clear();
    }

    /// The beginning of the command, enough of it to find the tag.
    fn beginning(&self, line: &[u8]) -> Bytes {
        const ENOUGH: usize = 128;
        let source = if self.text.is_empty() { line } else { &self.text };
        Bytes::copy_from_slice(source.get(..ENOUGH).unwrap_or(source))
    }
}

fn refused(text: Bytes, why: FramingError) -> Event {
    Event::Refused { text, why }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads `{123}` or `{123+}` at the end of a line (RFC 7888 §8, `literal`).
fn announced(line: &[u8]) -> Option<Announced> {
    let inner = without_line_end(line).strip_suffix(b"}")?;
    let (inner, waits) = match inner.strip_suffix(b"+") {
        Some(inner) => (inner, false),
        None => (inner, true),
    };
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = inner.split_at(inner.len() - digits);
    if before.last() != Some(&b'{') || digits.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0usize, |n, d| {
        n.saturating_mul(10).saturating_add(usize::from(d - b'0'))
    });
    Some(Announced { size, waits })
}

/// Whether the text is that of an APPEND, whose last literal is a message.
fn is_append(text: &[u8]) -> bool {
    text.split(|b| *b == b' ')
        .nth(1)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"APPEND"))
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
