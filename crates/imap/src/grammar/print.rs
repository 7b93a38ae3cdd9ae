//! Printers of strings, numbers and lists. They write into a `Vec<u8>` and never format.

/// `number`.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    const DIGITS: usize = 20;
    if value < 10 {
        out.push(b'0' + low_digit(value));
        return;
    }
    let mut text = [0u8; DIGITS];
    let mut used = 0;
    for place in text.iter_mut().rev() {
        *place = b'0' + low_digit(value);
        used += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(DIGITS - used..).unwrap_or_default());
}

fn low_digit(value: u64) -> u8 {
    u8::try_from(value % 10).expect("less than ten")
}

/// The longest text printed as a quoted string: longer ones are easier to read as literals.
const MAX_QUOTED: usize = 1000;

/// Whether a text may stand in quotes (RFC 3501 §9, `QUOTED-CHAR`): no NUL, no line end, no octet above 127.
#[must_use]
pub fn is_quotable(text: &[u8]) -> bool {
    text.len() <= MAX_QUOTED && text.iter().all(|b| !matches!(b, 0 | b'\r' | b'\n' | 0x80..))
}

/// `string`: quoted where that is allowed, otherwise a literal.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    if is_quotable(text) {
        quoted(out, text);
    } else {
        literal(out, text);
    }
}

/// `nstring`.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for b in text {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out.push(b'"');
}

/// `literal`.
fn literal(out: &mut Vec<u8>, text: &[u8]) {
    literal_head(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// The announcement of a literal with its line end.
pub fn literal_head(out: &mut Vec<u8>, size: u64) {
    out.push(b'{');
    number(out, size);
    out.extend_from_slice(b"}\r\n");
}

/// `astring`: an atom where that is possible.
pub fn astring(out: &mut Vec<u8>, text: &[u8]) {
    let bare = !text.is_empty() && text.iter().all(|b| super::cursor::is_astring(*b));
    // The word NIL alone would be read as no string where one may be missing.
    if bare && !text.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(text);
    } else {
        string(out, text);
    }
}

/// `astring` for who has enabled UTF-8 in quoted strings (RFC 6855 §3), of a text without line ends.
pub fn astring_utf8(out: &mut Vec<u8>, text: &str) {
    match text.is_ascii() {
        true => astring(out, text.as_bytes()),
        false => quoted(out, text.as_bytes()),
    }
}

/// Items in parentheses with a space between them.
pub fn list<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'(');
    spaced(out, items, &mut item);
    out.push(b')');
}

/// Items with a space between them.
pub fn spaced<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    for (n, value) in items.iter().enumerate() {
        if n > 0 {
            out.push(b' ');
        }
        item(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_in_decimal() {
        for value in [0, 9, 10, 99, 100, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }

    #[test]
    fn strings_take_the_shortest_form_that_is_allowed() {
        let check = |text: &str, wanted: &str| {
            let mut out = Vec::new();
            astring(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        };
        check("abc", "abc");
        check("", "\"\"");
        check("nil", "\"nil\"");
        check("a b", "\"a b\"");
        check("a\"\\", "\"a\\\"\\\\\"");
        check("a\nb", "{3}\r\na\nb");
        check("信", "{3}\r\n信");
        check(&"x y".repeat(400), &format!("{{1200}}\r\n{}", "x y".repeat(400)));
    }
}
