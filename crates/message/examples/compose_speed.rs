//! Measures how fast a message with a large attachment is written, and in how much memory: `cargo run --release -p
//! posthouse-message --example compose_speed`. The attachment is read block by block from a source that is never in
//! memory as a whole.

#![expect(clippy::print_stdout, reason = "a measurement prints its result")]

use std::io::{self, Read, Write};
use std::time::Instant;

use posthouse_message::Date;
use posthouse_message::compose::{
    Allowed, Attachment, Encoder, Encoding, Mail, Mailbox, MessageId, Source, SourceId, Stamp,
};

const SIZE: u64 = 100_000_000;

/// Counts what it is given.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += std::hint::black_box(octets).len() as u64;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory that this process ever had, in kB.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
}

fn report(name: &str, elapsed: std::time::Duration) {
    let size = u32::try_from(SIZE).map_or(0.0, f64::from);
    println!("{name:28} {:8.0} MB/s", size / elapsed.as_secs_f64() / 1e6);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stamp = Stamp {
        date: Date::of(1_764_035_829, 0),
        id: MessageId::check("speed@example.org")?,
    };
    let source = Source {
        id: SourceId(0),
        octets: Some(SIZE),
    };
    let mail = Mail::new(Mailbox::parse("a@example.org")?, stamp)
        .text("A large file.\n")
        .attach(Attachment::new("large.bin", source));
    for _ in 0..5 {
        let begin = Instant::now();
        let composed = mail.compose(Allowed::default())?;
        let mut counter = Counter::default();
        composed.write_to(&mut counter, |_| Ok(io::repeat(0x5a).take(SIZE)))?;
        assert_eq!(composed.size(), Some(counter.0));
        report("compose and encode", begin.elapsed());
    }
    let block = vec![0x5a; 57 * 1024];
    for _ in 0..3 {
        let begin = Instant::now();
        let mut out = Vec::new();
        let mut encoder = Encoder::new(Encoding::Base64);
        for _ in 0..SIZE / (57 * 1024) {
            out.clear();
            encoder.push(&block, &mut out);
            std::hint::black_box(&out);
        }
        report("encode alone", begin.elapsed());
    }
    println!("most memory                  {}", peak().unwrap_or_default());
    Ok(())
}
