//! How an mbox keeps lines of a message apart from separators: there are three ways, which nothing in a file tells apart
//! (Daniel J. Bernstein and others; RFC 4155 Appendix A knows of them).

use super::FROM;

/// The kinds of an mbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Every line that is `From ` after any number of `>` has one `>` more. Nothing is lost.
    #[default]
    Mboxrd,
    /// A line that begins with `From ` has a `>`. Whether a line that reads `>From ` was so before cannot be known: it loses its `>`.
    Mboxo,
    /// No line is changed; the field `Content-Length` says how long the text below the header is.
    Mboxcl2,
}

impl Kind {
    /// Whether a line of a message gets a `>`.
    pub(super) fn quotes(self, line: &[u8]) -> bool {
        match self {
            Kind::Mboxrd => {
                let arrows = line.iter().take_while(|octet| **octet == b'>').count();
                line.get(arrows..).is_some_and(|rest| rest.starts_with(FROM))
            }
            Kind::Mboxo => line.starts_with(FROM),
            Kind::Mboxcl2 => false,
        }
    }

    /// Whether a line of a file has got a `>`.
    pub(super) fn is_quoted(self, line: &[u8]) -> bool {
        line.strip_prefix(b">").is_some_and(|line| self.quotes(line))
    }
}

/// The length of the text below the header; none where that has no end. It is without the line end that a file wants and the message does not have.
pub(super) fn print_length(out: &mut Vec<u8>, message: &[u8]) {
    if !header(message).any(|line| line.trim_ascii().is_empty()) {
        return;
    }
    let header: usize = header(message).map(<[u8]>::len).sum();
    let length = message.len().saturating_sub(header);
    out.extend_from_slice(format!("Content-Length: {length}\n").as_bytes());
}

/// The lines of a header with the empty one below it.
fn header(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_over = false;
    let lines = message.split_inclusive(|octet| *octet == b'\n');
    lines.take_while(move |line| {
        let was_over = is_over;
        is_over = line.trim_ascii().is_empty();
        !was_over
    })
}

/// What a piece begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    Line,
    /// It goes on with a line.
    Nothing,
}

/// How much of a message's text is still to come, as its header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counted {
    /// Its header is not over, and has not said it.
    #[default]
    Nothing,
    /// Its header has said it, and is not over.
    Said(u64),
    /// So much.
    Left(u64),
    /// The header has not said it: only separators tell where the message ends.
    Unknown,
}

impl Counted {
    /// Whether a piece, which may begin a line, is text of the message by what its header says. A length that ends within a line is not believed:
    /// programs that have changed line ends have left such.
    pub(super) fn takes(&mut self, piece: &[u8], begins: Begins) -> bool {
        let begins = begins == Begins::Line;
        match *self {
            Counted::Left(left) => {
                let after = left.checked_sub(piece.len() as u64).filter(|_| left > 0);
                *self = after.map_or(Counted::Unknown, Counted::Left);
                return after.is_some();
            }
            Counted::Nothing | Counted::Said(_) if begins && piece.trim_ascii().is_empty() => {
                *self = match *self {
                    Counted::Said(length) => Counted::Left(length),
                    _ => Counted::Unknown,
                };
                return matches!(*self, Counted::Left(_));
            }
            Counted::Nothing if begins => {
                if let Some(length) = length(piece) {
                    *self = Counted::Said(length);
                }
            }
            Counted::Nothing | Counted::Said(_) | Counted::Unknown => {}
        }
        false
    }

    pub(super) fn is_at_end(self) -> bool {
        self == Counted::Left(0)
    }
}

fn length(line: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    let value = std::str::from_utf8(value).ok()?.trim();
    name.eq_ignore_ascii_case(NAME).then(|| value.parse().ok())?
}
