//! The manifest: what an export has, for programs and for `--verify`. JSON, written while the messages are; one line each.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Format, MboxKind};

/// Its name in a folder or a zip.
pub(crate) const MANIFEST: &str = "manifest.json";

/// What it says it is.
const KIND: &str = "posthouse-export";

/// The only version there is. One that reads it differently has a higher number.
const VERSION: u32 = 1;

/// All of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    kind: String,
    version: u32,
    /// Whose mail it is.
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) format: Format,
    /// What its mboxes are.
    #[serde(default)]
    pub(crate) mbox: MboxKind,
    /// Names that are subscribed to, and have no mailbox.
    #[serde(default)]
    pub(crate) subscriptions: Vec<String>,
    pub(crate) mailboxes: Vec<Mailbox>,
}

/// A mailbox with its messages.
#[derive(Debug, Deserialize)]
pub(crate) struct Mailbox {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) subscribed: bool,
    /// Where it lies.
    pub(crate) path: String,
    pub(crate) messages: Vec<Message>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Where it lies, where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Box<str>>,
    /// Where it begins in its mailbox's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    /// Of the message with CRLF at the ends of its lines, as the hash.
    pub(crate) size: u64,
    pub(crate) sha256: Box<str>,
    /// Flags and keywords, as IMAP writes them.
    pub(crate) keywords: Vec<String>,
    /// Seconds since 1970.
    pub(crate) received: i64,
    /// The number of this copy in the account.
    pub(crate) entry: u64,
    /// What POP3 calls it, in the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uidl: Option<Box<str>>,
    /// Its line ends are mixed, and were left so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) as_is: bool,
}

/// Why a manifest cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    Json(serde_json::Error),
    /// It is of something else, or of a newer version.
    Kind(String, u32),
}

impl Manifest {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Unusable> {
        let manifest: Manifest = serde_json::from_slice(text).map_err(Unusable::Json)?;
        match manifest.kind == KIND && manifest.version == VERSION {
            true => Ok(manifest),
            false => Err(Unusable::Kind(manifest.kind, manifest.version)),
        }
    }
}

/// What stands at the beginning of a mailbox.
pub(crate) struct Head<'h> {
    pub(crate) name: &'h str,
    pub(crate) role: Option<&'h str>,
    pub(crate) subscribed: bool,
    pub(crate) path: &'h str,
}

/// Writes a manifest piece by piece.
pub(crate) struct Writer {
    out: BufWriter<File>,
    mailboxes: u64,
    messages: u64,
}

impl Writer {
    /// Begins one in a new file.
    pub(crate) fn begin(path: &Path, account: &str, format: Format) -> io::Result<Self> {
        Writer::begin_with(path, account, format, MboxKind::default())
    }

    /// The same with mboxes of some kind.
    pub(crate) fn begin_with(path: &Path, account: &str, format: Format, kind: MboxKind) -> io::Result<Self> {
        // What older programs read is written as it always was.
        let kind = match kind {
            MboxKind::Mboxrd => String::new(),
            kind => format!("\"mbox\": {}, ", serde_json::to_string(&kind)?),
        };
        let file = File::create_new(path)?;
        // Who would go on with it sees that it is being written. Where a file system knows no locks, it is not seen.
        let _ = file.try_lock();
        let mut out = BufWriter::new(file);
        let now = jiff::Timestamp::now();
        let seconds = now.as_second();
        let ends = match format {
            Format::Maildir | Format::Mbox => "LF",
            Format::Zip | Format::Eml => "CRLF",
        };
        write!(
            out,
            "{{\"kind\": \"{KIND}\", \"version\": {VERSION}, \"account\": {}, \"format\": {},\n\
             \"program\": \"posthouse {}\", \"exported\": {seconds}, {kind}\"line_ends\": \"{ends}\",\n\
             \"mailboxes\": [",
            serde_json::to_string(account)?,
            serde_json::to_string(&format)?,
            env!("CARGO_PKG_VERSION"),
        )?;
        Ok(Writer {
            out,
            mailboxes: 0,
            messages: 0,
        })
    }

    /// Begins a mailbox.
    pub(crate) fn mailbox(&mut self, head: &Head<'_>) -> io::Result<()> {
        let Head {
            name,
            role,
            subscribed,
            path,
        } = head;
        let before = if self.mailboxes == 0 { "" } else { "\n]}," };
        self.mailboxes += 1;
        self.messages = 0;
        write!(
            self.out,
            "{before}\n{{\"name\": {}, \"role\": {}, \"subscribed\": {subscribed}, \"path\": {}, \"messages\": [",
            serde_json::to_string(name)?,
            serde_json::to_string(role)?,
            serde_json::to_string(path)?,
        )
    }

    /// Adds a message to the mailbox.
    pub(crate) fn message(&mut self, message: &Message) -> io::Result<()> {
        let before = if self.messages == 0 { "" } else { "," };
        self.messages += 1;
        write!(self.out, "{before}\n  ")?;
        serde_json::to_writer(&mut self.out, message)?;
        Ok(())
    }

    /// Hands what was added to the system, so that it is there when this program is ended.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends it.
    pub(crate) fn end(mut self, subscriptions: &[String]) -> io::Result<()> {
        let end = if self.mailboxes == 0 { "" } else { "\n]}" };
        let subscriptions = serde_json::to_string(subscriptions)?;
        writeln!(self.out, "{end}\n],\n\"subscriptions\": {subscriptions}}}")?;
        self.out.into_inner()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST);
        let mut writer = Writer::begin(&path, "a\"b@example.org", Format::Mbox).unwrap();
        let message = Message {
            path: None,
            offset: Some(7),
            size: 3,
            sha256: "ab".into(),
            keywords: vec!["\\Seen".to_owned()],
            received: -5,
            entry: 9,
            uidl: Some("a\"b".into()),
            as_is: true,
        };
        for name in ["INBOX", "工作"] {
            let head = Head {
                name,
                role: Some("sent").filter(|_| name != "INBOX"),
                subscribed: true,
                path: "p",
            };
            writer.mailbox(&head).unwrap();
            writer.message(&message).unwrap();
            writer.message(&message).unwrap();
        }
        writer.end(&["gone".to_owned()]).unwrap();
        let text = std::fs::read(&path).unwrap();
        let read = Manifest::parse(&text).unwrap();
        assert_eq!(read.mailboxes.len(), 2);
        assert_eq!(read.mailboxes[1].name, "工作");
        assert_eq!(read.mailboxes[1].role.as_deref(), Some("sent"));
        assert_eq!(read.mailboxes[1].messages, [message.clone(), message]);
        assert_eq!(read.subscriptions, ["gone"]);
        assert!(matches!(
            Manifest::parse(
                &text
                    .to_vec()
                    .iter()
                    .map(|o| if *o == b'1' { b'2' } else { *o })
                    .collect::<Vec<_>>()
            ),
            Err(Unusable::Kind(_, 2))
        ));
    }

    #[test]
    fn a_mailbox_is_where_it_was_put_and_as_subscribed_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST);
        let mut writer = Writer::begin(&path, "a@example.org", Format::Zip).unwrap();
        for (name, path, subscribed) in [("a", "folders/a", true), ("b", "folders/b", false)] {
            let role = None;
            let head = Head {
                name,
                role,
                subscribed,
                path,
            };
            writer.mailbox(&head).unwrap();
        }
        writer.end(&[]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = Manifest::parse(text.as_bytes()).unwrap();
        let read = read.mailboxes.iter();
        let read: Vec<_> = read
            .map(|mailbox| (&*mailbox.name, &*mailbox.path, mailbox.subscribed))
            .collect();
        assert_eq!(read, [("a", "folders/a", true), ("b", "folders/b", false)]);
        let other = text.replace(KIND, "posthouse-other");
        assert!(matches!(
            Manifest::parse(other.as_bytes()),
            Err(Unusable::Kind(_, 1))
        ));
    }
}
