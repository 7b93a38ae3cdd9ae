//! What a copy says at its end: for people, or as JSON.

use std::io::{self, Write as _};

use client::copy::{Report, Skipped};
use indicatif::HumanBytes;
use serde::Serialize;

use crate::account::print_json;
use crate::exit::Code;
use crate::language::Language;
use crate::mail::{Output, tongue};

/// Failed messages that are printed of a mailbox: the others are in the JSON.
const MAX_PRINTED: usize = 20;

/// Which message it is: a uid, or where it lies.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Which {
    Uid(u32),
    Place(String),
}

impl Which {
    fn words(&self) -> String {
        match self {
            Which::Uid(uid) => format!("uid {uid}"),
            Which::Place(place) => place.escape_debug().to_string(),
        }
    }
}

/// A message that was not copied.
#[derive(Debug, Serialize)]
pub(super) struct Lost {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
    pub(super) size: u64,
    pub(super) subject: String,
    pub(super) why: String,
}

/// What has become of a mailbox.
#[derive(Debug, Default, Serialize)]
pub(super) struct Done {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) messages: u64,
    pub(super) copied: u64,
    pub(super) octets: u64,
    pub(super) known: u64,
    pub(super) failed: Vec<Lost>,
    pub(super) lost_flags: Vec<String>,
    pub(super) checked: u64,
    pub(super) altered: Vec<Which>,
    pub(super) missing: Vec<Which>,
    pub(super) trouble: Option<String>,
    /// Of what kind what went wrong is.
    #[serde(skip)]
    pub(super) faults: Vec<Code>,
}

impl Lost {
    pub(super) fn of_uid(uid: u32, why: String) -> Self {
        Lost {
            uid: Some(uid),
            place: None,
            size: 0,
            subject: String::new(),
            why,
        }
    }
}

impl Done {
    /// The mailbox is not gone on with.
    pub(super) fn fail(&mut self, fault: Code, why: String) {
        self.trouble = Some(why);
        self.faults.push(fault);
    }

    pub(super) fn lost(&mut self, fault: Code, lost: Lost) {
        self.failed.push(lost);
        self.faults.push(fault);
    }

    /// How the program ends: what is wrong with mail goes before what is with files, and that before what a server does not take now.
    pub(super) fn code(all: &[Done]) -> Code {
        let has = |code| all.iter().any(|done| done.faults.contains(&code));
        match all.iter().any(Done::is_damaged) || has(Code::Data) {
            true => Code::Data,
            false if has(Code::CannotCreate) => Code::CannotCreate,
            false => Code::Unavailable,
        }
    }

    pub(super) fn of(report: &Report, language: Language) -> Self {
        let uids = |uids: &[u32]| uids.iter().copied().map(Which::Uid).collect();
        let failed = report.failed.iter().map(|failed| Lost {
            uid: Some(failed.uid),
            place: None,
            size: failed.size,
            subject: failed.subject.clone(),
            why: failed.why.words(tongue(language)),
        });
        let trouble = report.trouble.as_ref();
        Done {
            from: report.from.clone(),
            to: report.to.clone(),
            messages: report.messages,
            copied: report.copied,
            octets: report.octets,
            known: report.known,
            failed: failed.collect(),
            lost_flags: report.lost_flags.iter().cloned().collect(),
            checked: report.checked,
            altered: uids(&report.altered),
            missing: uids(&report.missing),
            trouble: trouble.map(|trouble| trouble.words(tongue(language))),
            faults: Vec::new(),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.trouble.is_none() && self.failed.is_empty() && !self.is_damaged()
    }

    /// Whether what the target has is not what it was given.
    pub(super) fn is_damaged(&self) -> bool {
        !self.altered.is_empty() || !self.missing.is_empty()
    }
}

/// A mailbox that would be copied.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) is_there: bool,
}

#[derive(Serialize)]
struct Printed<'p> {
    mailboxes: &'p [Done],
    skipped: Vec<&'p str>,
}

pub(super) fn say_plan(
    planned: &[Planned],
    left: &[(String, Skipped)],
    output: Output,
    language: Language,
) -> io::Result<()> {
    if output == Output::Json {
        return print_json(&planned);
    }
    let mut out = io::stdout().lock();
    for Planned { from, to, is_there } in planned {
        let new = match is_there {
            true => "",
            false => language.pick(" (new)", "（新建）"),
        };
        writeln!(out, "{from} → {to}{new}")?;
    }
    say_skipped(&mut out, left, language)
}

fn say_skipped(out: &mut impl io::Write, left: &[(String, Skipped)], language: Language) -> io::Result<()> {
    for (name, why) in left {
        let why = match why {
            Skipped::Virtual => language.pick(
                "it shows messages of other mailboxes; --all-mail copies it too",
                "它显示其他邮箱的邮件；用 --all-mail 也复制它",
            ),
            Skipped::Foreign => language.pick(
                "it is of others; --mailbox copies it",
                "它是他人的；用 --mailbox 复制它",
            ),
            Skipped::NotWanted => continue,
        };
        let line = language.pick(
            format!("Left out: {name}: {why}"),
            format!("未复制：{name}：{why}"),
        );
        writeln!(out, "{line}")?;
    }
    Ok(())
}

pub(super) fn say(
    done: &[Done],
    left: &[(String, Skipped)],
    output: Output,
    language: Language,
) -> io::Result<()> {
    if output == Output::Json {
        return print_json(&Printed {
            mailboxes: done,
            skipped: left.iter().map(|(name, _)| name.as_str()).collect(),
        });
    }
    let mut out = io::stdout().lock();
    for done in done {
        let Done {
            from,
            to,
            copied,
            known,
            checked,
            ..
        } = done;
        let size = HumanBytes(done.octets);
        writeln!(
            out,
            "{}",
            language.pick(
                format!("{from} → {to}: copied {copied} ({size}), there before {known}, compared {checked}"),
                format!("{from} → {to}：复制 {copied} 封（{size}），已有 {known} 封，核对 {checked} 封"),
            )
        )?;
        say_troubles(&mut out, done, language)?;
    }
    say_skipped(&mut out, left, language)
}

fn say_troubles(out: &mut impl io::Write, done: &Done, language: Language) -> io::Result<()> {
    if !done.lost_flags.is_empty() {
        let flags = done.lost_flags.join(" ");
        let line = language.pick(
            format!("  Flags that the target does not keep: {flags}"),
            format!("  目标不保留的标记：{flags}"),
        );
        writeln!(out, "{line}")?;
    }
    for lost in done.failed.iter().take(MAX_PRINTED) {
        let which = match (&lost.place, lost.uid) {
            (Some(place), _) => place.escape_debug().to_string(),
            (None, uid) => format!("uid {}", uid.unwrap_or_default()),
        };
        let (size, why) = (HumanBytes(lost.size), &lost.why);
        let subject = match lost.subject.is_empty() {
            true => String::new(),
            false => format!(", {}", lost.subject.escape_debug()),
        };
        let line = language.pick(
            format!("  Not copied: {which} ({size}){subject}: {why}"),
            format!("  未复制：{which}（{size}）{subject}：{why}"),
        );
        writeln!(out, "{line}")?;
    }
    let more = done.failed.len().saturating_sub(MAX_PRINTED);
    if more > 0 {
        let line = language.pick(
            format!("  Not copied: {more} more, see --json"),
            format!("  未复制：另有 {more} 封，见 --json"),
        );
        writeln!(out, "{line}")?;
    }
    let all = |which: &[Which]| which.iter().map(Which::words).collect::<Vec<_>>().join(", ");
    if !done.altered.is_empty() {
        let which = all(&done.altered);
        let line = language.pick(
            format!("  Not the same at the target: {which}"),
            format!("  与目标不同：{which}"),
        );
        writeln!(out, "{line}")?;
    }
    if !done.missing.is_empty() {
        let which = all(&done.missing);
        let line = language.pick(
            format!("  Missing at the target: {which}"),
            format!("  目标中缺少：{which}"),
        );
        writeln!(out, "{line}")?;
    }
    match &done.trouble {
        Some(trouble) => writeln!(out, "  {trouble}"),
        None => Ok(()),
    }
}
