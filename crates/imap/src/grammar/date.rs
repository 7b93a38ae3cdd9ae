//! Dates: `date` of SEARCH, `date-time` of APPEND and INTERNALDATE (RFC 3501 §9).

use types::Timestamp;

use super::cursor::{Cursor, ParseError};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_A_DAY: i64 = 86_400;

/// A day of the calendar, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31, as the month allows.
    pub day: u8,
}

impl Date {
    /// Checks that the month has the day.
    #[must_use]
    pub fn check(year: u32, month: u32, day: u32) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(leap),
            _ => return None,
        };
        if year > 9999 || day == 0 || day > last {
            return None;
        }
        Some(Date {
            year: u16::try_from(year).ok()?,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        })
    }

    /// Days since 1970-01-01 (the proleptic Gregorian calendar, counted from March).
    #[must_use]
    pub fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
    }

    /// The day that is so many days after 1970-01-01; years outside of 0 to 9999 become the nearest.
    #[must_use]
    pub fn from_days(days: i64) -> Self {
        let z = days.saturating_add(719_468);
        let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = (year_of_era + era * 400 + i64::from(month <= 2)).clamp(0, 9999);
        Date {
            year: u16::try_from(year).expect("clamped to 0..=9999"),
            month: u8::try_from(month).expect("1 to 12 by construction"),
            day: u8::try_from(day).expect("1 to 31 by construction"),
        }
    }

    /// The day of a moment in UTC.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        Date::from_days(moment.0.div_euclid(SECONDS_A_DAY))
    }
}

fn month(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    for (number, name) in (1..).zip(MONTHS) {
        if cursor.take_word(name) {
            return Ok(number);
        }
    }
    Err(cursor.wanted("a month like Jan"))
}

/// `date = date-text / DQUOTE date-text DQUOTE`.
///
/// # Errors
/// No date is next, or the month has no such day.
pub fn date(cursor: &mut Cursor<'_>) -> Result<Date, ParseError> {
    let before = cursor.clone();
    let quoted = cursor.take(b'"');
    let day = match cursor.clone().digits(2) {
        Ok(_) => cursor.digits(2)?,
        Err(_) => cursor.digits(1)?,
    };
    let date = month_and_year(cursor, &before, day)?;
    if quoted {
        cursor.expect(b'"', "a closing quote")?;
    }
    Ok(date)
}

fn month_and_year(cursor: &mut Cursor<'_>, before: &Cursor<'_>, day: u32) -> Result<Date, ParseError> {
    cursor.expect(b'-', "a hyphen")?;
    let month = month(cursor)?;
    cursor.expect(b'-', "a hyphen")?;
    let year = cursor.digits(4)?;
    Date::check(year, month, day).ok_or_else(|| before.wanted("a day of the calendar"))
}

/// `date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE`.
///
/// # Errors
/// No date and time is next, or there is no such moment.
pub fn date_time(cursor: &mut Cursor<'_>) -> Result<Timestamp, ParseError> {
    let before = cursor.clone();
    cursor.expect(b'"', "a date and time in quotes")?;
    let day = if cursor.take(b' ') {
        cursor.digits(1)?
    } else {
        cursor.digits(2)?
    };
    let date = month_and_year(cursor, &before, day)?;
    cursor.space()?;
    let hour = cursor.digits(2)?;
    cursor.expect(b':', "a colon")?;
    let minute = cursor.digits(2)?;
    cursor.expect(b':', "a colon")?;
    let second = cursor.digits(2)?;
    cursor.space()?;
    let east = zone(cursor)?;
    cursor.expect(b'"', "a closing quote")?;
    // 60 is a leap second; it is the same moment as the second after it.
    if hour > 23 || minute > 59 || second > 60 {
        return Err(before.wanted("a time of the day"));
    }
    let time = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let moment = date.days() * SECONDS_A_DAY + time - east;
    // A zone can push the first and the last day of all years out of what can be printed again.
    let day = moment.div_euclid(SECONDS_A_DAY);
    if Date::from_days(day).days() != day {
        return Err(before.wanted("a year from 0000 to 9999"));
    }
    Ok(Timestamp(moment))
}

/// `zone = ("+" / "-") 4DIGIT`, in seconds east of Greenwich.
fn zone(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    let before = cursor.clone();
    let sign = if cursor.take(b'-') {
        -1
    } else {
        cursor.expect(b'+', "a zone like +0000")?;
        1
    };
    let hours = cursor.digits(2)?;
    let minutes = cursor.digits(2)?;
    if hours > 23 || minutes > 59 {
        return Err(before.wanted("a zone like +0000"));
    }
    Ok(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

/// Prints a `date-text`: `1-Feb-1994`.
pub fn print_date(out: &mut Vec<u8>, date: Date) {
    super::print::number(out, u64::from(date.day));
    print_month_and_year(out, date);
}

fn print_month_and_year(out: &mut Vec<u8>, date: Date) {
    out.push(b'-');
    let name = MONTHS.get(usize::from(date.month).wrapping_sub(1));
    out.extend_from_slice(name.expect("Date::check admits 1 to 12").as_bytes());
    out.push(b'-');
    two_digits(out, i64::from(date.year / 100));
    two_digits(out, i64::from(date.year % 100));
}

/// Prints a `date-time` in UTC, quotes included: `" 1-Feb-1994 21:52:25 +0000"`.
pub fn print_date_time(out: &mut Vec<u8>, moment: Timestamp) {
    let date = Date::of(moment);
    let time = moment.0.rem_euclid(SECONDS_A_DAY);
    out.push(b'"');
    out.push(if date.day < 10 { b' ' } else { b'0' + date.day / 10 });
    out.push(b'0' + date.day % 10);
    print_month_and_year(out, date);
    out.push(b' ');
    two_digits(out, time / 3600);
    out.push(b':');
    two_digits(out, time / 60 % 60);
    out.push(b':');
    two_digits(out, time % 60);
    out.extend_from_slice(b" +0000\"");
}

fn two_digits(out: &mut Vec<u8>, value: i64) {
    let value = u8::try_from(value % 100).unwrap_or(0);
    out.extend_from_slice(&[b'0' + value / 10, b'0' + value % 10]);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::framing::Frame;

    fn with_cursor<T>(text: &str, parse: impl Fn(&mut Cursor<'_>) -> Result<T, ParseError>) -> Option<T> {
        let frame = Frame {
            text: Bytes::copy_from_slice(text.as_bytes()),
            literals: Vec::new(),
        };
        let mut cursor = Cursor::new(&frame, crate::Mode::Ascii);
        parse(&mut cursor).ok().filter(|_| cursor.is_at_end())
    }

    #[test]
    fn date_times_parse_and_print() {
        let check = |text: &str, wanted: Option<i64>| {
            let got = with_cursor(text, date_time);
            assert_eq!(got, wanted.map(Timestamp), "{text}");
        };
        check("\" 7-Feb-1994 21:52:25 -0800\"", Some(760_686_745));
        check("\"07-Feb-1994 21:52:25 -0800\"", Some(760_686_745));
        check("\"01-Jan-1970 00:00:00 +0000\"", Some(0));
        check("\"01-Jan-1970 05:30:00 +0530\"", Some(0));
        check("\"31-Dec-1969 23:59:59 +0000\"", Some(-1));
        check("\"29-Feb-2000 00:00:00 +0000\"", Some(951_782_400));
        check("\"29-Feb-1900 00:00:00 +0000\"", None);
        check("\"01-Jan-1970 24:00:00 +0000\"", None);
        check("\"7-Feb-1994 21:52:25 -0800\"", None);
        check("\"00-Jan-1970 00:00:00 +0000\"", None);
        for seconds in [0, -1, 760_686_745, 951_782_400, 4_102_444_799, -62_167_219_200] {
            let mut out = Vec::new();
            print_date_time(&mut out, Timestamp(seconds));
            let text = String::from_utf8(out).unwrap();
            assert_eq!(with_cursor(&text, date_time), Some(Timestamp(seconds)), "{text}");
        }
    }

    #[test]
    fn dates_may_be_quoted_and_have_one_digit() {
        let wanted = Date::check(1994, 2, 1);
        for text in ["1-Feb-1994", "01-feb-1994", "\"1-Feb-1994\""] {
            assert_eq!(with_cursor(text, date), wanted, "{text}");
        }
        assert_eq!(with_cursor("32-Jan-1994", date), None);
        assert_eq!(with_cursor("1-Foo-1994", date), None);
        assert_eq!(with_cursor("\"1-Feb-1994", date), None);
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-200_000..200_000).step_by(37) {
            assert_eq!(Date::from_days(days).days(), days);
        }
    }
}
