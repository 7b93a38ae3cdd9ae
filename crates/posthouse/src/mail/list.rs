//! `posthouse list`: the mailboxes of a server, or the messages of a file, a folder or a mailbox, a line each; and `posthouse search`, those that match.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use client::imap::Query;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanBytes;
use message::read::Heading;
use message::{Date, Message, PartId};
use serde::Serialize;
use types::SystemKeyword;

use super::on_imap::Mailbox;
use super::source::{Chosen, Item, Wanted, Which, each};
use super::{Output, exit, on_imap};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    chosen: Chosen,
    /// As JSON: an array of objects with number, octets, seen, flagged, answered, from, to, date, subject and message_id.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct SearchArguments {
    #[command(flatten)]
    chosen: Chosen,
    /// Has this in its header or text.
    #[arg(long)]
    text: Option<String>,
    /// Is from somebody with this in the name or address.
    #[arg(long)]
    from: Option<String>,
    /// Is to somebody, or a copy for somebody, with this in the name or address.
    #[arg(long)]
    to: Option<String>,
    /// Has this in its subject.
    #[arg(long)]
    subject: Option<String>,
    /// Is of this day or later: 2026-11-25.
    #[arg(long, value_name = "DAY")]
    since: Option<jiff::civil::Date>,
    /// Is of a day before this one.
    #[arg(long, value_name = "DAY")]
    before: Option<jiff::civil::Date>,
    /// As JSON: an array of objects, as of `posthouse list`.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    number: u32,
    octets: u64,
    seen: bool,
    flagged: bool,
    answered: bool,
    from: String,
    to: String,
    date: Option<String>,
    subject: String,
    message_id: Option<String>,
}

pub(crate) async fn list(arguments: ListArguments, language: Language) -> Result<(), Exit> {
    let mut lines = Vec::new();
    let chosen = &arguments.chosen;
    if chosen.mailbox.is_none()
        && let Some(client) = chosen.imap(language).await?
    {
        let mailboxes = on_imap::mailboxes(client)
            .await
            .map_err(|error| exit(&error, language))?;
        return print_mailboxes(&mailboxes, arguments.json.into(), language);
    }
    each(
        chosen,
        chosen.number.map_or(Which::All, Which::Number),
        Wanted::Header,
        &mut |item: Item| {
            lines.push(Line::of(&item, &Message::parse(&item.octets)));
            ControlFlow::Continue(())
        },
        language,
    )
    .await?;
    print(&lines, arguments.json.into(), language)
}

pub(crate) async fn search(arguments: SearchArguments, language: Language) -> Result<(), Exit> {
    let mut lines = Vec::new();
    let wanted = match arguments.text {
        Some(_) => Wanted::Whole,
        None => Wanted::Header,
    };
    let chosen = &arguments.chosen;
    if let Some(client) = chosen.imap(language).await? {
        let mailbox = chosen.mailbox.as_deref().unwrap_or("INBOX");
        let asked = (Which::All, arguments.query());
        let mut told = |item: Item| {
            lines.push(Line::of(&item, &Message::parse(&item.octets)));
            ControlFlow::Continue(())
        };
        let found = on_imap::messages(client, mailbox, asked, Wanted::Header, &mut told);
        found.await.map_err(|error| exit(&error, language))?;
        return print(&lines, arguments.json.into(), language);
    }
    each(
        chosen,
        chosen.number.map_or(Which::All, Which::Number),
        wanted,
        &mut |item: Item| {
            let message = Message::parse(&item.octets);
            if arguments.matches(&message) {
                lines.push(Line::of(&item, &message));
            }
            ControlFlow::Continue(())
        },
        language,
    )
    .await?;
    print(&lines, arguments.json.into(), language)
}

impl SearchArguments {
    /// The same for a server, which searches itself (RFC 9051 §6.4.4).
    fn query(&self) -> Query {
        let mut query = Query::new();
        if let Some(text) = &self.text {
            query = query.text(text);
        }
        if let Some(text) = &self.from {
            query = query.from(text);
        }
        if let Some(text) = &self.to {
            query = query.or(Query::new().to(text), Query::new().header("Cc", text));
        }
        if let Some(text) = &self.subject {
            query = query.subject(text);
        }
        let day = |day: jiff::civil::Date| {
            let part = |number: i8| u32::try_from(number).unwrap_or_default();
            client::imap::Date::check(
                u32::try_from(day.year()).unwrap_or_default(),
                part(day.month()),
                part(day.day()),
            )
        };
        if let Some(since) = self.since.and_then(day) {
            query = query.sent_since(since);
        }
        match self.before.and_then(day) {
            Some(before) => query.sent_before(before),
            None => query,
        }
    }

    /// In every script, letters of either case the same; a day is that of the sender's clock (RFC 3501 §6.4.4, SENTSINCE).
    fn matches(&self, message: &Message<'_>) -> bool {
        let heading = Heading::of(message, PartId::ROOT);
        let has = |wanted: &Option<String>, texts: &[&str]| {
            wanted.as_ref().is_none_or(|wanted| {
                let wanted = wanted.to_lowercase();
                texts.iter().any(|text| text.to_lowercase().contains(&wanted))
            })
        };
        let on_day = |wanted: Option<jiff::civil::Date>, holds: fn(i64, i64) -> bool| {
            wanted.is_none_or(|day| message.date().is_some_and(|date| holds(date.days(), days(day))))
        };
        has(&self.from, &[&heading.from])
            && has(&self.to, &[&heading.to, &heading.cc])
            && has(&self.subject, &[&heading.subject])
            && on_day(self.since, |date, day| date >= day)
            && on_day(self.before, |date, day| date < day)
            && self.text.as_ref().is_none_or(|_| {
                let header = message.header_text();
                has(&self.text, &[&header]) || message.body_texts().any(|text| has(&self.text, &[&text]))
            })
    }
}

fn days(day: jiff::civil::Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    i64::from(epoch.until(day).map_or(0, |span| span.get_days()))
}

impl Line {
    fn of(item: &Item, message: &Message<'_>) -> Self {
        let heading = Heading::of(message, PartId::ROOT);
        Line {
            number: item.number,
            octets: item.size,
            seen: item.marks.has(SystemKeyword::Seen),
            flagged: item.marks.has(SystemKeyword::Flagged),
            answered: item.marks.has(SystemKeyword::Answered),
            from: heading.from,
            to: heading.to,
            date: message.date().and_then(printed),
            subject: heading.subject,
            message_id: message.message_id(),
        }
    }
}

/// A moment as RFC 3339 writes it, in UTC.
fn printed(date: Date) -> Option<String> {
    let at = jiff::Timestamp::from_second(date.timestamp()).ok()?;
    Some(at.to_string())
}

#[derive(Serialize)]
struct MailboxLine<'m> {
    name: &'m str,
    role: Option<&'m str>,
    messages: Option<u64>,
    unseen: Option<u64>,
}

fn print_mailboxes(mailboxes: &[Mailbox], output: Output, language: Language) -> Result<(), Exit> {
    let failed = |error: io::Error| Exit::new(Code::Io, error.to_string());
    if output == Output::Json {
        let lines: Vec<MailboxLine<'_>> = mailboxes
            .iter()
            .map(|mailbox| MailboxLine {
                name: &mailbox.name,
                role: mailbox.role.as_deref(),
                messages: mailbox.messages,
                unseen: mailbox.unseen,
            })
            .collect();
        return print_json(&lines).map_err(failed);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(language.pick(
        ["Mailbox", "For", "Messages", "Not seen"],
        ["邮箱", "用途", "邮件", "未读"],
    ));
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    for mailbox in mailboxes {
        let role = mailbox
            .role
            .as_deref()
            .unwrap_or_default()
            .trim_start_matches('\\');
        table.add_row([
            mailbox.name.clone(),
            role.to_owned(),
            number(mailbox.messages),
            number(mailbox.unseen),
        ]);
    }
    writeln!(io::stdout().lock(), "{table}").map_err(failed)
}

fn print(lines: &[Line], output: Output, language: Language) -> Result<(), Exit> {
    let failed = |error: io::Error| Exit::new(Code::Io, error.to_string());
    if output == Output::Json {
        return print_json(&lines).map_err(failed);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(language.pick(
        ["", "", "Date", "From", "Subject", "Size"],
        ["", "", "日期", "发件人", "主题", "大小"],
    ));
    for line in lines {
        let mark = match (line.flagged, line.answered, line.seen) {
            (true, _, _) => "!",
            (false, true, _) => "r",
            (false, false, true) => " ",
            (false, false, false) => "N",
        };
        let date = line.date.as_deref().unwrap_or_default();
        let day = date.get(..16).unwrap_or_default().replace('T', " ");
        let size = HumanBytes(line.octets).to_string();
        table.add_row([
            line.number.to_string(),
            mark.to_owned(),
            day,
            short(&line.from, 28),
            short(&line.subject, 48),
            size,
        ]);
    }
    let mut out = io::stdout().lock();
    match writeln!(out, "{table}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(failed),
    }
}

fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
