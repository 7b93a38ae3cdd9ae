//! Bytes as a client of POP3 might send them, on a maildrop of a few messages; and bytes as a message.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use pop3::maildrop::UniqueId;
use pop3::{Command, Language, Maildrop, Message, Session, reply};
use types::{EntryId, Octets};
use wire::{DotProgress, DotReader, Framed, LineFramer};

fuzz_target!(|input: &[u8]| {
    session(input);
    message(input);
});

/// Every line is answered, what parses prints and parses back, and the marks of DELE add up.
fn session(input: &[u8]) {
    let message = |entry| Message { entry: EntryId(entry), size: Octets(entry * 100), place: () };
    let mut session = Session::Transaction(Maildrop::new((1..=5).map(message).collect()));
    let mut framer = LineFramer::new(pop3::COMMAND_LINE);
    let mut buffer = BytesMut::new();
    for piece in input.chunks(700) {
        buffer.extend_from_slice(piece);
        loop {
            let mut out = BytesMut::new();
            match framer.next(&mut buffer) {
                Framed::Incomplete => break,
                Framed::TooLong => pop3::Refusal::LineTooLong.print(Language::Chinese, &mut out),
                Framed::Line(line) => answer(&line, &mut session, &mut out),
            }
            assert!(out.ends_with(b"\r\n") && (out.starts_with(b"+OK") || out.starts_with(b"-ERR")));
        }
        assert!(buffer.len() < pop3::COMMAND_LINE);
    }
}

fn answer(line: &[u8], session: &mut Session<Maildrop<()>>, out: &mut BytesMut) {
    let (command, allowed) = match pop3::command::parse(line) {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal.print(Language::Chinese, out),
    };
    let printed = command.to_string();
    if !printed.contains(char::REPLACEMENT_CHARACTER) {
        assert_eq!(pop3::command::parse(printed.as_bytes()), Ok((command.clone(), allowed)));
    }
    if let Err(refusal) = session.check(allowed) {
        return refusal.print(Language::Chinese, out);
    }
    let Session::Transaction(drop) = session else { unreachable!("it begins so and stays so") };
    match command {
        Command::Stat => drop.print_stat(out),
        Command::List(None) => drop.remaining().for_each(|(number, message)| {
            reply::line(format_args!("{} {}", number.0, message.size), out)
        }),
        Command::Uidl(None) => drop.remaining().for_each(|(number, message)| {
            reply::line(format_args!("{} {}", number.0, UniqueId(message.entry)), out)
        }),
        Command::Dele(number) => match drop.delete(number) {
            Ok(()) => pop3::reply::ok("deleted", out),
            Err(refusal) => refusal.print(Language::Chinese, out),
        },
        Command::Retr(number) | Command::Top(number, _) => match drop.find(number) {
            Ok(_) => pop3::reply::message(line, Language::Default, out),
            Err(refusal) => refusal.print(Language::Chinese, out),
        },
        Command::Rset => {
            drop.reset();
            pop3::reply::ok("reset", out);
        }
        _ => pop3::reply::ok(String::from_utf8_lossy(line), out),
    }
    assert_eq!(drop.count().0 + drop.deleted().count(), 5);
}

/// A message prints with dots and reads back; TOP gives the front of it.
fn message(input: &[u8]) {
    let mut out = BytesMut::new();
    wire::write_dotted(input, &mut out);
    let mut back = BytesMut::new();
    let done = DotReader::new(1 << 20).read(&out, &mut back);
    assert_eq!(done, DotProgress::Done { taken: out.len() });
    assert!(back.starts_with(input) && back.len() <= input.len() + 2);
    let mut before = 0;
    for lines in [0, 1, 2, 5, usize::MAX] {
        let top = pop3::top(input, lines);
        assert!(input.starts_with(top) && top.len() >= before);
        before = top.len();
    }
    assert_eq!(before, input.len());
}
