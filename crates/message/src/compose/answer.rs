//! Replies and forwards (RFC 5322 §3.6.3, §3.6.4) of a message that was read, with its text quoted.

use types::Address;

use super::mail::{Mail, Stamp};
use super::mailbox::Mailbox;
use super::part::Attachment;
use super::word::{MediaType, Reference};
use crate::address::parse_addresses;
use crate::{Header, Kind, Message, PartId};

/// How many messages of a thread are named: the first, and the last ones. Programs need no more to find the thread.
const MAX_REFERENCES: usize = 40;

/// Who a reply is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Who wrote it, or whom they name in `Reply-To`.
    Sender,
    /// Everybody who got it, but oneself.
    All,
}

/// The language of the lines that are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `On DATE, NAME wrote:`
    #[default]
    English,
    /// `NAME 于 DATE 写道：`
    Chinese,
}

/// Who answers, and when.
///
/// ```
/// use posthouse_message::compose::{Allowed, Answer, Language, Mailbox, MessageId, Stamp, Whom};
/// use posthouse_message::{Date, Message};
///
/// let read = Message::parse(b"From: Li <li@example.com>\r\nSubject: Lunch?\r\nMessage-ID: <1@example.com>\r\n\r\nAt noon?\r\n");
/// let answer = Answer {
///     from: Mailbox::parse("zhang@example.org").unwrap(),
///     own: Vec::new(),
///     stamp: Stamp {
///         date: Date::of(1_764_035_829, 480),
///         id: MessageId::check("2@example.org").unwrap(),
///     },
///     language: Language::English,
/// };
/// let mail = answer.reply(&read, Whom::Sender, "Yes.\n");
/// let written = mail.compose(Allowed::default()).unwrap().to_vec().unwrap();
/// let written = Message::parse(&written);
/// assert_eq!(written.subject(), "Re: Lunch?");
/// assert_eq!(written.references(), ["1@example.com"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The author of the answer.
    pub from: Mailbox,
    /// Other addresses of the author, who gets no copy under any of them.
    pub own: Vec<Address>,
    /// When, and under which id.
    pub stamp: Stamp,
    /// The language of what is added.
    pub language: Language,
}

impl Answer {
    /// A reply: this text above, and what is replied to quoted below it.
    #[must_use]
    pub fn reply(self, message: &Message<'_>, whom: Whom, text: &str) -> Mail<'static> {
        let header = message.header(PartId::ROOT);
        let (to, cc) = self.recipients(header, whom);
        let quoted = quoted(&body_text(message), &self.attribution(message));
        let mut mail = Mail::new(self.from, self.stamp)
            .subject(&format!("Re: {}", without_prefixes(&message.subject(), REPLIES)))
            .text(joined(text, &quoted));
        mail.to = to;
        mail.cc = cc;
        (mail.in_reply_to, mail.references) = thread(message);
        mail
    }

    /// A forward: this text above, the message as text below it, and its files attached again.
    #[must_use]
    pub fn forward(self, message: &Message<'_>, text: &str) -> Mail<'static> {
        let body = format!("{}\n{}", self.heading(message), body_text(message));
        let mut mail = Mail::new(self.from, self.stamp)
            .subject(&forward_subject(message))
            .text(joined(text, &body));
        mail.references = thread(message).1;
        for id in files(message) {
            let name = message.file_name(id).unwrap_or_default();
            let octets = match message.part(id).kind {
                Kind::Message => message.body(id).to_vec(),
                _ => message.decoded_body(id).into_owned(),
            };
            let file = match message.part(id).kind {
                Kind::Message => Attachment::message(&name, octets),
                _ => Attachment::new(&name, octets).media_type(media_type(message, id)),
            };
            mail = mail.attach(file);
        }
        mail
    }

    /// A forward of the message as it is, with all that is in it (RFC 2046 §5.2.1).
    #[must_use]
    pub fn forward_whole<'m>(self, message: &Message<'m>, text: &str) -> Mail<'m> {
        let subject = message.subject();
        let name = match subject.trim() {
            "" => "message.eml".to_owned(),
            subject => format!("{}.eml", subject.replace(['/', '\\'], "_")),
        };
        let mut mail = Mail::new(self.from, self.stamp)
            .subject(&forward_subject(message))
            .text(text.to_owned())
            .attach(Attachment::message(&name, message.bytes()));
        mail.references = thread(message).1;
        mail
    }

    /// To and Cc of a reply. RFC 5322 §3.6.3: where there is `Reply-To`, replies SHOULD go there.
    fn recipients(&self, header: Header<'_>, whom: Whom) -> (Vec<Mailbox>, Vec<Mailbox>) {
        let from = mailboxes(header, "From");
        let is_own = from.iter().any(|mailbox| self.is_own(mailbox));
        let reply_to = mailboxes(header, "Reply-To");
        let author = match reply_to.is_empty() {
            // Who replies to what they wrote themselves goes on talking to the same people.
            true if is_own => mailboxes(header, "To"),
            true => from,
            false => reply_to,
        };
        let mut seen: Vec<Address> = Vec::new();
        if whom == Whom::Sender {
            return (self.others(author, &mut seen), Vec::new());
        }
        // Where those who were written to want the talk to go on. Nothing standard: Thunderbird, mutt and lists know it.
        let followup = mailboxes(header, "Mail-Followup-To");
        if !followup.is_empty() {
            return (self.others(followup, &mut seen), Vec::new());
        }
        let mut to = self.others(author, &mut seen);
        let mut others = mailboxes(header, "To");
        others.extend(mailboxes(header, "Cc"));
        let mut cc = self.others(others, &mut seen);
        if to.is_empty() {
            std::mem::swap(&mut to, &mut cc);
        }
        (to, cc)
    }

    fn is_own(&self, mailbox: &Mailbox) -> bool {
        let mut own = self.own.iter().chain([self.from.address()]);
        own.any(|address| is_same(address, mailbox.address()))
    }

    /// Those of them who are not oneself and were not there yet.
    fn others(&self, mailboxes: Vec<Mailbox>, seen: &mut Vec<Address>) -> Vec<Mailbox> {
        let mut kept = Vec::new();
        for mailbox in mailboxes {
            let known = seen.iter().any(|address| is_same(address, mailbox.address()));
            if !known && !self.is_own(&mailbox) {
                seen.push(mailbox.address().clone());
                kept.push(mailbox);
            }
        }
        kept
    }

    /// The line above what is quoted.
    fn attribution(&self, message: &Message<'_>) -> String {
        let name = author(message);
        match (self.language, message.date()) {
            (Language::English, Some(date)) => format!("On {date}, {name} wrote:"),
            (Language::English, None) => format!("{name} wrote:"),
            (Language::Chinese, Some(date)) => format!(
                "{name} 于 {}年{}月{}日 {:02}:{:02} 写道：",
                date.year, date.month, date.day, date.hour, date.minute
            ),
            (Language::Chinese, None) => format!("{name} 写道："),
        }
    }

    /// The lines above what is forwarded.
    fn heading(&self, message: &Message<'_>) -> String {
        let header = message.header(PartId::ROOT);
        let (title, names) = match self.language {
            Language::English => ("Forwarded message", ["From", "Date", "Subject", "To", "Cc"]),
            Language::Chinese => ("转发的邮件", ["发件人", "日期", "主题", "收件人", "抄送"]),
        };
        let colon = match self.language {
            Language::English => ": ",
            Language::Chinese => "：",
        };
        let mut heading = format!("---------- {title} ----------\n");
        for (field, name) in ["From", "Date", "Subject", "To", "Cc"].into_iter().zip(names) {
            let text = header.first(field).map(|field| field.text()).unwrap_or_default();
            if !text.is_empty() {
                heading.push_str(&format!("{name}{colon}{text}\n"));
            }
        }
        heading
    }
}

/// Whether two addresses are one for the purpose of not writing to it twice: nobody tells local parts apart by their case.
fn is_same(one: &Address, other: &Address) -> bool {
    one.domain == other.domain && one.local.as_str().to_lowercase() == other.local.as_str().to_lowercase()
}

/// The addresses of a field that mail can be sent to.
fn mailboxes(header: Header<'_>, name: &str) -> Vec<Mailbox> {
    let items = header.all(name).flat_map(|field| parse_addresses(field.value));
    items.filter_map(|item| Mailbox::of(&item).ok()).collect()
}

/// The name of who wrote it.
fn author(message: &Message<'_>) -> String {
    let header = message.header(PartId::ROOT);
    let from = mailboxes(header, "From");
    match from.first() {
        Some(mailbox) => mailbox.shown(),
        None => header.first("From").map(|field| field.text()).unwrap_or_default(),
    }
}

/// `In-Reply-To` and `References` of a reply (RFC 5322 §3.6.4).
fn thread(message: &Message<'_>) -> (Vec<Reference>, Vec<Reference>) {
    let header = message.header(PartId::ROOT);
    let ids = |name: &str| {
        let ids = header
            .first(name)
            .map(|field| crate::parse_message_ids(field.value));
        ids.unwrap_or_default()
    };
    let mut parents = ids("References");
    if parents.is_empty() {
        // Only where it names one message is it the parent.
        parents = Some(ids("In-Reply-To"))
            .filter(|ids| ids.len() == 1)
            .unwrap_or_default();
    }
    let id = message.message_id();
    parents.retain(|parent| Some(parent) != id.as_ref());
    parents.extend(id.clone());
    let mut references: Vec<Reference> = parents
        .iter()
        .filter_map(|id| Reference::check(id).ok())
        .collect();
    if let Some(surplus) = references.len().checked_sub(MAX_REFERENCES) {
        references.drain(1..=surplus);
    }
    let parent = id.and_then(|id| Reference::check(&id).ok());
    (parent.into_iter().collect(), references)
}

/// What programs put before the subject of a reply.
const REPLIES: &[&str] = &["re", "回复", "回覆", "答复", "答覆", "aw", "antw", "sv", "ref"];
/// What programs put before the subject of a forward.
const FORWARDS: &[&str] = &["fwd", "fw", "转发", "轉寄", "轉發", "wg"];

fn forward_subject(message: &Message<'_>) -> String {
    format!("Fwd: {}", without_prefixes(&message.subject(), FORWARDS))
}

/// The subject without such words before a colon, however often they are there: `Re: RE[2]: 回复：`.
fn without_prefixes(subject: &str, words: &[&str]) -> String {
    let mut rest = subject.trim();
    while let Some((head, tail)) = rest.split_once([':', '：']) {
        let head = head.trim().to_lowercase();
        let word = head.split(['[', '(']).next().unwrap_or_default().trim_end();
        if !words.contains(&word) {
            break;
        }
        rest = tail.trim_start();
    }
    rest.to_owned()
}

/// The text that a person reads first: the first text that is no attachment, or else the first page.
fn body_text(message: &Message<'_>) -> String {
    let Some(id) = body_part(message) else {
        return String::new();
    };
    message.plain_text(id).replace("\r\n", "\n")
}

fn body_part(message: &Message<'_>) -> Option<PartId> {
    let texts: Vec<PartId> = leaves(message)
        .into_iter()
        .filter(|id| {
            let attached = message
                .disposition(*id)
                .is_some_and(|disposition| disposition.is_attachment());
            message.part(*id).kind == Kind::Text && !attached
        })
        .collect();
    let of_kind = |subtype: &str| {
        texts
            .iter()
            .find(|id| message.content_type(**id).is_exactly("text", subtype))
            .copied()
    };
    of_kind("plain").or_else(|| of_kind("html"))
}

/// The parts of the message itself that hold no others; a message within is one.
fn leaves(message: &Message<'_>) -> Vec<PartId> {
    let structure = message.structure();
    let ids = structure.ids();
    ids.filter(|id| {
        let mut ancestors =
            std::iter::successors(structure.part(*id).parent, |id| structure.part(*id).parent);
        let is_within = ancestors.any(|id| structure.part(id).kind == Kind::Message);
        structure.part(*id).kind != Kind::Multipart && !is_within
    })
    .collect()
}

/// What is forwarded beside the text: what has a name, and what is no text.
fn files(message: &Message<'_>) -> Vec<PartId> {
    let body = body_part(message);
    let is_file = |id: &PartId| message.part(*id).kind != Kind::Text || message.file_name(*id).is_some();
    leaves(message)
        .into_iter()
        .filter(|id| Some(*id) != body && is_file(id))
        .collect()
}

fn media_type(message: &Message<'_>, id: PartId) -> MediaType {
    let content_type = message.content_type(id);
    let text = [
        content_type.media_type.as_ref(),
        b"/",
        content_type.subtype.as_ref(),
    ]
    .concat();
    MediaType::check(&String::from_utf8_lossy(&text)).unwrap_or(MediaType::OCTETS)
}

fn joined(text: &str, below: &str) -> String {
    match text.trim_end() {
        "" => below.to_owned(),
        text => format!("{text}\n\n{below}"),
    }
}

/// A text with a mark before every line, its signature left out, below the line that says whose it is.
fn quoted(text: &str, attribution: &str) -> String {
    let mut out = format!("{attribution}\n");
    let body = text.lines().take_while(|line| *line != "-- ");
    let lines: Vec<&str> = body.map(str::trim_end).collect();
    let last = lines.iter().rposition(|line| !line.is_empty());
    for line in lines.iter().take(last.map_or(0, |last| last + 1)) {
        // RFC 3676 §4.5: marks stand together, a blank only before text.
        let gap = if line.is_empty() || line.starts_with('>') {
            ""
        } else {
            " "
        };
        out.push_str(&format!(">{gap}{line}\n"));
    }
    out
}

#[cfg(test)]
mod tests;
