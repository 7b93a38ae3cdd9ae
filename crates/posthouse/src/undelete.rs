//! `posthouse undelete`: brings deleted messages back, or lists those that can be.

use std::io::{self, Write as _};
use std::path::PathBuf;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::account::print_json;
use crate::admin::{Admin, unexpected};
use crate::control::{Deleted, Reply, Request, Since, Undeleted};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account's address.
    address: String,
    /// Only what was deleted since: 2h, 3d, 2026-11-24, or a time such as 2026-11-24T08:00 (UTC). All that is kept unless given.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<i64>,
    /// Lists what would be brought back, and brings nothing back.
    #[arg(long)]
    list: bool,
    /// As JSON: one object with messages and left; with --list an array of objects with mailbox, uid, octets, received, deleted, from
    /// and subject.
    #[arg(long)]
    json: bool,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let asked = Since {
        address: arguments.address.clone(),
        since: arguments.since.unwrap_or(0),
    };
    let mut admin = Admin::of(&arguments.data, language).await?;
    let reply = admin
        .ask(match arguments.list {
            true => Request::ListDeleted(asked),
            false => Request::Undelete(asked),
        })
        .await;
    admin.end().await?;
    let left = match &reply {
        Ok(Reply::Undeleted(undeleted)) => undeleted.left,
        _ => 0,
    };
    let printed = match reply? {
        Reply::Deleted(listed) if arguments.json => print_json(&listed),
        Reply::Deleted(listed) => print_list(&listed, language),
        Reply::Undeleted(undeleted) if arguments.json => print_json(&undeleted),
        Reply::Undeleted(undeleted) => print_outcome(&arguments.address, undeleted, language),
        _ => return Err(unexpected()),
    };
    match printed {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed.map_err(|error| Exit::new(Code::Io, error.to_string()))?,
    }
    match left {
        0 => Ok(()),
        left => Err(Exit::new(
            Code::CannotCreate,
            language.pick(
                match left {
                    1 => "1 message has no room: the account is at its quota; it can still be brought back".to_owned(),
                    left => format!(
                        "{left} messages have no room: the account is at its quota; they can still be brought back"
                    ),
                },
                format!("{left} 封邮件放不下：账户已达配额；它们仍可恢复"),
            ),
        )),
    }
}

/// A time ago, a date, or a moment; in seconds since 1970.
fn parse_since(text: &str) -> Result<i64, String> {
    let now = server::system_clock()().0;
    if let Some(ago) = parse_ago(text) {
        return Ok(now.saturating_sub(ago));
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_second());
    }
    let moment = text.parse::<DateTime>().ok();
    moment
        .and_then(|moment| TimeZone::UTC.to_timestamp(moment).ok())
        .map(|moment| moment.as_second())
        .ok_or_else(|| "a time is such as 2h, 3d, 2026-11-24 or 2026-11-24T08:00".to_owned())
}

/// Seconds of a time such as `3d`.
fn parse_ago(text: &str) -> Option<i64> {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let (number, seconds) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    let number: u32 = number.parse().ok()?;
    i64::from(number).checked_mul(*seconds)
}

fn print_list(listed: &[Deleted], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for one in listed {
        let time = |seconds| {
            jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
        };
        let deleted = time(one.deleted);
        let words = language.pick(format!("deleted {deleted}"), format!("删除于 {deleted}"));
        let (from, subject) = (shown(&one.from), shown(&one.subject));
        writeln!(
            out,
            "{}\t{words}\t{}\t{from}\t{subject}",
            shown(&one.mailbox),
            one.octets
        )?;
    }
    let count = listed.len();
    let words = language.pick(
        format!("{} can be brought back", words::messages(count)),
        format!("可以恢复 {count} 封邮件"),
    );
    writeln!(out, "{words}")
}

/// Strangers have written it: nothing in it moves the cursor.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

fn print_outcome(address: &str, undeleted: Undeleted, language: Language) -> io::Result<()> {
    let Undeleted { messages, .. } = undeleted;
    let words = language.pick(
        match messages {
            1 => format!("{address}: 1 message is back, in the mailbox it was in"),
            messages => format!("{address}: {messages} messages are back, each in the mailbox it was in"),
        },
        format!("{address}：已恢复 {messages} 封邮件，各回原来的邮箱"),
    );
    writeln!(io::stdout().lock(), "{words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_age_a_date_or_a_moment() {
        let now = server::system_clock()().0;
        for (text, seconds) in [("0s", 0), ("90m", 5400), ("2h", 7200), ("7d", 604_800)] {
            let found = parse_since(text).unwrap();
            assert!((now - seconds - 5..=now - seconds + 5).contains(&found), "{text}");
        }
        assert_eq!(parse_since("1970-01-02T00:00:00Z"), Ok(86_400));
        let date = parse_since("2026-11-24").unwrap();
        assert_eq!(date, 1_795_478_400);
        for text in ["", "d", "-1d", "yesterday", "3 d", "99999999999d"] {
            assert!(parse_since(text).is_err(), "{text:?}");
        }
    }
}
