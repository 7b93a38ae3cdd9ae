//! Messages in an mbox: where each begins and ends, quoting, and the fields that keep marks (RFC 4155 Appendix A).
//!
//! There are three kinds ([`Kind`]) that nothing in a file tells apart. What is written unless asked for otherwise is *mboxrd*: every line that is `From ` after any number of `>` gets one `>` more, so that taking one away
//! gives the line back. Above the message's own header stand `Status`, `X-Status` and `X-Keywords`, always all three, so that
//! they are taken away without touching fields of the message. Lines are the caller's: of a file they end in LF.
//! **Invariant**: what [`print`] writes, [`Scanner`] and [`take_marks`] give back byte for byte; a message without a line end at its
//! end gets one.

mod kind;
mod marks;
mod quoter;

use types::Timestamp;

pub use kind::Kind;
pub use marks::{is_internal, take_marks};
pub use quoter::Quoter;

use crate::{Date, Marks};

/// What every separator begins with.
const FROM: &[u8] = b"From ";

/// A separator is not longer: what follows the date is nobody's.
const MAX_SEPARATOR: usize = 1_000;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The last moment of the year 9999: the date has four digits for the year.
const LAST: i64 = 253_402_300_799;

/// What stands above a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Who sent it; what cannot stand in a separator is replaced.
    pub sender: String,
    /// When it was received.
    pub received: Timestamp,
    /// Its marks.
    pub marks: Marks,
}

impl Head {
    /// Adds the separator and the fields that keep marks: what stands above the message.
    pub fn print(&self, out: &mut Vec<u8>) {
        self.print_separator(out);
        marks::print(out, &self.marks);
    }

    fn print_separator(&self, out: &mut Vec<u8>) {
        let sender: String = self.sender.chars().filter(char::is_ascii_graphic).collect();
        let sender = if sender.is_empty() {
            "MAILER-DAEMON"
        } else {
            &sender
        };
        out.extend_from_slice(format!("From {sender} {}\n", date(self.received)).as_bytes());
    }
}

/// Adds a message, whose lines end in LF, to the text of an mbox.
pub fn print(out: &mut Vec<u8>, head: &Head, message: &[u8]) {
    print_as(Kind::Mboxrd, out, head, message);
}

/// The same in a file of some kind.
pub fn print_as(kind: Kind, out: &mut Vec<u8>, head: &Head, message: &[u8]) {
    head.print_separator(out);
    if kind == Kind::Mboxcl2 {
        kind::print_length(out, message);
    }
    marks::print(out, &head.marks);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if kind.quotes(line) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
    if !message.is_empty() && !message.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// As asctime(3) prints it: `Tue Nov 24 22:00:00 2026`, in UTC (RFC 4155 Appendix A).
fn date(at: Timestamp) -> String {
    let seconds = at.0.clamp(0, LAST);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let name = |names: &[&'static str], at: i64| {
        let at = usize::try_from(at).ok();
        at.and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    format!(
        "{} {} {day:2} {:02}:{:02}:{:02} {year:04}",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month - 1),
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// The date in the Gregorian calendar of a day from 1970-01-01 on: years begin in March, so that the leap day is last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year + days.div_euclid(146_097) * 400 + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day)
}

/// What a separator says; none where a line is no separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator {
    /// When the message was received.
    pub received: Timestamp,
}

impl Separator {
    /// Reads a line: `From SENDER Www Mmm dd hh:mm[:ss] [ZONE] yyyy [ZONE]`. Text that merely begins with `From ` has no date.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        if line.len() > MAX_SEPARATOR {
            return None;
        }
        let text = std::str::from_utf8(line.strip_prefix(FROM)?.trim_ascii()).ok()?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let at = words.windows(2).position(|two| {
            let [day, month] = two else { return false };
            DAYS.contains(day) && MONTHS.contains(month)
        })?;
        let date = words.get(at..)?;
        if !date.iter().any(|word| word.contains(':')) {
            return None;
        }
        // A zone before the year is not where `Date` looks for it.
        let (mut order, zones): (Vec<&str>, Vec<&str>) =
            date.iter().partition(|word| !word.starts_with(['+', '-']));
        order.extend(zones);
        let date = Date::parse(order.join(" ").as_bytes())?;
        Some(Separator {
            received: Timestamp(date.timestamp()),
        })
    }
}

/// A message found in an mbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Where its separator begins.
    pub offset: u64,
    /// What its separator says.
    pub received: Option<Timestamp>,
    /// It without quoting, with the fields that keep marks; see [`take_marks`].
    pub octets: Vec<u8>,
    /// Its size; `octets` is empty where that is over the limit.
    pub size: u64,
}

/// Finds messages in the lines of an mbox.
#[derive(Debug)]
pub struct Scanner {
    limit: usize,
    kind: Kind,
    /// Octets of the open message that are text, whatever they look like.
    counted: kind::Counted,
    offset: u64,
    open: Option<Found>,
    /// An empty line, which belongs to the message only where another line follows.
    held: Vec<u8>,
    before: Before,
}

/// What came before the next piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// An empty line, or nothing at all.
    Empty,
    Line,
    /// A line that has not ended.
    Piece,
}

impl Scanner {
    /// A scanner of messages up to a size; larger ones are found, and not kept.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Scanner {
            limit,
            kind: Kind::Mboxrd,
            counted: kind::Counted::default(),
            offset: 0,
            open: None,
            held: Vec::new(),
            before: Before::Empty,
        }
    }

    /// The same of a file of some kind.
    #[must_use]
    pub fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Takes the next line with its end, or a piece of a line that is long. Gives the message that ended before it.
    pub fn push(&mut self, piece: &[u8]) -> Option<Found> {
        let at = self.offset;
        self.offset += piece.len() as u64;
        let before = self.before;
        let begins = match before {
            Before::Piece => kind::Begins::Nothing,
            _ => kind::Begins::Line,
        };
        if self.kind == Kind::Mboxcl2 && self.open.is_some() && self.counted.takes(piece, begins) {
            let held = std::mem::take(&mut self.held);
            self.keep(&held);
            self.keep(piece);
            self.before = match piece.last() {
                // What comes next is a separator, or an empty line and then one.
                Some(b'\n') if self.counted.is_at_end() => Before::Empty,
                Some(b'\n') => Before::Line,
                _ => Before::Piece,
            };
            return None;
        }
        let is_empty = before != Before::Piece && matches!(piece, b"\n" | b"\r\n");
        self.before = match piece.last() {
            Some(b'\n') if is_empty => Before::Empty,
            Some(b'\n') => Before::Line,
            _ => Before::Piece,
        };
        if before == Before::Empty
            && let Some(separator) = Separator::parse(piece)
        {
            self.held.clear();
            self.counted = kind::Counted::default();
            let begun = Found {
                offset: at,
                received: Some(separator.received),
                ..Found::default()
            };
            return self.open.replace(begun);
        }
        if is_empty {
            let held = std::mem::replace(&mut self.held, piece.to_vec());
            self.keep(&held);
            return None;
        }
        let held = std::mem::take(&mut self.held);
        self.keep(&held);
        let is_quoted = before != Before::Piece && self.kind.is_quoted(piece);
        self.open.get_or_insert_with(|| Found {
            offset: at,
            ..Found::default()
        });
        self.keep(piece.get(usize::from(is_quoted)..).unwrap_or_default());
        None
    }

    fn keep(&mut self, octets: &[u8]) {
        let Some(open) = &mut self.open else { return };
        open.size += octets.len() as u64;
        if open.size <= self.limit as u64 {
            open.octets.extend_from_slice(octets);
        } else {
            open.octets = Vec::new();
        }
    }

    /// The last message.
    #[must_use]
    pub fn finish(self) -> Option<Found> {
        self.open
    }
}

#[cfg(test)]
mod tests;
