//! Tests of `dot`: every way a message may be cut, and everything that only looks like its end.

use super::*;

/// Reads `input` in pieces of `piece` octets: the message and what is left, or nothing when it goes on.
fn read(input: &[u8], piece: usize) -> (Vec<u8>, Option<Vec<u8>>, LineEnds) {
    let mut reader = DotReader::new(1 << 20);
    let mut message = BytesMut::new();
    let mut at = 0;
    for part in input.chunks(piece) {
        if let DotProgress::Done { taken } = reader.read(part, &mut message) {
            return (
                message.to_vec(),
                Some(input[at + taken..].to_vec()),
                reader.found(),
            );
        }
        at += part.len();
    }
    (message.to_vec(), None, reader.found())
}

fn check(input: &str, message: &str, rest: Option<&str>, found: &str) {
    for piece in 1..=input.len() {
        let (got, left, ends) = read(input.as_bytes(), piece);
        assert_eq!(
            String::from_utf8_lossy(&got),
            message,
            "{input:?} in pieces of {piece}"
        );
        assert_eq!(
            left.as_deref(),
            rest.map(str::as_bytes),
            "{input:?} in pieces of {piece}"
        );
        let flags = [(ends.bare_cr, 'r'), (ends.bare_lf, 'n'), (ends.nul, '0')];
        let flags: String = flags.iter().filter(|f| f.0).map(|f| f.1).collect();
        assert_eq!(flags, found, "{input:?} in pieces of {piece}");
    }
}

#[test]
fn dots_are_taken_away_and_the_end_is_found() {
    check("a\r\n.\r\n", "a\r\n", Some(""), "");
    check(".\r\nQUIT\r\n", "", Some("QUIT\r\n"), "");
    check("..\r\n.\r\nX", ".\r\n", Some("X"), "");
    check(
        "a\r\n...b\r\n\r\n..\r\n.\r\n",
        "a\r\n..b\r\n\r\n.\r\n",
        Some(""),
        "",
    );
    check(".a\r\n.\r\n", "a\r\n", Some(""), "");
    check("a.\r\n.\r\n", "a.\r\n", Some(""), "");
    check("a\r\n.", "a\r\n", None, "");
    check("a\r\n.\r", "a\r\n", None, "");
    check("a\r\n", "a\r\n", None, "");
}

/// RFC 5321 §4.1.1.4: only CRLF `.` CRLF ends a message, whatever other programs take for a line end.
#[test]
fn nothing_else_ends_a_message() {
    for (input, message, found) in [
        ("a\n.\nMAIL", "a\n.\nMAIL", "n"),
        ("a\n.\r\nMAIL", "a\n.\r\nMAIL", "n"),
        ("a\r\n.\nMAIL", "a\r\n\nMAIL", "n"),
        ("a\r.\rMAIL", "a\r.\rMAIL", "r"),
        ("a\r.\r\nMAIL", "a\r.\r\nMAIL", "r"),
        ("a\r\n.\rMAIL", "a\r\n\rMAIL", "r"),
        ("a\r\n.\r\r\nMAIL", "a\r\n\r\r\nMAIL", "r"),
        ("a\r\r\n.\rX", "a\r\r\n\rX", "r"),
        ("a\r\n\0.\r\nMAIL", "a\r\n\0.\r\nMAIL", "0"),
        ("a\r\n.\0\r\nMAIL", "a\r\n\0\r\nMAIL", "0"),
        ("a\n\r\n\r.\r\nX", "a\n\r\n\r.\r\nX", "rn"),
    ] {
        check(input, message, None, found);
    }
}

#[test]
fn a_lone_cr_before_crlf_does_not_hide_the_end() {
    check("a\r\r\n.\r\nX", "a\r\r\n", Some("X"), "r");
}

#[test]
fn over_the_limit_nothing_is_kept_but_the_end_is_still_found() {
    for (limit, too_big) in [(4, false), (3, true)] {
        let mut reader = DotReader::new(limit);
        let mut message = BytesMut::new();
        let done = reader.read(b"ab\r\n.\r\nX", &mut message);
        assert_eq!(done, DotProgress::Done { taken: 7 });
        assert_eq!(reader.is_too_big(), too_big);
        assert_eq!(reader.size(), 4);
        assert!(message.len() <= limit);
    }
}

#[test]
fn what_is_written_reads_back() {
    for message in [
        "",
        "a\r\n",
        ".\r\n",
        "..a\r\n.\r\n",
        "\r\n.\r\n",
        ".",
        "a\r\n.b\r\n\r\n..c\r\n",
    ] {
        let mut out = BytesMut::new();
        write_dotted(message.as_bytes(), &mut out);
        for piece in 1..=message.len() {
            let mut pieces = BytesMut::new();
            let mut writer = DotWriter::default();
            message
                .as_bytes()
                .chunks(piece)
                .for_each(|part| writer.write(part, &mut pieces));
            writer.finish(&mut pieces);
            assert_eq!(pieces, out, "{message:?} in pieces of {piece}");
        }
        let (got, rest, _) = read(&out, 3);
        let wanted = if message.is_empty() || message.ends_with("\r\n") {
            message.to_owned()
        } else {
            format!("{message}\r\n")
        };
        assert_eq!(String::from_utf8_lossy(&got), wanted);
        assert_eq!(rest.as_deref(), Some(&b""[..]), "{message:?}");
    }
}

/// Not a test of right or wrong: `cargo test --release -- --ignored --nocapture` prints how fast it is.
#[test]
#[ignore = "prints a speed"]
fn speed() {
    let line = format!("{}\r\n", "x".repeat(74));
    let message = line.repeat(140);
    let mut dotted = BytesMut::new();
    write_dotted(message.as_bytes(), &mut dotted);
    let mut out = BytesMut::with_capacity(1 << 20);
    let rounds = 50_000;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        out.clear();
        DotReader::new(1 << 20).read(&dotted, &mut out);
    }
    let rate = |start: std::time::Instant| {
        f64::from(rounds) * message.len() as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    println!("reading {:.1} GB/s", rate(start));
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        out.clear();
        write_dotted(message.as_bytes(), &mut out);
    }
    println!("writing {:.1} GB/s", rate(start));
}
