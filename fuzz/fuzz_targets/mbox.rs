//! Bytes as an mbox: no text is too strange, and what is found is printed and found again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::mbox::{Found, Head, Scanner, print, take_marks};

fn scan(text: &[u8]) -> Vec<Found> {
    let mut scanner = Scanner::new(1 << 20);
    let mut found = Vec::new();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        found.extend(scanner.push(line));
    }
    found.extend(scanner.finish());
    found
}

fuzz_target!(|bytes: &[u8]| {
    let mut text = Vec::new();
    let mut written = Vec::new();
    for found in scan(bytes) {
        let (marks, mut message) = take_marks(&found.octets);
        let head = Head {
            marks: marks.clone(),
            ..Head::default()
        };
        print(&mut text, &head, &message);
        if !message.is_empty() && !message.ends_with(b"\n") {
            message.push(b'\n');
        }
        written.push((marks, message));
    }
    let read: Vec<_> = scan(&text).iter().map(|found| take_marks(&found.octets)).collect();
    assert_eq!(read, written);
});
