//! Bytes → pieces → responses. Nothing panics, nothing grows past its limit, and where the bytes are cut makes no difference.

#![no_main]

use bytes::BytesMut;
use imap::Mode;
use imap::client::{Framer, Limits, Piece, Response, parse};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { text: 8192, kept: 4096, streamed: 64 };

/// What the bytes hold, bodies joined; `step` octets come at a time.
fn read(bytes: &[u8], step: usize) -> (Vec<Option<Response>>, Vec<u8>) {
    let mut framer = Framer::new(LIMITS);
    let mut input = BytesMut::new();
    let (mut responses, mut bodies) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(step.max(1)) {
        input.extend_from_slice(piece);
        loop {
            match framer.next(&mut input) {
                Piece::Incomplete => break,
                Piece::TooLong(_) => return (responses, bodies),
                Piece::Octets(octets) => bodies.extend_from_slice(&octets),
                Piece::Body { so_far: frame, .. } | Piece::Response(frame) => {
                    assert!(frame.text.len() <= LIMITS.text);
                    assert!(frame.literals.iter().map(|literal| literal.len()).sum::<usize>() <= LIMITS.kept);
                    let utf8 = parse(&frame, Mode::Utf8);
                    let ascii = parse(&frame, Mode::Ascii);
                    assert_eq!(utf8.is_ok(), ascii.is_ok());
                    responses.push(ascii.ok());
                }
            }
        }
    }
    (responses, bodies)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, bytes.len());
    assert_eq!(whole, read(bytes, 7));
});
