//! The properties of MAPI, as they are packed one behind the other (MS-OXTNEF §2.1.3.4).

use super::{take, take_u16, take_u32, until_nul};
use crate::charset;

/// How many properties of one list are read.
const MAX_PROPERTIES: u32 = 10_000;

/// What a property is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) u16);

/// What it has.
pub(super) struct Value<'a> {
    kind: u16,
    data: &'a [u8],
}

const LONG: u16 = 0x03;
const STRING: u16 = 0x1e;
const UNICODE: u16 = 0x1f;
const OBJECT: u16 = 0x0d;
const BINARY: u16 = 0x102;

/// Of a kind that has several values.
const MANY: u16 = 0x1000;

/// The properties of a list.
pub(super) struct Properties<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Properties<'a> {
    pub(super) fn new(list: &'a [u8]) -> Self {
        let mut rest = list;
        let left = take_u32(&mut rest).unwrap_or(0).min(MAX_PROPERTIES);
        Properties { rest, left }
    }

    fn property(&mut self) -> Option<(Id, Value<'a>)> {
        let rest = &mut self.rest;
        let kind = take_u16(rest)?;
        let id = take_u16(rest)?;
        if id >= 0x8000 {
            skip_name(rest)?;
        }
        let is_long = matches!(kind & !MANY, STRING | UNICODE | OBJECT | BINARY);
        let count = if is_long || kind & MANY != 0 {
            take_u32(rest)?
        } else {
            1
        };
        let mut first = None;
        for _ in 0..count {
            let data = if is_long {
                let length = usize::try_from(take_u32(rest)?).ok()?;
                padded(rest, length)?
            } else {
                take(rest, width(kind & !MANY)?)?
            };
            first = first.or(Some(data));
        }
        let value = Value {
            kind: kind & !MANY,
            data: first.unwrap_or_default(),
        };
        Some((Id(id), value))
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (Id, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.property()
    }
}

/// Steps over what a property is called that has no number of its own.
fn skip_name(rest: &mut &[u8]) -> Option<()> {
    take(rest, 16)?;
    if take_u32(rest)? == 0 {
        take_u32(rest)?;
    } else {
        let length = usize::try_from(take_u32(rest)?).ok()?;
        padded(rest, length)?;
    }
    Some(())
}

/// So many octets, and those that fill them up to a multiple of four.
fn padded<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let data = take(rest, length)?;
    let fill = (4 - length % 4) % 4;
    take(rest, fill.min(rest.len()))?;
    Some(data)
}

/// How many octets a value of a short kind takes: never less than four.
fn width(kind: u16) -> Option<usize> {
    match kind {
        0x01..=0x04 | 0x0a | 0x0b => Some(4),
        0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        _ => None,
    }
}

impl<'a> Value<'a> {
    /// A string, decoded.
    pub(super) fn text(&self, label: &[u8]) -> Option<String> {
        match self.kind {
            UNICODE => {
                let text = charset::decode(b"utf-16le", self.data);
                Some(text.split('\0').next().unwrap_or_default().to_owned())
            }
            STRING => Some(charset::decode(label, until_nul(self.data))),
            _ => None,
        }
    }

    /// HTML: a string, or octets in the charset of this name, or in the one that the page names itself.
    pub(super) fn page(&self, own: &[u8], label: &[u8]) -> Option<String> {
        let page = match self.kind {
            BINARY if own.is_empty() => {
                let html = crate::ContentType::parse(b"text/html");
                Some(crate::text::decode(&html, until_nul(self.data)))
            }
            BINARY => Some(charset::decode(own, until_nul(self.data))),
            _ => self.text(label),
        };
        page.filter(|page| !page.is_empty())
    }

    /// A number of 32 bits.
    pub(super) fn number(&self) -> Option<u32> {
        let octets = self.data.first_chunk::<4>().filter(|_| self.kind == LONG)?;
        Some(u32::from_le_bytes(*octets))
    }

    /// What is in it, of octets.
    pub(super) fn octets(&self) -> Option<&'a [u8]> {
        match self.kind {
            BINARY => Some(self.data),
            OBJECT => self.object(),
            _ => None,
        }
    }

    /// What is in an object, behind the identifier of its interface.
    pub(super) fn object(&self) -> Option<&'a [u8]> {
        if self.kind == OBJECT {
            self.data.get(16..)
        } else {
            None
        }
    }
}
