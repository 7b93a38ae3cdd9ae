//! `posthouse show`: a message for people: its header, its text, what is attached; or its tree of parts, one part, or its octets.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use message::read::{Content, Heading, Piece, Prefer, Recipient, Report, Sealing, View, show};
use message::{Attachment, Message, PartId, Role, attachments, octets, safe_file_name, tree};
use serde::Serialize;

use super::Output;
use super::source::{Chosen, read};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// A message is shown on lines of so many columns where no terminal says.
const WIDTH: usize = 80;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// Shows the HTML where there is a choice.
    #[arg(long)]
    html: bool,
    /// Shows the tree of parts.
    #[arg(long, conflicts_with_all = ["part", "raw", "html"])]
    tree: bool,
    /// Writes one part, decoded, to standard output: its number in the tree, such as 1.2.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["raw", "html"])]
    part: Option<String>,
    /// Saves what is attached into this folder.
    #[arg(long, value_name = "DIR")]
    save_attachments: Option<PathBuf>,
    /// Writes the message as it is.
    #[arg(long)]
    raw: bool,
    /// Shows every header field.
    #[arg(long)]
    headers: bool,
    /// How many columns a line has; that of the terminal unless given, and 80 without one.
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
    /// As JSON: one object with from, to, cc, date, subject, message_id, headers, text, parts and attachments.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let octets = read(&arguments.chosen, language).await?;
    let message = Message::parse(&octets);
    if let Some(folder) = &arguments.save_attachments {
        return save(&message, folder, arguments.json.into(), language);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = arguments.write(&message, &mut out, language)?;
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Exit::new(Code::Io, error.to_string())),
    }
}

impl Arguments {
    fn write(
        &self,
        message: &Message<'_>,
        out: &mut impl Write,
        language: Language,
    ) -> Result<io::Result<()>, Exit> {
        if self.raw {
            return Ok(out.write_all(message.bytes()));
        }
        if let Some(number) = &self.part {
            return Ok(write_part(message, part(message, number, language)?, out));
        }
        if self.json {
            return Ok(print_json(&Printed::of(message, &self.view())));
        }
        if self.tree {
            return Ok(write!(out, "{}", tree(message)));
        }
        Ok(self.write_message(message, out, language))
    }

    fn view(&self) -> View {
        let of_terminal = || {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            io::stdout()
                .is_terminal()
                .then_some(usize::from(size.ws_col))
                .filter(|width| *width > 20)
        };
        View {
            width: Some(self.width.or_else(of_terminal).unwrap_or(WIDTH)),
            prefer: if self.html { Prefer::Page } else { Prefer::Text },
        }
    }

    fn write_message(
        &self,
        message: &Message<'_>,
        out: &mut impl Write,
        language: Language,
    ) -> io::Result<()> {
        if self.headers {
            for (name, value) in fields(message) {
                writeln!(out, "{name}: {value}")?;
            }
        } else {
            write_heading(&Heading::of(message, PartId::ROOT), "", out, language)?;
        }
        writeln!(out)?;
        for piece in show(message, &self.view()) {
            write_piece(&piece, out, language)?;
        }
        let attached: Vec<Attachment> = saved(message).collect();
        if !attached.is_empty() {
            writeln!(out, "\n{}", language.pick("Attached:", "附件："))?;
        }
        for attachment in attached {
            let name = message::read::visible(&attachment.name);
            writeln!(
                out,
                "  {name} ({}, {})",
                attachment.media_type,
                HumanBytes(attachment.size)
            )?;
        }
        Ok(())
    }
}

/// Every field of the header, decoded.
fn fields(message: &Message<'_>) -> Vec<(String, String)> {
    let header = message.header(PartId::ROOT);
    let of = |field: message::Field<'_>| {
        let name = String::from_utf8_lossy(field.name).into_owned();
        (
            message::read::visible(&name),
            message::read::visible(&field.text()),
        )
    };
    header.fields().map(of).collect()
}

fn write_heading(
    heading: &Heading,
    margin: &str,
    out: &mut impl Write,
    language: Language,
) -> io::Result<()> {
    for (english, chinese, value) in [
        ("From", "发件人", &heading.from),
        ("To", "收件人", &heading.to),
        ("Cc", "抄送", &heading.cc),
        ("Date", "日期", &heading.date),
        ("Subject", "主题", &heading.subject),
    ] {
        if !value.is_empty() {
            let line = language.pick(format!("{english}: {value}"), format!("{chinese}：{value}"));
            writeln!(out, "{margin}{line}")?;
        }
    }
    Ok(())
}

fn write_piece(piece: &Piece, out: &mut impl Write, language: Language) -> io::Result<()> {
    match &piece.content {
        Content::Text(text) | Content::Page(text) => {
            out.write_all(text.as_bytes())?;
            match text.is_empty() || text.ends_with('\n') {
                true => Ok(()),
                false => writeln!(out),
            }
        }
        Content::Message(heading) => {
            writeln!(
                out,
                "\n{}",
                language.pick("--- A message within:", "--- 内含的邮件：")
            )?;
            write_heading(heading, "", out, language)?;
            writeln!(out)
        }
        Content::Report(report) => write_report(report, out, language),
        Content::Signed(sealing) => {
            let name = sealed_by(*sealing);
            let line = language.pick(
                format!("--- Signed{name}; nobody has checked it."),
                format!("--- 已签名{name}，未经验证。"),
            );
            writeln!(out, "{line}")
        }
        Content::Encrypted(sealing) => {
            let name = sealed_by(*sealing);
            writeln!(
                out,
                "{}",
                language.pick(format!("--- Encrypted{name}."), format!("--- 已加密{name}。"))
            )
        }
        Content::Attached => Ok(()),
    }
}

fn sealed_by(sealing: Sealing) -> &'static str {
    match sealing {
        Sealing::Pgp => " (OpenPGP)",
        Sealing::Smime => " (S/MIME)",
        Sealing::Other => "",
    }
}

fn write_report(report: &Report, out: &mut impl Write, language: Language) -> io::Result<()> {
    writeln!(out, "{}", language.pick("--- A report:", "--- 投递报告："))?;
    for recipient in &report.recipients {
        let Recipient {
            address,
            action,
            status,
            diagnostic,
            ..
        } = recipient;
        writeln!(out, "  {address}: {action} {status} {diagnostic}")?;
    }
    Ok(())
}

/// What a person would save.
fn saved<'m>(message: &'m Message<'m>) -> impl Iterator<Item = Attachment> + 'm {
    attachments(message)
        .into_iter()
        .filter(|attachment| attachment.role != Role::Signature)
}

fn part(message: &Message<'_>, number: &str, language: Language) -> Result<PartId, Exit> {
    let found = tree(message).0.into_iter().find(|branch| branch.number == number);
    found.map(|branch| branch.part).ok_or_else(|| {
        Exit::new(
            Code::Usage,
            language.pick(
                format!("there is no part {number}; --tree lists them"),
                format!("没有编号为 {number} 的部分；用 --tree 查看"),
            ),
        )
    })
}

fn write_part(message: &Message<'_>, part: PartId, out: &mut impl Write) -> io::Result<()> {
    octets(message, message::Source::Part(part)).try_for_each(|chunk| out.write_all(&chunk))
}

#[derive(Serialize)]
struct Saved {
    name: String,
    path: PathBuf,
    media_type: String,
    octets: u64,
}

fn save(message: &Message<'_>, folder: &Path, output: Output, language: Language) -> Result<(), Exit> {
    fs::create_dir_all(folder).map_err(|error| Exit::file(folder, &error, language))?;
    let mut taken = HashSet::new();
    let mut list = Vec::new();
    for attachment in saved(message) {
        let (path, mut file) = create(folder, &attachment.name, &mut taken, language)?;
        let failed = |error: &io::Error| Exit::file(&path, error, language);
        for chunk in octets(message, attachment.source) {
            file.write_all(&chunk).map_err(|error| failed(&error))?;
        }
        let saved = Saved {
            name: attachment.name,
            path: path.clone(),
            media_type: attachment.media_type,
            octets: attachment.size,
        };
        if output == Output::People {
            println_to(&saved.path).map_err(|error| failed(&error))?;
        }
        list.push(saved);
    }
    match output {
        Output::Json => print_json(&list).map_err(|error| Exit::new(Code::Io, error.to_string())),
        Output::People => Ok(()),
    }
}

fn println_to(path: &Path) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", path.display())
}

/// A new file: nothing that is there is written over, and no link is followed.
fn create(
    folder: &Path,
    name: &str,
    taken: &mut HashSet<String>,
    language: Language,
) -> Result<(PathBuf, fs::File), Exit> {
    loop {
        let path = folder.join(safe_file_name(name, taken));
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => {
                return opened
                    .map(|file| (path.clone(), file))
                    .map_err(|error| Exit::file(&path, &error, language));
            }
        }
    }
}

/// A message as JSON.
#[derive(Serialize)]
struct Printed {
    from: String,
    to: String,
    cc: String,
    date: String,
    subject: String,
    message_id: Option<String>,
    headers: Vec<(String, String)>,
    text: String,
    parts: Vec<PrintedPart>,
    attachments: Vec<PrintedAttachment>,
}

#[derive(Serialize)]
struct PrintedPart {
    number: String,
    depth: usize,
    media_type: String,
    charset: Option<String>,
    name: Option<String>,
    disposition: Option<String>,
    octets: usize,
}

#[derive(Serialize)]
struct PrintedAttachment {
    name: String,
    media_type: String,
    octets: u64,
    content_id: Option<String>,
    inline: bool,
}

impl Printed {
    fn of(message: &Message<'_>, view: &View) -> Self {
        let heading = Heading::of(message, PartId::ROOT);
        let parts = tree(message).0.into_iter().map(|branch| PrintedPart {
            number: branch.number,
            depth: branch.depth,
            media_type: branch.media_type,
            charset: branch.charset,
            name: branch.name,
            disposition: branch.disposition,
            octets: branch.octets,
        });
        let attachments = saved(message).map(|attachment| PrintedAttachment {
            inline: attachment.role == Role::Inline,
            name: attachment.name,
            media_type: attachment.media_type,
            octets: attachment.size,
            content_id: attachment.content_id,
        });
        Printed {
            from: heading.from,
            to: heading.to,
            cc: heading.cc,
            date: heading.date,
            subject: heading.subject,
            message_id: message.message_id(),
            headers: fields(message),
            text: message::read::text(message, view),
            parts: parts.collect(),
            attachments: attachments.collect(),
        }
    }
}
