//! Bytes → frames → commands → bytes → the same commands. Nothing panics, nothing grows past its limit, and every
//! command that parses prints as one that parses to the same.

#![no_main]

use imap::command::{parse, print};
use imap::{Event, Frame, Framer, Limits, Mode};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { line: 8192, literal: 8192, message: 65_536, discard: 65_536 };

/// Every frame that the bytes hold; `step` octets come at a time.
fn frames(bytes: &[u8], step: usize) -> Vec<Frame> {
    let mut framer = Framer::new(LIMITS);
    let mut found = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        framer.push(piece);
        loop {
            match framer.next_event() {
                Event::Incomplete => break,
                Event::Hopeless(_) => return found,
                Event::Command(frame) => {
                    assert!(frame.text.len() <= LIMITS.line);
                    found.push(frame);
                }
                Event::Continue | Event::Refused { .. } => {}
            }
        }
    }
    found
}

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes, bytes.len());
    assert_eq!(whole.len(), frames(bytes, 7).len());
    for (frame, mode) in whole.iter().flat_map(|frame| [(frame, Mode::Ascii), (frame, Mode::Utf8)]) {
        let Ok(tagged) = parse(frame, mode) else { continue };
        let mut printed = Vec::new();
        print(&mut printed, "a", &tagged.command);
        let mut framer = Framer::new(Limits::after_login(1 << 20));
        framer.push(&printed);
        let again = loop {
            match framer.next_event() {
                Event::Command(frame) => break frame,
                Event::Continue => {}
                other => panic!("{printed:?}: {other:?}"),
            }
        };
        assert_eq!(parse(&again, mode).map(|t| t.command).as_ref(), Ok(&tagged.command));
    }
});
