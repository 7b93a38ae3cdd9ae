//! Bytes as a client of SMTP might send them: lines, commands, a dotted message cut anywhere, a SASL exchange.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sasl::server::{Exchange, Step};
use wire::{DotProgress, DotReader, Framed, LineEnds, LineFramer};

fuzz_target!(|input: &[u8]| {
    lines(input);
    dotted(input);
    exchange(input);
    header(input);
});

/// What parses prints, and what prints parses to the same; no line is longer than its limit.
fn lines(input: &[u8]) {
    let mut framer = LineFramer::new(smtp::limits::COMMAND_LINE);
    let mut buffer = BytesMut::new();
    for piece in input.chunks(700) {
        buffer.extend_from_slice(piece);
        loop {
            match framer.next(&mut buffer) {
                Framed::Incomplete => break,
                Framed::TooLong => {}
                Framed::Line(line) => command(&line),
            }
        }
        assert!(buffer.len() < smtp::limits::COMMAND_LINE);
    }
}

fn command(line: &[u8]) {
    match smtp::command::parse(line) {
        Ok((command, allowed)) => {
            let printed = command.to_string();
            assert_eq!(smtp::command::parse(printed.as_bytes()), Ok((command, allowed)), "{printed:?}");
        }
        Err(refusal) => {
            let mut out = BytesMut::new();
            refusal.reply().print(&mut out);
            assert!(out.ends_with(b"\r\n") && memchr_count(&out) == 1);
        }
    }
}

fn memchr_count(text: &[u8]) -> usize {
    text.iter().filter(|c| **c == b'\n').count()
}

/// However it is cut, a message reads the same, and the same as by a reader that is slow and simple.
fn dotted(input: &[u8]) {
    let (wanted, rest) = simply(input);
    let size = usize::from(input.first().copied().unwrap_or(0)) % 17 + 1;
    let mut reader = DotReader::new(1 << 20);
    let mut message = BytesMut::new();
    let mut taken_all = 0;
    let mut end = None;
    for piece in input.chunks(size) {
        if let DotProgress::Done { taken } = reader.read(piece, &mut message) {
            end = Some(taken_all + taken);
            break;
        }
        taken_all += piece.len();
    }
    assert_eq!(end, rest);
    assert_eq!(message, wanted);
    assert_eq!(reader.size(), wanted.len());
    if end.is_some() {
        // Found in the dotted form; where dots went, a lone CR or LF stayed one.
        assert_eq!(reader.found(), LineEnds::of(&wanted));
    }
    let repaired = message::repair::crlf(&message);
    assert!(LineEnds::of(&repaired).are_crlf());
    let mut out = BytesMut::new();
    wire::write_dotted(&repaired, &mut out);
    let mut again = BytesMut::new();
    let done = DotReader::new(1 << 20).read(&out, &mut again);
    assert_eq!(done, DotProgress::Done { taken: out.len() });
    assert!(again.starts_with(&repaired));
}

/// The message, and where what is not part of it begins.
fn simply(input: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut whole = b"\r\n".to_vec();
    whole.extend_from_slice(input);
    let end = whole.windows(5).position(|w| w == b"\r\n.\r\n");
    let body = &whole[..end.map_or(whole.len(), |at| at + 2)];
    let mut message = Vec::new();
    for (at, octet) in body.iter().enumerate().skip(2) {
        if !(*octet == b'.' && body[at - 2..at] == *b"\r\n") {
            message.push(*octet);
        }
    }
    // `.` CR at the very end may become the end: the CR is held back.
    if end.is_none() && body.ends_with(b"\r\n.\r") {
        message.pop();
    }
    (message, end.map(|at| at + 3))
}

fn exchange(input: &[u8]) {
    for mechanism in sasl::Mechanism::ALL {
        let mut step = Exchange::begin(*mechanism, None);
        for line in input.split(|c| *c == b'\n') {
            let exchange = match step {
                Ok(Step::Challenge(exchange, _)) => exchange,
                Ok(Step::Keys(first)) => {
                    let kept = sasl::scram::server::Kept { salt: vec![1; 16], rounds: 4096, keys: Vec::new() };
                    step = first.answer(kept, "nonce", None);
                    continue;
                }
                _ => break,
            };
            let Ok(response) = sasl::encoding::decode_response(line) else { break };
            step = exchange.respond(&response);
        }
    }
}

fn header(input: &[u8]) {
    let present = smtp::header::Present::of(input);
    assert!(present.received <= input.len());
    let octets: usize = smtp::header::fields(input).map(|(name, value)| name.len() + value.len()).sum();
    assert!(octets <= input.len());
}
