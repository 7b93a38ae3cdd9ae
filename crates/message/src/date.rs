//! Dates (RFC 5322 §3.3, §4.3), and what programs write instead of them.
//!
//! The words of a date tell by their form what they are, so they may stand in any order: a time has colons, a month a
//! name, a zone a sign or a name and stands last.

use std::fmt;

/// How much of the field is read.
const MAX_LENGTH: usize = 256;

/// A date as it is written: local time and its distance from UTC. Every field is within its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    /// With its century.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to the last of the month.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60: a leap second is allowed.
    pub second: u8,
    /// Minutes east of UTC.
    pub offset: i16,
}

impl Date {
    /// Reads the value of a `Date` field, `None` where day, month, year or time cannot be made out.
    pub fn parse(value: &[u8]) -> Option<Date> {
        let mut words = Words::default();
        let text = without_comments(value.get(..MAX_LENGTH).unwrap_or(value));
        for word in text
            .split(|byte| byte.is_ascii_whitespace() || *byte == b',')
            .filter(|word| !word.is_empty())
        {
            words.take(word);
        }
        words.date()
    }

    /// The date of this second since 1970-01-01 00:00 UTC, in a zone that is so many minutes east of UTC. Before the year 0
    /// and after the year 9999 it is the first or last second of those; a zone is at most a day away.
    #[must_use]
    pub fn of(timestamp: i64, offset: i16) -> Date {
        let offset = offset.clamp(-MAX_OFFSET, MAX_OFFSET);
        let seconds = timestamp
            .saturating_add(i64::from(offset) * 60)
            .clamp(FIRST_SECOND, LAST_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let small = |number: i64| u8::try_from(number).expect("a part of a day or a year is small");
        Date {
            year: u16::try_from(year).expect("the year is between 0 and 9999"),
            month: small(month),
            day: small(day),
            hour: small(of_day / 3600),
            minute: small(of_day / 60 % 60),
            second: small(of_day % 60),
            offset,
        }
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    pub fn timestamp(self) -> i64 {
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute) - i64::from(self.offset);
        self.days() * 86_400 + minutes * 60 + i64::from(self.second)
    }

    /// Days from 1970-01-01 to the date as it is written, whatever its zone: what `SENTBEFORE` compares
    /// (RFC 3501 §6.4.4).
    pub fn days(self) -> i64 {
        days_from_civil(i64::from(self.year), i64::from(self.month), i64::from(self.day))
    }
}

impl fmt::Display for Date {
    /// Prints the form of RFC 5322 §3.3: `Wed, 25 Nov 2026 09:57:09 +0800`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |names: &[&'static str], at: usize| names.get(at).copied().unwrap_or_default();
        // 1970-01-01 was a Thursday.
        let weekday = usize::try_from((self.days() + 4).rem_euclid(7)).unwrap_or_default();
        let month = usize::from(self.month.clamp(1, 12)) - 1;
        let sign = if self.offset < 0 { '-' } else { '+' };
        let away = self.offset.unsigned_abs().min(MAX_OFFSET.unsigned_abs());
        write!(
            f,
            "{}, {} {} {:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            name(&WEEKDAYS, weekday),
            self.day,
            name(&MONTHS, month),
            self.year,
            self.hour,
            self.minute,
            self.second,
            away / 60,
            away % 60,
        )
    }
}

/// RFC 5322 §3.3: `day-name`.
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// RFC 5322 §3.3: `month`.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Minutes of a day: no zone is farther away.
const MAX_OFFSET: i16 = 24 * 60;

/// 0000-01-01 00:00:00
const FIRST_SECOND: i64 = -62_167_219_200;
/// 9999-12-31 23:59:59
const LAST_SECOND: i64 = 253_402_300_799;

/// The year, month and day of a day since 1970-01-01: years begin in March here too.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar: years begin in March, so that the leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What the words of a date turned out to be.
#[derive(Default)]
struct Words {
    day: Option<u8>,
    month: Option<u8>,
    year: Option<u16>,
    time: Option<(u8, u8, u8)>,
    offset: Option<i16>,
}

impl Words {
    fn take(&mut self, word: &[u8]) {
        let Ok(word) = std::str::from_utf8(word) else {
            return;
        };
        if word.contains(':') {
            self.take_time(word);
        } else if self.time.is_some() && word.starts_with(['+', '-']) {
            self.offset = self.offset.or_else(|| numeric_zone(word));
        } else if word.contains(['-', '/']) {
            // 24-Nov-2026, 2026-11-24
            self.take_joined(word);
        } else if word.starts_with(|letter: char| letter.is_ascii_digit()) {
            if self.time.is_some() && self.year.is_some() && word.len() == 4 {
                // A zone whose sign was lost is east, as a number without a sign is positive.
                self.offset = self.offset.or_else(|| numeric_zone(&format!("+{word}")));
            } else {
                self.take_number(word);
            }
        } else if let Some(month) = month(word) {
            self.month = self.month.or(Some(month));
        } else if word.eq_ignore_ascii_case("pm") {
            self.afternoon();
        } else if self.time.is_some() && self.offset.is_none() {
            self.offset = named_zone(word);
        }
    }

    fn take_number(&mut self, word: &str) {
        let digits = word.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let Ok(number) = digits.parse::<u16>() else { return };
        match (self.day, u8::try_from(number)) {
            (None, Ok(day)) if digits.len() <= 2 => self.day = Some(day),
            _ => self.year = self.year.or(Some(full_year(number, digits.len()))),
        }
    }

    fn take_joined(&mut self, word: &str) {
        let (date, time) = word
            .split_once(['T', 't'])
            .filter(|(date, _)| date.ends_with(|c: char| c.is_ascii_digit()))
            .unwrap_or((word, ""));
        let pieces: Vec<&str> = date.split(['-', '/']).collect();
        match pieces.as_slice() {
            [year, number, day] if year.len() == 4 && month(number).is_none() => {
                self.year = year.parse().ok();
                self.month = number.parse().ok();
                self.day = day.parse().ok();
            }
            pieces => pieces
                .iter()
                .filter(|piece| !piece.is_empty())
                .for_each(|piece| self.take(piece.as_bytes())),
        }
        if !time.is_empty() {
            self.take(time.as_bytes());
        }
    }

    /// `10:20`, `10:20:17`, `10:20:17.5`, `10:20:17+0100`
    fn take_time(&mut self, word: &str) {
        if let Some((date, _)) = word.split_once(['T', 't']).filter(|(date, _)| date.contains('-')) {
            self.take_joined(date);
            return self.take_time(word.get(date.len() + 1..).unwrap_or_default());
        }
        let end = word
            .find(|letter: char| !letter.is_ascii_digit() && letter != ':')
            .unwrap_or(word.len());
        let (clock, zone) = word.split_at_checked(end).unwrap_or((word, ""));
        let mut numbers = clock.split(':').map(str::parse::<u8>);
        let (Some(Ok(hour)), Some(Ok(minute))) = (numbers.next(), numbers.next()) else {
            return;
        };
        let second = numbers.next().and_then(Result::ok).unwrap_or(0);
        if self.time.is_some() {
            return;
        }
        self.time = Some((hour, minute, second));
        let zone = zone.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
        if zone.starts_with(['+', '-']) {
            self.offset = numeric_zone(&zone.replace(':', ""));
        } else if zone.eq_ignore_ascii_case("pm") {
            self.afternoon();
        }
    }

    fn afternoon(&mut self) {
        if let Some((hour @ 0..12, minute, second)) = self.time {
            self.time = Some((hour + 12, minute, second));
        }
    }

    fn date(self) -> Option<Date> {
        let (hour, minute, second) = self.time.unwrap_or_default();
        let date = Date {
            year: self.year?,
            month: self.month?,
            day: self.day?,
            hour,
            minute,
            second,
            offset: self.offset.unwrap_or(0),
        };
        let valid = (1..=12).contains(&date.month)
            && (1..=days_in_month(date.year, date.month)).contains(&date.day)
            && hour < 24
            && minute < 60
            && second <= 60;
        valid.then_some(date)
    }
}

/// Two digits are of this century up to 49, three count from 1900 (RFC 5322 §4.3).
fn full_year(number: u16, digits: usize) -> u16 {
    match digits {
        0..=2 if number < 50 => number + 2000,
        0..=3 if number < 1000 => number + 1900,
        _ => number,
    }
}

/// `Nov`, `November`
fn month(word: &str) -> Option<u8> {
    const NAMES: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let head = word.get(..3)?;
    let position = NAMES.iter().position(|name| head.eq_ignore_ascii_case(name))?;
    u8::try_from(position + 1).ok()
}

/// `+0130`, `-0800`, `+1`
fn numeric_zone(word: &str) -> Option<i16> {
    // `+-0500` is found in the wild: the last sign is the one that was computed.
    let west = word.starts_with('-') || word.starts_with("+-");
    let digits: String = word
        .trim_start_matches(['+', '-'])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let number: i16 = digits.parse().ok()?;
    let minutes = match digits.len() {
        1 | 2 => number * 60,
        3 | 4 => number / 100 * 60 + number % 100,
        _ => return None,
    };
    (minutes <= 24 * 60).then_some(if west { -minutes } else { minutes })
}

/// The zones of RFC 5322 §4.3 and those that mail is full of; an unknown one says nothing and counts as UTC.
fn named_zone(word: &str) -> Option<i16> {
    const ZONES: [(&str, i16); 22] = [
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
        ("UT", 0),
        ("UTC", 0),
        ("GMT", 0),
        ("Z", 0),
        ("WET", 0),
        ("BST", 1),
        ("CET", 1),
        ("MET", 1),
        ("CEST", 2),
        ("MEST", 2),
        ("EET", 2),
        ("EEST", 3),
        ("MSK", 3),
        ("JST", 9),
    ];
    let end = word.find(['+', '-']).unwrap_or(word.len());
    let (name, offset) = word.split_at_checked(end)?;
    let zone = ZONES
        .iter()
        .find(|(zone, _)| name.eq_ignore_ascii_case(zone))
        .map(|(_, hours)| hours * 60)?;
    Some(zone + numeric_zone(offset).unwrap_or(0))
}

/// Takes comments away; brackets nest.
fn without_comments(value: &[u8]) -> Vec<u8> {
    let mut depth = 0_usize;
    let mut kept = Vec::with_capacity(value.len());
    for byte in value {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            other if depth == 0 => kept.push(*other),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests;
