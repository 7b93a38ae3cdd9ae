//! `posthouse send`: composes a message, or takes one from standard input as sendmail does, and sends it.

mod compose;
mod dkim;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use client::smtp::{Client, Content, Envelope, Notify, NotifyOn, Recipient, Report, Return};
use client::{Address, Files, Protocol, Said};
use indicatif::{ProgressBar, ProgressStyle};
use message::compose::{Allowed, Composed, Form, Mailbox};
use serde::Serialize;

use super::connection::{Connection, Use};
use super::{Output, exit, raw};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// A message from standard input is held in memory; nobody takes a larger one.
const MAX_INPUT: u64 = 512 << 20;

/// Below this size nobody waits for a progress bar.
const WITH_PROGRESS: u64 = 1 << 20;

/// What comes back in a report of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Returned {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// When a report is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Wanted {
    Never,
    Success,
    Failure,
    Delay,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Who sends: an address, or "Name <address>".
    #[arg(long, short = 'f', value_name = "ADDRESS")]
    from: Option<String>,
    /// The sender's name.
    #[arg(long, short = 'F', value_name = "NAME")]
    from_name: Option<String>,
    /// To whom; may be given several times, or with commas between.
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Who gets a copy.
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Who gets a copy that nobody else sees.
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Where answers go.
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// What it is about.
    #[arg(long, short = 's')]
    subject: Option<String>,
    /// The text.
    #[arg(long, conflicts_with = "text_file")]
    text: Option<String>,
    /// A file with the text, in UTF-8; - is standard input.
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,
    /// The text as HTML; beside it goes a plain text, made of it where none is given.
    #[arg(long, conflicts_with = "html_file")]
    html: Option<String>,
    /// A file with the text as HTML, in UTF-8.
    #[arg(long, value_name = "FILE")]
    html_file: Option<PathBuf>,
    /// Lets paragraphs flow to the width of the reader's window (format=flowed).
    #[arg(long)]
    flowed: bool,
    /// Files to attach.
    #[arg(long, short = 'a', value_name = "FILE", num_args = 1..)]
    attach: Vec<PathBuf>,
    /// Pictures for the HTML, which calls them cid:CID.
    #[arg(long, value_name = "CID=FILE", num_args = 1..)]
    inline: Vec<String>,
    /// A header field of one's own, "Name: value".
    #[arg(long, value_name = "FIELD")]
    header: Vec<String>,
    /// The Message-ID of the message that this one answers.
    #[arg(long, value_name = "ID")]
    in_reply_to: Option<String>,
    /// Asks the reader's program to say when it was read.
    #[arg(long)]
    read_receipt: bool,
    /// When the servers are to report: never, or success, failure, delay with commas between.
    #[arg(long, value_name = "WHEN", value_delimiter = ',')]
    dsn: Vec<Wanted>,
    /// What comes back with a report of failure.
    #[arg(long = "return", value_name = "WHAT")]
    returned: Option<Returned>,
    /// A mark of one's own that comes back in reports.
    #[arg(long, value_name = "ID")]
    envelope_id: Option<String>,
    /// Sends it only where all servers on its way use TLS (REQUIRETLS).
    #[arg(long)]
    require_tls: bool,
    #[command(flatten)]
    dkim: dkim::Options,
    /// Takes the recipients from To, Cc and Bcc of the message on standard input, as sendmail does.
    #[arg(short = 't')]
    from_header: bool,
    /// A line with a lone dot does not end the message on standard input, as sendmail has it.
    #[arg(short = 'i')]
    ignore_dots: bool,
    /// Prints the message and sends nothing.
    #[arg(long)]
    dry_run: bool,
    /// As JSON: one object with message_id, taken, refused and unheard.
    #[arg(long)]
    json: bool,
    /// To whom, as sendmail takes them.
    #[arg(value_name = "RECIPIENT")]
    recipients: Vec<String>,
}

/// What became of it.
#[derive(Serialize)]
struct Summary {
    message_id: Option<String>,
    taken: Vec<ForOne>,
    refused: Vec<ForOne>,
    unheard: Vec<&'static str>,
}

#[derive(Serialize)]
struct ForOne {
    address: String,
    code: Option<u16>,
    status: Option<Box<str>>,
    text: Box<str>,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    match arguments.composes() {
        true => arguments.compose_and_send(language).await,
        false => arguments.take_and_send(language).await,
    }
}

impl Arguments {
    /// Whether the message is composed of options: otherwise it stands on standard input.
    fn composes(&self) -> bool {
        let said = self.subject.is_some() || self.text.is_some() || self.text_file.is_some();
        let with = self.html.is_some() || self.html_file.is_some() || !self.attach.is_empty();
        !self.from_header && (said || with || !self.inline.is_empty() || !self.to.is_empty())
    }

    async fn compose_and_send(&self, language: Language) -> Result<(), Exit> {
        let mut files = Files::new();
        let mail = self.compose(&mut files, language)?;
        let form = if mail.needs_utf8() {
            Form::Utf8
        } else {
            Form::Ascii
        };
        let allowed = Allowed {
            form,
            ..Allowed::default()
        };
        let composed = mail
            .compose(allowed)
            .map_err(|error| Exit::new(Code::Data, error.to_string()))?;
        let author = self.author(language)?;
        let signer = self.signer(Some(author.address()), language)?;
        if self.dry_run {
            let composed = match &signer {
                Some(signer) => signer.sign(composed, &files).await,
                None => Ok(composed),
            };
            let composed = composed.map_err(|error| exit(&error, language))?;
            return print_message(&composed, &files);
        }
        let envelope = self.asked(&Envelope::of(&mail), language)?;
        let mut client = self.client(language).await?;
        if let Some(signer) = signer {
            client.sign_with(signer);
        }
        let progress = progress(composed.size());
        let bar = progress.clone();
        client.on_progress(move |octets| bar.inc(octets));
        let sent = client.send_mail_to(&envelope, &mail, &files).await;
        progress.finish_and_clear();
        self.conclude(client, sent, Some(mail.id().as_str()), language)
            .await
    }

    async fn take_and_send(&self, language: Language) -> Result<(), Exit> {
        let input = read_input(language)?;
        let from = self.author(language).ok();
        let dots = match self.ignore_dots {
            true => raw::LoneDot::IsText,
            false => raw::LoneDot::Ends,
        };
        let taken = raw::take(&input, dots, from.as_ref());
        let mut recipients = self.addresses(&self.recipients, "RECIPIENT", language)?;
        if self.from_header {
            recipients.extend(taken.recipients.iter().cloned().map(Mailbox::new));
        }
        let sender = match (&from, &taken.author) {
            (Some(from), _) => from.address().clone(),
            (None, Some(author)) => author.clone(),
            (None, None) => return Err(no_sender(language)),
        };
        let to = recipients.iter().fold(Envelope::from(sender), |envelope, to| {
            envelope.to(to.address().clone())
        });
        if to.recipients().is_empty() {
            return Err(no_recipient(language));
        }
        let message = match self.signer(taken.from.as_ref(), language)? {
            None => taken.message,
            Some(signer) => {
                let field = signer.field(&taken.message);
                let field = field.map_err(|refusal| Exit::new(Code::Data, refusal.to_string()))?;
                [field.as_bytes(), &taken.message].concat()
            }
        };
        if self.dry_run {
            return io::stdout()
                .write_all(&message)
                .map_err(|error| Exit::new(Code::Io, error.to_string()));
        }
        let envelope = self.asked(&to, language)?;
        let mut client = self.client(language).await?;
        let sent = client.send(&envelope, Content::Octets(&message)).await;
        self.conclude(client, sent, taken.id.as_deref(), language).await
    }

    async fn client(&self, language: Language) -> Result<Client, Exit> {
        let ready = self.connection.server(Use::Send, language).await?;
        if !matches!(ready.server.protocol(), Protocol::Smtp | Protocol::Lmtp) {
            return Err(Exit::new(
                Code::Usage,
                language.pick(
                    "mail is sent over smtp, smtps, submission or lmtp: say such a --server",
                    "发送邮件要用 smtp、smtps、submission 或 lmtp 的 --server",
                ),
            ));
        }
        ready.connect(Client::connect, language).await
    }

    async fn conclude(
        &self,
        client: Client,
        sent: Result<Report, client::Error>,
        id: Option<&str>,
        language: Language,
    ) -> Result<(), Exit> {
        let report = match sent {
            Ok(report) => report,
            Err(error) => return Err(exit(&error, language)),
        };
        // The message is with the server: how it says goodbye changes nothing.
        let _ = client.quit().await;
        let summary = summary(report, id);
        say(&summary, self.json.into(), language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
        match summary.refused.len() {
            0 => Ok(()),
            count => Err(Exit::new(
                Code::Unavailable,
                language.pick(
                    format!("recipients refused: {count}"),
                    format!("被拒绝的收件人：{count} 个"),
                ),
            )),
        }
    }

    /// The envelope with what its sender wants to hear.
    fn asked(&self, plain: &Envelope, language: Language) -> Result<Envelope, Exit> {
        let sender = plain.sender().cloned();
        let mut envelope = sender.map_or_else(Envelope::from_nobody, Envelope::from);
        let notify = notify(&self.dsn, language)?;
        for recipient in plain.recipients() {
            let recipient = Recipient::new(recipient.address().clone());
            envelope = envelope.to_recipient(match notify {
                Some(notify) => recipient.notify(notify),
                None => recipient,
            });
        }
        if let Some(returned) = self.returned {
            envelope = envelope.returned(match returned {
                Returned::Full => Return::Full,
                Returned::Headers => Return::Header,
            });
        }
        if let Some(id) = &self.envelope_id {
            envelope = envelope.id(id.as_str());
        }
        Ok(if self.require_tls {
            envelope.require_tls()
        } else {
            envelope
        })
    }
}

fn notify(wanted: &[Wanted], language: Language) -> Result<Option<Notify>, Exit> {
    match wanted {
        [] => Ok(None),
        [Wanted::Never] => Ok(Some(Notify::Never)),
        wanted if wanted.contains(&Wanted::Never) => Err(Exit::new(
            Code::Usage,
            language.pick("--dsn never stands alone", "--dsn never 只能单独使用"),
        )),
        wanted => Ok(Some(Notify::On(NotifyOn {
            success: wanted.contains(&Wanted::Success),
            failure: wanted.contains(&Wanted::Failure),
            delay: wanted.contains(&Wanted::Delay),
        }))),
    }
}

fn no_sender(language: Language) -> Exit {
    Exit::new(
        Code::Usage,
        language.pick("who sends? Say --from ADDRESS", "谁发送？请用 --from 指定地址"),
    )
}

fn no_recipient(language: Language) -> Exit {
    Exit::new(
        Code::Usage,
        language.pick("to whom? Say --to ADDRESS", "发给谁？请用 --to 指定地址"),
    )
}

fn read_input(language: Language) -> Result<Vec<u8>, Exit> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!(
            "posthouse: {}",
            language.pick(
                "reading a message from the terminal, up to Ctrl-D",
                "正在从终端读取邮件，按 Ctrl-D 结束"
            )
        );
    }
    let mut input = Vec::new();
    let read = stdin.lock().take(MAX_INPUT + 1).read_to_end(&mut input);
    read.map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match input.len() as u64 > MAX_INPUT {
        true => Err(Exit::new(
            Code::Data,
            language.pick("the message is larger than 512 MiB", "邮件超过 512 MiB"),
        )),
        false => Ok(input),
    }
}

fn print_message(composed: &Composed<'_>, files: &Files) -> Result<(), Exit> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = composed
        .write_to(&mut out, |id| files.open_now(id))
        .and_then(|()| out.flush());
    written.map_err(|error| Exit::new(Code::Io, error.to_string()))
}

fn progress(size: Option<u64>) -> ProgressBar {
    let known = size.filter(|size| *size >= WITH_PROGRESS);
    let Some(size) = known.filter(|_| io::stderr().is_terminal()) else {
        return ProgressBar::hidden();
    };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(size).with_style(style.expect("the template is fixed"))
}

fn summary(report: Report, id: Option<&str>) -> Summary {
    let list = |list: Vec<(Address, Said)>| {
        let of = |(address, said): (Address, Said)| ForOne {
            address: address.to_string(),
            code: said.code,
            status: said.detail,
            text: said.text,
        };
        list.into_iter().map(of).collect()
    };
    Summary {
        message_id: id.map(str::to_owned),
        taken: list(report.taken),
        refused: list(report.refused),
        unheard: report.unheard,
    }
}

fn say(summary: &Summary, output: Output, language: Language) -> io::Result<()> {
    if output == Output::Json {
        return print_json(summary);
    }
    let mut out = io::stdout().lock();
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &summary.taken {
        *said.entry(&one.text).or_default() += 1;
    }
    let count = summary.taken.len();
    let people = language.pick(
        if count == 1 {
            "1 recipient".to_owned()
        } else {
            format!("{count} recipients")
        },
        format!("{count} 个收件人"),
    );
    writeln!(
        out,
        "{}",
        language.pick(format!("Sent to {people}."), format!("已发送给 {people}。"))
    )?;
    for words in said.keys() {
        writeln!(
            out,
            "  {}",
            language.pick(format!("the server said: {words}"), format!("服务器说：{words}"))
        )?;
    }
    for one in &summary.refused {
        let code = one.code.map(|code| code.to_string()).unwrap_or_default();
        let (address, text) = (&one.address, &one.text);
        writeln!(
            out,
            "{}",
            language.pick(
                format!("Refused: {address}: {code} {text}"),
                format!("被拒绝：{address}：{code} {text}")
            )
        )?;
    }
    for name in &summary.unheard {
        writeln!(
            out,
            "{}",
            language.pick(
                format!("The server does not know {name}."),
                format!("服务器不支持 {name}。")
            )
        )?;
    }
    Ok(())
}
