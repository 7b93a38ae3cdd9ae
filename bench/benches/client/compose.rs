//! A message with an attachment of 100 MB that is nowhere in memory as a whole.

use std::io::{self, Read as _, Write};
use std::time::Instant;

use anyhow::{Result, ensure};
use message::Date;
use message::compose::{Allowed, Attachment, Mail, Mailbox, MessageId, Source, SourceId, Stamp};

use crate::table::Table;

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

/// Measures how fast it is composed and encoded, in MB of the attachment a second.
pub(crate) fn measure(rounds: usize) -> Result<()> {
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
    println!("composing and encoding an attachment of 100 MB:");
    let mut table = Table::new("composing 100 MB", "MB/s");
    for _ in 0..rounds {
        let began = Instant::now();
        let composed = mail.compose(Allowed::default())?;
        let mut counter = Counter::default();
        composed.write_to(&mut counter, |_| Ok(io::repeat(0x5a).take(SIZE)))?;
        ensure!(
            composed.size() == Some(counter.0),
            "the size was said wrongly beforehand"
        );
        table.note("Posthouse", 100.0 / began.elapsed().as_secs_f64());
    }
    table.print("Posthouse");
    println!(
        "most memory of this process so far: {}",
        peak().unwrap_or_default()
    );
    Ok(())
}

/// The most memory that this process ever had, as the system says it.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
}
