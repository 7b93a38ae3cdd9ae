//! TOP: how much of a message is its header and so many lines of its body (RFC 1939 §7).

/// The header, the empty line and the first `lines` lines of the body.
#[must_use]
pub fn top(message: &[u8], lines: usize) -> &[u8] {
    let mut ends = memchr::memchr_iter(b'\n', message).map(|at| at + 1);
    let mut start = 0;
    let header = loop {
        let Some(end) = ends.next() else {
            return message;
        };
        if matches!(message.get(start..end), Some(b"\r\n" | b"\n")) {
            break end;
        }
        start = end;
    };
    let end = match lines {
        0 => header,
        lines => ends.nth(lines - 1).unwrap_or(message.len()),
    };
    message.get(..end).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_of_the_body() {
        let check = |message: &str, lines, wanted: &str| {
            let got = top(message.as_bytes(), lines);
            assert_eq!(String::from_utf8_lossy(got), wanted, "{message:?} {lines}");
        };
        let message = "A: b\r\n\r\n1\r\n2\r\n3";
        check(message, 0, "A: b\r\n\r\n");
        check(message, 1, "A: b\r\n\r\n1\r\n");
        check(message, 2, "A: b\r\n\r\n1\r\n2\r\n");
        check(message, 3, message);
        check(message, usize::MAX, message);
        check("\r\nbody\r\n", 0, "\r\n");
        check("A: b\r\n", 5, "A: b\r\n");
        check("", 1, "");
    }
}
