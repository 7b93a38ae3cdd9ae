//! Tests of framing: commands whole and in pieces, and both edges of every limit.

use super::*;

const SMALL: Limits = Limits {
    line: 32,
    literal: 8,
    message: 16,
    discard: 64,
};

fn events(bytes: &[u8]) -> Vec<Event> {
    let mut framer = Framer::new(SMALL);
    framer.push(bytes);
    drain(&mut framer)
}

fn drain(framer: &mut Framer) -> Vec<Event> {
    let mut found = Vec::new();
    loop {
        match framer.next_event() {
            Event::Incomplete => return found,
            event @ Event::Hopeless(_) => {
                found.push(event);
                return found;
            }
            event => found.push(event),
        }
    }
}

fn command(text: &str, literals: &[&str]) -> Event {
    Event::Command(Frame {
        text: Bytes::copy_from_slice(text.as_bytes()),
        literals: literals
            .iter()
            .map(|l| Bytes::copy_from_slice(l.as_bytes()))
            .collect(),
    })
}

fn refusal(text: &str, why: FramingError) -> Event {
    refused(Bytes::copy_from_slice(text.as_bytes()), why)
}

#[test]
fn commands_are_cut_at_lines_and_literals() {
    let check = |input: &str, wanted: &[Event]| assert_eq!(events(input.as_bytes()), wanted, "{input:?}");
    check("a NOOP\r\n", &[command("a NOOP", &[])]);
    check("a NOOP\n", &[command("a NOOP", &[])]);
    check("a NOOP\r\nb NO", &[command("a NOOP", &[])]);
    check("a LOGIN {2}\r\n", &[Event::Continue]);
    check(
        "a LOGIN {2}\r\nxy {1+}\r\nz\r\n",
        &[Event::Continue, command("a LOGIN {2}\r\n {1+}\r\n", &["xy", "z"])],
    );
    check("a X {0+}\r\n\r\n", &[command("a X {0+}\r\n", &[""])]);
    check("a X {}\r\n", &[command("a X {}", &[])]);
    check("a X {5x}\r\n", &[command("a X {5x}", &[])]);
    check("a X \"{5}\"\r\n", &[command("a X \"{5}\"", &[])]);
}

#[test]
fn a_literal_may_hold_line_ends_and_announcements() {
    let got = events(b"a APPEND x {8+}\r\nb {3}\r\nc\r\n");
    assert_eq!(got, [command("a APPEND x {8+}\r\n", &["b {3}\r\nc"])]);
}

#[test]
fn every_way_to_cut_the_stream_gives_the_same_commands() {
    let input = b"a LOGIN {2+}\r\nxy {3+}\r\nzzz\r\nb NOOP\r\nc APPEND i {9+}\r\n123456789\r\nd X {99+}\r\n";
    let whole = events(input);
    for cut in 0..input.len() {
        let mut framer = Framer::new(SMALL);
        let (one, two) = input.split_at(cut);
        framer.push(one);
        let mut got = drain(&mut framer);
        let mut two = two;
        while !two.is_empty() && !matches!(got.last(), Some(Event::Hopeless(_))) {
            let mut room = framer.room();
            let n = room.remaining_mut().min(two.len());
            room.put_slice(&two[..n]);
            two = &two[n..];
            got.extend(drain(&mut framer));
        }
        assert_eq!(got, whole, "cut at {cut}");
    }
}

/// What came behind a literal in one read is the next command's, also when the literal is given up.
#[test]
fn what_is_read_behind_a_literal_is_not_lost_with_it() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a X {4+}\r\n");
    assert_eq!(drain(&mut framer), []);
    framer.room().put_slice(b"1234 z\r\nb NOOP\r\n");
    framer.give_up();
    let got = drain(&mut framer);
    assert_eq!(
        got,
        [
            refusal("a X {4+}\r\n", FramingError::NoRoom),
            command("b NOOP", &[]),
        ]
    );
}

#[test]
fn limits_hold_on_both_edges() {
    let line = |n: usize| format!("{}\r\n", "x".repeat(n - 2));
    assert_eq!(events(line(32).as_bytes()), [command(&"x".repeat(30), &[])]);
    let too_long = refusal(&line(33), FramingError::LineTooLong);
    assert_eq!(events(line(33).as_bytes()), [too_long]);

    let small = FramingError::LiteralTooBig { limit: 8 };
    assert_eq!(events(b"a X {8}\r\n"), [Event::Continue]);
    assert_eq!(events(b"a X {9}\r\n"), [refusal("a X {9}\r\n", small)]);
    let message = FramingError::LiteralTooBig { limit: 16 };
    assert_eq!(events(b"a append x {16}\r\n"), [Event::Continue]);
    assert_eq!(
        events(b"a append x {17}\r\n"),
        [refusal("a append x {17}\r\n", message)]
    );
}

#[test]
fn a_literal_that_does_not_wait_is_skipped() {
    let why = FramingError::LiteralTooBig { limit: 8 };
    let got = events(b"a X {9+}\r\n\r\n3456789 {2+}\r\n\r\n more\r\nb NOOP\r\n");
    assert_eq!(got, [refusal("a X {9+}\r\n", why), command("b NOOP", &[])]);
}

#[test]
fn what_is_too_much_to_skip_is_hopeless() {
    let why = FramingError::LiteralTooBig { limit: 8 };
    assert_eq!(events(b"a X {65+}\r\n"), [Event::Hopeless(why)]);
    assert_eq!(
        events(b"a X {99999999999999999999999+}\r\n"),
        [Event::Hopeless(why)]
    );
    let endless = vec![b'x'; 200];
    assert_eq!(events(&endless), [Event::Hopeless(FramingError::LineTooLong)]);
}

#[test]
fn a_line_that_is_too_long_is_skipped_to_its_end() {
    let mut framer = Framer::new(SMALL);
    framer.push(&[b'x'; 40]);
    assert_eq!(drain(&mut framer), []);
    framer.push(b"yyy\r\nb NOOP\r\n");
    let wanted = [
        refusal(&"x".repeat(40), FramingError::LineTooLong),
        command("b NOOP", &[]),
    ];
    assert_eq!(drain(&mut framer), wanted);
}

#[test]
fn plaintext_can_be_forgotten() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a STARTTLS\r\nb LOGIN x y\r\n");
    assert_eq!(framer.next_event(), command("a STARTTLS", &[]));
    framer.forget();
    assert_eq!(framer.next_event(), Event::Incomplete);
    assert!(framer.is_between_commands());
}
