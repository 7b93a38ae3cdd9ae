//! `posthouse copy`: an account into another over IMAP.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use client::copy::{
    Failed, Folder, Listener, Options, Plan, Report, Skipped, Told, Verify, plan, run as copy,
};
use client::{Protocol, Secret, Server, Trust};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::connection::{ask, output_of};
use super::{Output, exit, tongue};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// Failed messages that are printed of a mailbox: the others are in the JSON.
const MAX_PRINTED: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account that is copied: imaps://NAME@HOST.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The account that it is copied into: imaps://NAME@HOST.
    #[arg(long, value_name = "URL")]
    to: String,
    /// A command that prints the password of the account that is copied.
    #[arg(long, value_name = "COMMAND")]
    from_password_command: Option<String>,
    /// The environment variable that holds it; POSTHOUSE_FROM_PASSWORD unless given.
    #[arg(long, value_name = "NAME")]
    from_password_env: Option<String>,
    /// A file with the certificates to trust of its server, in PEM.
    #[arg(long, value_name = "FILE")]
    from_ca: Option<PathBuf>,
    /// A command that prints the password of the account that it is copied into.
    #[arg(long, value_name = "COMMAND")]
    to_password_command: Option<String>,
    /// The environment variable that holds that one; POSTHOUSE_TO_PASSWORD unless given.
    #[arg(long, value_name = "NAME")]
    to_password_env: Option<String>,
    /// A file with the certificates to trust of that server, in PEM.
    #[arg(long, value_name = "FILE")]
    to_ca: Option<PathBuf>,
    /// Only this mailbox; may be given several times.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    /// Below this mailbox of the target, with slashes between levels.
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    /// How many mailboxes at a time, each with a connection to either server.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    connections: u8,
    /// Reads every message back from the target and compares it, in place of some of each mailbox.
    #[arg(long)]
    verify: bool,
    /// Also mailboxes that show messages of others, such as All Mail of Gmail.
    #[arg(long)]
    all_mail: bool,
    /// Says which mailbox would become which, and copies nothing.
    #[arg(long)]
    dry_run: bool,
    /// As JSON: one object with mailboxes, each with what was copied, known, failed, checked, altered and missing, and skipped.
    #[arg(long)]
    json: bool,
}

/// One of the two accounts on the command line.
struct Side<'a> {
    name: &'static str,
    url: &'a str,
    command: Option<&'a str>,
    variable: Option<&'a str>,
    ca: Option<&'a PathBuf>,
}

impl Side<'_> {
    fn server(&self, language: Language) -> Result<Server, Exit> {
        let wrong = |words: String| Exit::new(Code::Usage, format!("--{}: {words}", self.name));
        let mut server = Server::parse(self.url).map_err(|error| wrong(error.to_string()))?;
        if server.protocol() != Protocol::Imap {
            let words = language.pick("imap:// or imaps:// is needed", "需要 imap:// 或 imaps://");
            return Err(wrong(words.to_owned()));
        }
        if let Some(file) = self.ca {
            server = server.trust(Trust::File(file.clone()));
        }
        let Some(login) = server.who().cloned() else {
            return Ok(server);
        };
        let password = match (self.command, self.told(language)?) {
            (Some(command), _) => output_of(command, language)?,
            (None, Some(password)) => password,
            (None, None) if login.has_password() => return Ok(server),
            (None, None) => ask(login.name(), server.host(), language)?,
        };
        Ok(server.login(login.with_password(password)))
    }

    /// The password that is in the environment.
    fn told(&self, language: Language) -> Result<Option<Secret>, Exit> {
        let usual = format!("POSTHOUSE_{}_PASSWORD", self.name.to_uppercase());
        let name = self.variable.unwrap_or(&usual);
        match (std::env::var(name), self.variable) {
            (Ok(password), _) => Ok(Some(Secret::from(password.as_str()))),
            (Err(_), None) => Ok(None),
            (Err(_), Some(_)) => Err(Exit::new(
                Code::Usage,
                language.pick(format!("{name} is not set"), format!("没有设置 {name}")),
            )),
        }
    }
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let failed = |error: client::Error| exit(&error, language);
    let (from, to) = arguments.servers(language)?;
    let options = Options {
        mailboxes: arguments.mailbox.clone(),
        into: arguments.into.clone(),
        connections: arguments.connections.into(),
        verify: if arguments.verify {
            Verify::All
        } else {
            Verify::Sample
        },
        virtual_ones: arguments.all_mail,
    };
    let plan = plan(&from, &to, &options).await.map_err(failed)?;
    let unwritten = |error: io::Error| Exit::new(Code::Io, error.to_string());
    if arguments.dry_run {
        return say_plan(&plan, arguments.json.into(), language).map_err(unwritten);
    }
    let bar = progress();
    let reports = copy(&from, &to, &plan, &options, listener(&bar)).await;
    bar.finish_and_clear();
    let reports = reports.map_err(failed)?;
    say(&reports, &plan, arguments.json.into(), language).map_err(unwritten)?;
    match reports.iter().filter(|report| !report.is_whole()).count() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Unavailable,
            language.pick(
                format!("not everything was copied: mailboxes with something missing: {count}"),
                format!("没有全部复制：{count} 个邮箱有缺漏"),
            ),
        )),
    }
}

impl Arguments {
    fn servers(&self, language: Language) -> Result<(Server, Server), Exit> {
        let from = Side {
            name: "from",
            url: &self.from,
            command: self.from_password_command.as_deref(),
            variable: self.from_password_env.as_deref(),
            ca: self.from_ca.as_ref(),
        };
        let to = Side {
            name: "to",
            url: &self.to,
            command: self.to_password_command.as_deref(),
            variable: self.to_password_env.as_deref(),
            ca: self.to_ca.as_ref(),
        };
        Ok((from.server(language)?, to.server(language)?))
    }
}

fn listener(bar: &ProgressBar) -> Listener {
    let bar = bar.clone();
    Arc::new(move |told: Told<'_>| match told {
        Told::ToCopy(mailbox, count) => {
            bar.inc_length(count);
            bar.set_message(mailbox.to_owned());
        }
        Told::Copied(_) => bar.inc(1),
    })
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {per_sec} {msg} {eta}");
    ProgressBar::new(0).with_style(style.expect("the template is fixed"))
}

#[derive(Serialize)]
struct Printed<'p> {
    mailboxes: Vec<PrintedMailbox<'p>>,
    skipped: Vec<&'p str>,
}

#[derive(Serialize)]
struct PrintedMailbox<'p> {
    from: &'p str,
    to: &'p str,
    messages: u64,
    copied: u64,
    octets: u64,
    known: u64,
    failed: Vec<PrintedFailed>,
    lost_flags: Vec<&'p str>,
    checked: u64,
    altered: &'p [u32],
    missing: &'p [u32],
    trouble: Option<String>,
}

#[derive(Serialize)]
struct PrintedFailed {
    uid: u32,
    size: u64,
    why: String,
}

#[derive(Serialize)]
struct Planned<'p> {
    from: &'p str,
    to: &'p str,
    is_there: bool,
}

fn say_plan(plan: &Plan, output: Output, language: Language) -> io::Result<()> {
    let folders: Vec<&Folder> = plan.folders.iter().flatten().collect();
    if output == Output::Json {
        let planned = folders.iter().map(|folder| Planned {
            from: &folder.from,
            to: &folder.to,
            is_there: folder.is_there,
        });
        return print_json(&planned.collect::<Vec<_>>());
    }
    let mut out = io::stdout().lock();
    for folder in folders {
        let new = match folder.is_there {
            true => "",
            false => language.pick(" (new)", "（新建）"),
        };
        writeln!(out, "{} → {}{new}", folder.from, folder.to)?;
    }
    say_skipped(&mut out, plan, language)
}

fn say_skipped(out: &mut impl io::Write, plan: &Plan, language: Language) -> io::Result<()> {
    for (name, why) in &plan.skipped {
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

fn say(reports: &[Report], plan: &Plan, output: Output, language: Language) -> io::Result<()> {
    if output == Output::Json {
        return print_json(&Printed {
            mailboxes: reports.iter().map(|report| printed(report, language)).collect(),
            skipped: plan.skipped.iter().map(|(name, _)| name.as_str()).collect(),
        });
    }
    let mut out = io::stdout().lock();
    for report in reports {
        let (from, to, copied, known) = (&report.from, &report.to, report.copied, report.known);
        let (size, checked) = (HumanBytes(report.octets), report.checked);
        writeln!(
            out,
            "{}",
            language.pick(
                format!("{from} → {to}: copied {copied} ({size}), there before {known}, compared {checked}"),
                format!("{from} → {to}：复制 {copied} 封（{size}），已有 {known} 封，核对 {checked} 封"),
            )
        )?;
        say_troubles(&mut out, report, language)?;
    }
    say_skipped(&mut out, plan, language)
}

fn say_troubles(out: &mut impl io::Write, report: &Report, language: Language) -> io::Result<()> {
    if !report.lost_flags.is_empty() {
        let flags: Vec<&str> = report.lost_flags.iter().map(String::as_str).collect();
        let flags = flags.join(" ");
        let line = language.pick(
            format!("  Flags that the target does not keep: {flags}"),
            format!("  目标不保留的标记：{flags}"),
        );
        writeln!(out, "{line}")?;
    }
    for Failed { uid, size, why } in report.failed.iter().take(MAX_PRINTED) {
        let (size, why) = (HumanBytes(*size), why.words(tongue(language)));
        let line = language.pick(
            format!("  Not copied: uid {uid} ({size}): {why}"),
            format!("  未复制：uid {uid}（{size}）：{why}"),
        );
        writeln!(out, "{line}")?;
    }
    if let Some(more) = report
        .failed
        .len()
        .checked_sub(MAX_PRINTED)
        .filter(|more| *more > 0)
    {
        let line = language.pick(
            format!("  Not copied: {more} more, see --json"),
            format!("  未复制：另有 {more} 封，见 --json"),
        );
        writeln!(out, "{line}")?;
    }
    let uids = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    if !report.altered.is_empty() {
        let uids = uids(&report.altered);
        let line = language.pick(
            format!("  Not the same at the target: uid {uids}"),
            format!("  与目标不同：uid {uids}"),
        );
        writeln!(out, "{line}")?;
    }
    if !report.missing.is_empty() {
        let uids = uids(&report.missing);
        let line = language.pick(
            format!("  Missing at the target: uid {uids}"),
            format!("  目标中缺少：uid {uids}"),
        );
        writeln!(out, "{line}")?;
    }
    match &report.trouble {
        Some(trouble) => writeln!(out, "  {}", trouble.words(tongue(language))),
        None => Ok(()),
    }
}

fn printed(report: &Report, language: Language) -> PrintedMailbox<'_> {
    let failed = |failed: &Failed| PrintedFailed {
        uid: failed.uid,
        size: failed.size,
        why: failed.why.words(tongue(language)),
    };
    PrintedMailbox {
        from: &report.from,
        to: &report.to,
        messages: report.messages,
        copied: report.copied,
        octets: report.octets,
        known: report.known,
        failed: report.failed.iter().map(failed).collect(),
        lost_flags: report.lost_flags.iter().map(String::as_str).collect(),
        checked: report.checked,
        altered: &report.altered,
        missing: &report.missing,
        trouble: report
            .trouble
            .as_ref()
            .map(|trouble| trouble.words(tongue(language))),
    }
}
