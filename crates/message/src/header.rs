//! A block of header fields: names and values as ranges of the original bytes, found without copying.
//!
//! A line that is no field (no colon, or blanks in its name, such as the `From ` line of a mailbox file) is stepped over,
//! so that one broken line does not hide the fields after it. Nothing here fails.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3};

/// The header of a message or of a part: every field, and the blank line that ends it if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    bytes: &'a [u8],
}

/// One header field (RFC 5322 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// What stands before the colon, in the case it was written in.
    pub name: &'a [u8],
    /// What stands after the colon, with its folds, without the last line end.
    pub value: &'a [u8],
    /// The whole field: name, colon, value and line end.
    pub raw: &'a [u8],
    /// Where `raw` begins within the header block.
    pub offset: usize,
}

impl<'a> Header<'a> {
    /// Takes a block of fields; what follows a blank line is not looked at.
    pub fn new(bytes: &'a [u8]) -> Self {
        Header { bytes }
    }

    /// The block as it stands.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Every field in the order in which it stands.
    pub fn fields(self) -> Fields<'a> {
        Fields {
            bytes: self.bytes,
            at: 0,
        }
    }

    /// Every field of this name, in any case.
    pub fn all<'n>(self, name: &'n str) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        self.fields().filter(move |field| field.is(name))
    }

    /// The first field of this name, in any case.
    pub fn first(self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// The fields with one of these names, in their order, and the blank line: `HEADER.FIELDS` (RFC 3501 §6.4.5).
    pub fn only<N: AsRef<[u8]>>(self, names: &[N]) -> Vec<u8> {
        let mut kept = Vec::new();
        for field in self.fields().filter(|field| field.is_one_of(names)) {
            push_ended(&mut kept, field.raw);
        }
        kept.extend_from_slice(b"\r\n");
        kept
    }

    /// The header without the fields of these names: `HEADER.FIELDS.NOT` (RFC 3501 §6.4.5).
    pub fn without<N: AsRef<[u8]>>(self, names: &[N]) -> Vec<u8> {
        let mut kept = Vec::with_capacity(self.bytes.len());
        for field in self.fields().filter(|field| !field.is_one_of(names)) {
            push_ended(&mut kept, field.raw);
        }
        kept.extend_from_slice(b"\r\n");
        kept
    }
}

/// Adds a field, with a line end if it is cut off before one.
fn push_ended(to: &mut Vec<u8>, raw: &[u8]) {
    to.extend_from_slice(raw);
    if !raw.ends_with(b"\n") {
        to.extend_from_slice(b"\r\n");
    }
}

impl<'a> Field<'a> {
    /// Whether the name is this one, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    fn is_one_of<N: AsRef<[u8]>>(&self, names: &[N]) -> bool {
        names
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name.as_ref()))
    }

    /// The value on one line: unfolded (RFC 5322 §2.2.3) and without blanks at its ends.
    /// It holds no CR, LF or NUL.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }

    /// The value for people: encoded words decoded (RFC 2047), raw 8-bit text in its likeliest charset, and a blank for
    /// every fold with the blanks around it.
    pub fn text(&self) -> String {
        crate::encoded_word::decode(&joined(self.value))
    }
}

/// Takes away line ends and NULs, and the blanks at both ends.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr3(b'\r', b'\n', 0, value).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(
        value
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
            .collect(),
    )
}

/// Makes one blank of every fold: of the blanks before a line end, the line end, and the blanks after it.
fn joined(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr(b'\n', value).is_none() {
        return unfold(value);
    }
    let lines = value
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    let joined: Vec<&[u8]> = lines.collect();
    Cow::Owned(unfold(&joined.join(&b' ')).into_owned())
}

/// The fields of a header, one after the other.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let offset = self.at;
            let rest = self.bytes.get(offset..).unwrap_or_default();
            if rest.is_empty() || is_blank(rest) {
                return None;
            }
            let (raw, _) = rest.split_at_checked(field_length(rest)).unwrap_or((rest, b""));
            self.at = offset + raw.len();
            if let Some((name, value)) = split_field(raw) {
                return Some(Field {
                    name,
                    value: without_line_end(value),
                    raw,
                    offset,
                });
            }
        }
    }
}

/// Whether these bytes begin with an empty line.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\r\n") || bytes.starts_with(b"\n")
}

/// The length of the first line with its end.
pub(crate) fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)
}

/// The length of the first line and of the folded lines that continue it.
pub(crate) fn field_length(bytes: &[u8]) -> usize {
    let mut length = line_length(bytes);
    while let Some(rest @ [b' ' | b'\t', ..]) = bytes.get(length..) {
        length += line_length(rest);
    }
    length
}

/// Cuts a field at its colon; `None` where the line is no field.
pub(crate) fn split_field(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr2(b':', b'\n', raw)?;
    let (name, value) = raw.split_at_checked(colon)?;
    let value = value.strip_prefix(b":")?;
    // Blanks between name and colon are RFC 5322 §4.5.8; blanks within it are text that is no header.
    let name = name.trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(|byte| *byte > b' ' && *byte != 0x7f);
    valid.then_some((name, value))
}

fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

#[cfg(test)]
mod tests;
