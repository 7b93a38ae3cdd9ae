//! Measures how fast the structure of large mail is found: `cargo run --release -p posthouse-message --example
//! structure_speed`. Prints GB/s for messages of different kinds, the best of ten rounds.

#![expect(clippy::print_stdout, reason = "a measurement prints its result")]

use std::hint::black_box;
use std::time::Instant;

use posthouse_message::{Message, repair};

const SIZE: usize = 64 * 1024 * 1024;

/// A multipart with one large attachment in base64.
fn attachment() -> Vec<u8> {
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let mut message = b"From: a@b\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n\r\nhello\r\n--=_b\r\n\
        Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    while message.len() < SIZE {
        message.extend_from_slice(line.as_bytes());
    }
    message.extend_from_slice(b"\r\n--=_b--\r\n");
    message
}

/// Four multiparts in one another, around text of short lines.
fn nested_text() -> Vec<u8> {
    let mut message = Vec::new();
    for level in 0..4 {
        message.extend_from_slice(
            format!("Content-Type: multipart/mixed; boundary=\"=_{level}_b\"\r\n\r\n--=_{level}_b\r\n")
                .as_bytes(),
        );
    }
    message.extend_from_slice(b"\r\n");
    while message.len() < SIZE {
        message.extend_from_slice(b"> On Tuesday somebody wrote:\r\n> -- \r\n\r\nA short line, and a somewhat longer one after it.\r\n");
    }
    message
}

/// As many parts of 4 KiB as are told apart.
fn many_parts() -> Vec<u8> {
    let mut message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    while message.len() < SIZE / 2 {
        message.extend_from_slice(b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=x\r\n\r\n");
        for _ in 0..64 {
            message.extend_from_slice(b"The quick brown fox jumps over the lazy dog, again and again.\r\n");
        }
    }
    message
}

/// Every line could be a delimiter and is none, under as many open boundaries as there may be.
fn hostile() -> Vec<u8> {
    let mut message = Vec::new();
    for level in 0..100 {
        message.extend_from_slice(
            format!("Content-Type: multipart/mixed; boundary=x{level}y\r\n\r\n--x{level}y\r\n").as_bytes(),
        );
    }
    message.extend_from_slice(b"\r\n");
    while message.len() < SIZE / 8 {
        message.extend_from_slice(b"--x\n");
    }
    message
}

fn measure(name: &str, bytes: &[u8], work: impl Fn(&[u8]) -> usize) {
    let best = (0..10).map(|_| {
        let begin = Instant::now();
        let result = black_box(work(black_box(bytes)));
        (begin.elapsed(), result)
    });
    let (elapsed, result) = best.min().unwrap_or_default();
    let size = u32::try_from(bytes.len()).map_or(0.0, f64::from);
    println!(
        "{name:28} {:8.2} GB/s   ({result})",
        size / elapsed.as_secs_f64() / 1e9
    );
}

fn main() {
    let parts = |bytes: &[u8]| Message::parse(bytes).structure().parts().len();
    let attachment = attachment();
    measure("structure: attachment", &attachment, parts);
    measure("structure: nested text", &nested_text(), parts);
    measure("structure: many parts", &many_parts(), parts);
    measure("structure: hostile", &hostile(), parts);
    measure("check for bare CR or LF", &attachment, |bytes| {
        usize::from(repair::has_bare_cr_or_lf(bytes))
    });
    measure(
        "repair LF to CRLF",
        &attachment
            .iter()
            .copied()
            .filter(|byte| *byte != b'\r')
            .collect::<Vec<_>>(),
        |bytes| repair::crlf(bytes).len(),
    );
    let decoded = |bytes: &[u8]| {
        let message = Message::parse(bytes);
        message
            .structure()
            .ids()
            .map(|id| message.decoded_body(id).len())
            .max()
            .unwrap_or_default()
    };
    measure("decode base64", &attachment, decoded);
}
