//! `posthouse copy`: an account into another over IMAP, or into files, or files into an account.

mod from_files;
mod into_files;
mod leftover;
mod print;
mod read_back;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::copy::{Folder, Listener, Options, Skipped, Told, Verify, plan, run as copy};
use client::{Protocol, Secret, Server, Trust};
use indicatif::{ProgressBar, ProgressStyle};

use super::connection::{ask, output_of};
use super::exit;
use crate::archive::{Format, MboxKind};
use crate::exit::{Code, Exit};
use crate::language::Language;
use from_files::Bringing;
use into_files::{Taking, Target};
use print::{Done, Planned, say, say_plan};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account that is copied: imaps://NAME@HOST; or files: a Maildir, an mbox, a folder of these or of .eml files, a zip.
    #[arg(long, value_name = "URL|DIR|FILE")]
    from: String,
    /// The account that it is copied into: imaps://NAME@HOST; or files: a new or empty folder, or a new file ending in .zip or .mbox.
    #[arg(long, value_name = "URL|DIR|FILE")]
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
    /// How the files are: by their name or what is in them, unless given; a new folder is a Maildir.
    #[arg(long)]
    format: Option<Format>,
    /// How lines of messages are kept apart in an mbox.
    #[arg(long)]
    mbox: Option<MboxKind>,
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
    fn at(&self, language: Language) -> Result<At, Exit> {
        match self.url.contains("://") {
            true => Ok(At::Server(Box::new(self.server(language)?))),
            false => Ok(At::Files(self.url.into())),
        }
    }

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

/// What was done, and which mailboxes were left out.
type Outcome = (Vec<Done>, Vec<(String, Skipped)>);

/// Where a side is.
enum At {
    Server(Box<Server>),
    Files(PathBuf),
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
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
    let (from, to) = arguments.sides(language)?;
    let outcome = match (&from, &to) {
        (At::Server(from), At::Server(to)) => arguments.between(from, to, &options, language).await?,
        (At::Files(from), At::Server(to)) => arguments.bring(from, to, &options, language).await?,
        (At::Server(from), At::Files(to)) => arguments.take(from, to, &options, language).await?,
        (At::Files(_), At::Files(_)) => {
            let words = language.pick(
                "one of --from and --to is a server: imaps://NAME@HOST",
                "--from 和 --to 之一须是服务器：imaps://用户名@主机",
            );
            return Err(Exit::new(Code::Usage, words));
        }
    };
    // What would be done has been said.
    let Some((done, left)) = outcome else {
        return Ok(());
    };
    say(&done, &left, arguments.json.into(), language).map_err(unwritten)?;
    let code = Done::code(&done);
    match done.iter().filter(|done| !done.is_whole()).count() {
        0 => Ok(()),
        count => Err(Exit::new(
            code,
            language.pick(
                format!("not everything was copied: mailboxes with something missing: {count}"),
                format!("没有全部复制：{count} 个邮箱有缺漏"),
            ),
        )),
    }
}

fn unwritten(error: io::Error) -> Exit {
    Exit::new(Code::Io, error.to_string())
}

impl Arguments {
    fn sides(&self, language: Language) -> Result<(At, At), Exit> {
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
        Ok((from.at(language)?, to.at(language)?))
    }

    /// Nothing where it was only to be said what would be done.
    async fn between(
        &self,
        from: &Server,
        to: &Server,
        options: &Options,
        language: Language,
    ) -> Result<Option<Outcome>, Exit> {
        let failed = |error: client::Error| exit(&error, language);
        let plan = plan(from, to, options).await.map_err(failed)?;
        if self.dry_run {
            let planned = |folder: &Folder| Planned {
                from: folder.from.clone(),
                to: folder.to.clone(),
                is_there: folder.is_there,
            };
            let planned: Vec<Planned> = plan.folders.iter().flatten().map(planned).collect();
            say_plan(&planned, &plan.skipped, self.json.into(), language).map_err(unwritten)?;
            return Ok(None);
        }
        let bar = progress();
        let reports = copy(from, to, &plan, options, listener(&bar)).await;
        bar.finish_and_clear();
        let reports = reports.map_err(failed)?;
        let done = reports.iter().map(|report| Done::of(report, language));
        Ok(Some((done.collect(), plan.skipped)))
    }

    async fn bring(
        &self,
        from: &Path,
        to: &Server,
        options: &Options,
        language: Language,
    ) -> Result<Option<Outcome>, Exit> {
        let source = from_files::open(from, self.format, self.mbox, language)?;
        let bringing = Bringing::plan(source, to, options, language).await?;
        if self.dry_run {
            say_plan(&bringing.planned(), &[], self.json.into(), language).map_err(unwritten)?;
            return Ok(None);
        }
        Ok(Some((bringing.run().await?, Vec::new())))
    }

    async fn take(
        &self,
        from: &Server,
        to: &Path,
        options: &Options,
        language: Language,
    ) -> Result<Option<Outcome>, Exit> {
        let target = Target {
            path: to,
            format: self.format.unwrap_or_else(|| into_files::format_of(to)),
            kind: self.mbox.unwrap_or_default(),
        };
        let mut taking = Taking::plan(from, target, options, language).await?;
        if self.dry_run {
            say_plan(&taking.planned(), &taking.left, self.json.into(), language).map_err(unwritten)?;
            return Ok(None);
        }
        let left = std::mem::take(&mut taking.left);
        Ok(Some((taking.run().await?, left)))
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
