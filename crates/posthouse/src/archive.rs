//! Mail of an account in files: Maildir, mbox, files of single messages, or a zip of these, with a manifest that says what is
//! there. `export` writes them, `import` reads them and those of other programs.
//!
//! **Invariant**: what is written is read back byte for byte, with marks and dates. A message is in memory whole, an account never.
//! Lines end in LF in Maildir and mbox, which is what programs expect of files; in files of single messages and in a zip they end
//! in CRLF, as messages are sent. A message whose line ends are mixed is written as it is, and the manifest says so.

mod listing;
pub(crate) mod manifest;
mod read_mbox;
mod source;
mod unfinished;
mod verify;
mod write;
mod zipped;

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use message::{Marks, uidlist};
use serde::{Deserialize, Serialize};

pub(crate) use manifest::{MANIFEST, Writer as ManifestWriter};
pub(crate) use source::{Folder, Item, Letter, Source, Trouble};
pub(crate) use unfinished::Unfinished;
pub(crate) use verify::verify;
pub(crate) use write::{Place, Writing, manifest_part_of, own_part_of, part_of};

/// Something that is not as it should be, or was not done.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) place: String,
    pub(crate) why: String,
}

/// How mail lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A folder with a Maildir++: a file a message, marks in its name.
    Maildir,
    /// A folder with a file a mailbox.
    Mbox,
    /// One file, which has everything.
    Zip,
    /// A folder with a file a message, ending in .eml.
    Eml,
}

/// How mboxes keep lines of messages apart from separators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MboxKind {
    /// `>` before `From ` and `>From `: nothing is lost.
    #[default]
    Mboxrd,
    /// `>` before `From ` only, as older programs do: a line that was `>From ` loses its `>`.
    Mboxo,
    /// No line is changed; Content-Length says how long a message is.
    Mboxcl2,
}

impl From<MboxKind> for message::mbox::Kind {
    fn from(kind: MboxKind) -> Self {
        match kind {
            MboxKind::Mboxrd => message::mbox::Kind::Mboxrd,
            MboxKind::Mboxo => message::mbox::Kind::Mboxo,
            MboxKind::Mboxcl2 => message::mbox::Kind::Mboxcl2,
        }
    }
}

/// The hash of a message, as it is written in a manifest.
pub(crate) fn hash(message: &[u8]) -> String {
    hex(digest(&SHA256, message).as_ref())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A message on its way into files.
pub(crate) struct Outgoing<'o> {
    /// This copy, for ever.
    pub(crate) entry: u64,
    /// Seconds since 1970.
    pub(crate) received: i64,
    pub(crate) marks: &'o Marks,
    pub(crate) octets: &'o [u8],
    /// Its number, and what POP3 calls it, in the inbox.
    pub(crate) known: Option<&'o uidlist::Entry>,
}

impl Outgoing<'_> {
    /// Whether its line ends are CRLF throughout, so that they can be LF in a file and come back.
    pub(crate) fn is_regular(&self) -> bool {
        !message::repair::has_bare_cr_or_lf(self.octets)
    }

    /// Its text with line ends LF, if it comes back from there.
    fn text(&self) -> Cow<'_, [u8]> {
        if !self.is_regular() {
            return Cow::Borrowed(self.octets);
        }
        // There is no CR but before an LF.
        self.octets
            .iter()
            .copied()
            .filter(|octet| *octet != b'\r')
            .collect::<Vec<u8>>()
            .into()
    }
}

/// The words of marks in a manifest: those of IMAP.
pub(crate) fn words_of(marks: &Marks) -> Vec<String> {
    let system = types::SystemKeyword::ALL
        .into_iter()
        .filter(|keyword| marks.has(*keyword))
        .map(|keyword| imap::grammar::flag::system_name(keyword).to_owned());
    system
        .chain(marks.names.iter().map(ToString::to_string))
        .collect()
}

/// The marks that words stand for; those that cannot be are left out.
pub(crate) fn marks_of(words: &[String]) -> Marks {
    let mut marks = Marks::default();
    for word in words {
        let system = types::SystemKeyword::ALL
            .into_iter()
            .find(|keyword| imap::grammar::flag::system_name(*keyword).eq_ignore_ascii_case(word));
        match (system, types::KeywordName::check(word)) {
            (Some(keyword), _) => marks.set(keyword),
            (None, Ok(name)) => marks.name(name),
            (None, Err(_)) => {}
        }
    }
    marks
}
