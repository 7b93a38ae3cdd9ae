//! ID (RFC 2971 §3.1): what the client calls itself.

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::print;

/// RFC 2971 §3.3: no more pairs than this.
const MAX_FIELDS: usize = 30;
/// RFC 2971 §3.3: octets of a field's name.
const MAX_NAME: usize = 30;
/// RFC 2971 §3.3: octets of a value.
const MAX_VALUE: usize = 1024;

/// `ID NIL` or `ID ("name" "value" …)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Id {
    /// Names and values; none where the client says nothing of itself.
    pub fields: Vec<(Bytes, Option<Bytes>)>,
}

/// `id = "ID" SP id-params-list`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Id, ParseError> {
    cursor.space()?;
    if cursor.take_word("NIL") {
        return Ok(Id::default());
    }
    let before = cursor.clone();
    let fields = cursor.list(field)?;
    let fits = |(name, value): &(Bytes, Option<Bytes>)| {
        name.len() <= MAX_NAME && value.as_ref().is_none_or(|value| value.len() <= MAX_VALUE)
    };
    if fields.len() > MAX_FIELDS || !fields.iter().all(fits) {
        return Err(before.wanted("at most 30 fields with names of 30 octets and values of 1024"));
    }
    Ok(Id { fields })
}

/// `string SP nstring`.
fn field(cursor: &mut Cursor<'_>) -> Result<(Bytes, Option<Bytes>), ParseError> {
    let name = cursor.string("the name of a field as a string")?;
    cursor.space()?;
    if cursor.take_word("NIL") {
        return Ok((name, None));
    }
    let value = cursor.string("the value of a field as a string, or NIL")?;
    Ok((name, Some(value)))
}

pub(super) fn print(out: &mut Vec<u8>, id: &Id) {
    out.extend_from_slice(b"ID ");
    if id.fields.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    print::list(out, &id.fields, |out, (name, value)| {
        print::string(out, name);
        out.push(b' ');
        print::nstring(out, value.as_deref());
    });
}
