//! What a client says: the table of commands, and the way from a frame to a command and back.
//!
//! A new command is a file here with its type, parser and printer, a variant of [`Command`], and a line of
//! [`COMMANDS`]. The reply to CAPABILITY and the check of the state are made from the table.

pub mod append;
pub mod authenticate;
pub mod capability;
pub mod copy;
pub mod enable;
pub mod expunge;
pub mod fetch;
pub mod id;
pub mod list;
pub mod login;
pub mod r#move;
pub mod quota;
pub mod rename;
pub mod search;
pub mod status;
pub mod store;

use bytes::Bytes;
use thiserror::Error;

use crate::framing::Frame;
use crate::grammar::cursor::{Cursor, ParseError, is_astring};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::mode::Mode;
use crate::grammar::set::Numbering;
pub use append::Append;
pub use authenticate::Authenticate;
pub use copy::Copy;
pub use enable::Enable;
pub use expunge::Expunge;
pub use fetch::Fetch;
pub use id::Id;
pub use list::{List, Lsub};
pub use login::Login;
pub use r#move::Move;
pub use quota::{GetQuota, GetQuotaRoot};
pub use rename::Rename;
pub use search::Search;
pub use status::Status;
pub use store::Store;

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Asks for the list of capabilities.
    Capability,
    /// Does nothing; a chance to hear news.
    Noop,
    /// Ends the connection.
    Logout,
    /// Says what the client calls itself, and asks the server the same.
    Id(Id),
    /// Begins TLS.
    StartTls,
    /// Logs in with a SASL mechanism.
    Authenticate(Authenticate),
    /// Logs in with a password.
    Login(Login),
    /// Turns extensions on.
    Enable(Enable),
    /// Asks for the namespaces.
    Namespace,
    /// Asks about a quota root.
    GetQuota(GetQuota),
    /// Asks for the quota roots of a mailbox.
    GetQuotaRoot(GetQuotaRoot),
    /// Opens a mailbox.
    Select(MailboxArgument),
    /// Opens a mailbox to read only.
    Examine(MailboxArgument),
    /// Creates a mailbox.
    Create(MailboxArgument),
    /// Deletes a mailbox.
    Delete(MailboxArgument),
    /// Gives a mailbox another name.
    Rename(Rename),
    /// Adds a name to the subscriptions.
    Subscribe(MailboxArgument),
    /// Removes a name from the subscriptions.
    Unsubscribe(MailboxArgument),
    /// Lists mailboxes.
    List(List),
    /// Lists subscriptions.
    Lsub(Lsub),
    /// Asks about a mailbox without opening it.
    Status(Status),
    /// Adds a message.
    Append(Append),
    /// Waits for news.
    Idle,
    /// Asks for housekeeping.
    Check,
    /// Expunges and closes the mailbox.
    Close,
    /// Closes the mailbox and expunges nothing.
    Unselect,
    /// Removes messages that are marked as deleted.
    Expunge(Expunge),
    /// Looks for messages.
    Search(Search),
    /// Asks for data of messages.
    Fetch(Fetch),
    /// Alters flags.
    Store(Store),
    /// Copies messages.
    Copy(Copy),
    /// Moves messages.
    Move(Move),
}

/// In which states of the connection a command is allowed (RFC 3501 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// In all.
    Any,
    /// Before a login only.
    NotAuthenticated,
    /// After a login, with or without a mailbox open.
    Authenticated,
    /// With a mailbox open.
    Selected,
}

type Parse = fn(&mut Cursor<'_>) -> Result<Command, ParseError>;

/// A line of the table of commands.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The words of the command.
    pub name: &'static str,
    /// Where it is allowed.
    pub allowed: In,
    /// What announces it; nothing for what every server has.
    pub capability: Option<&'static str>,
    /// Where it is defined.
    pub defined: &'static str,
    parse: Parse,
}

const fn entry(name: &'static str, allowed: In, defined: &'static str, parse: Parse) -> Entry {
    Entry {
        name,
        allowed,
        capability: None,
        defined,
        parse,
    }
}

impl Entry {
    const fn with(mut self, capability: &'static str) -> Self {
        self.capability = Some(capability);
        self
    }
}

/// Every command, where it is allowed, and what announces it.
pub const COMMANDS: &[Entry] = &[
    entry("CAPABILITY", In::Any, "RFC 3501 §6.1.1", |_| {
        Ok(Command::Capability)
    }),
    entry("NOOP", In::Any, "RFC 3501 §6.1.2", |_| Ok(Command::Noop)),
    entry("LOGOUT", In::Any, "RFC 3501 §6.1.3", |_| Ok(Command::Logout)),
    entry("ID", In::Any, "RFC 2971 §3.1", |c| id::parse(c).map(Command::Id)).with("ID"),
    entry("STARTTLS", In::NotAuthenticated, "RFC 3501 §6.2.1", |_| {
        Ok(Command::StartTls)
    }),
    entry("AUTHENTICATE", In::NotAuthenticated, "RFC 3501 §6.2.2", |c| {
        authenticate::parse(c).map(Command::Authenticate)
    }),
    entry("LOGIN", In::NotAuthenticated, "RFC 3501 §6.2.3", |c| {
        login::parse(c).map(Command::Login)
    }),
    entry("ENABLE", In::Authenticated, "RFC 5161 §3.1", |c| {
        enable::parse(c).map(Command::Enable)
    })
    .with("ENABLE"),
    entry("NAMESPACE", In::Authenticated, "RFC 2342 §5", |_| {
        Ok(Command::Namespace)
    })
    .with("NAMESPACE"),
    entry("GETQUOTA", In::Authenticated, "RFC 9208 §4.1.1", |c| {
        quota::parse(c).map(Command::GetQuota)
    })
    .with("QUOTA"),
    entry("GETQUOTAROOT", In::Authenticated, "RFC 9208 §4.1.2", |c| {
        quota::parse_root(c).map(Command::GetQuotaRoot)
    })
    .with("QUOTA"),
    entry("SELECT", In::Authenticated, "RFC 3501 §6.3.1", |c| {
        one_mailbox(c).map(Command::Select)
    }),
    entry("EXAMINE", In::Authenticated, "RFC 3501 §6.3.2", |c| {
        one_mailbox(c).map(Command::Examine)
    }),
    entry("CREATE", In::Authenticated, "RFC 3501 §6.3.3", |c| {
        one_mailbox(c).map(Command::Create)
    }),
    entry("DELETE", In::Authenticated, "RFC 3501 §6.3.4", |c| {
        one_mailbox(c).map(Command::Delete)
    }),
    entry("RENAME", In::Authenticated, "RFC 3501 §6.3.5", |c| {
        rename::parse(c).map(Command::Rename)
    }),
    entry("SUBSCRIBE", In::Authenticated, "RFC 3501 §6.3.6", |c| {
        one_mailbox(c).map(Command::Subscribe)
    }),
    entry("UNSUBSCRIBE", In::Authenticated, "RFC 3501 §6.3.7", |c| {
        one_mailbox(c).map(Command::Unsubscribe)
    }),
    entry("LIST", In::Authenticated, "RFC 3501 §6.3.8", |c| {
        list::parse(c).map(Command::List)
    }),
    entry("LSUB", In::Authenticated, "RFC 3501 §6.3.9", |c| {
        list::parse_lsub(c).map(Command::Lsub)
    }),
    entry("STATUS", In::Authenticated, "RFC 3501 §6.3.10", |c| {
        status::parse(c).map(Command::Status)
    }),
    entry("APPEND", In::Authenticated, "RFC 3501 §6.3.11", |c| {
        append::parse(c).map(Command::Append)
    }),
    entry("IDLE", In::Authenticated, "RFC 2177 §3", |_| Ok(Command::Idle)).with("IDLE"),
    entry("CHECK", In::Selected, "RFC 3501 §6.4.1", |_| Ok(Command::Check)),
    entry("CLOSE", In::Selected, "RFC 3501 §6.4.2", |_| Ok(Command::Close)),
    entry("UNSELECT", In::Selected, "RFC 3691 §2", |_| {
        Ok(Command::Unselect)
    })
    .with("UNSELECT"),
    entry("EXPUNGE", In::Selected, "RFC 3501 §6.4.3", |_| {
        Ok(Command::Expunge(Expunge::All))
    }),
    entry("UID EXPUNGE", In::Selected, "RFC 4315 §2.1", |c| {
        expunge::parse(c).map(Command::Expunge)
    })
    .with("UIDPLUS"),
    entry("SEARCH", In::Selected, "RFC 3501 §6.4.4", |c| {
        search::parse(c, Numbering::Positions).map(Command::Search)
    }),
    entry("UID SEARCH", In::Selected, "RFC 3501 §6.4.8", |c| {
        search::parse(c, Numbering::Uids).map(Command::Search)
    }),
    entry("FETCH", In::Selected, "RFC 3501 §6.4.5", |c| {
        fetch::parse(c, Numbering::Positions).map(Command::Fetch)
    }),
    entry("UID FETCH", In::Selected, "RFC 3501 §6.4.8", |c| {
        fetch::parse(c, Numbering::Uids).map(Command::Fetch)
    }),
    entry("STORE", In::Selected, "RFC 3501 §6.4.6", |c| {
        store::parse(c, Numbering::Positions).map(Command::Store)
    }),
    entry("UID STORE", In::Selected, "RFC 3501 §6.4.8", |c| {
        store::parse(c, Numbering::Uids).map(Command::Store)
    }),
    entry("COPY", In::Selected, "RFC 3501 §6.4.7", |c| {
        copy::parse(c, Numbering::Positions).map(Command::Copy)
    }),
    entry("UID COPY", In::Selected, "RFC 3501 §6.4.8", |c| {
        copy::parse(c, Numbering::Uids).map(Command::Copy)
    }),
    entry("MOVE", In::Selected, "RFC 6851 §3.1", |c| {
        r#move::parse(c, Numbering::Positions).map(Command::Move)
    })
    .with("MOVE"),
    entry("UID MOVE", In::Selected, "RFC 6851 §3.2", |c| {
        r#move::parse(c, Numbering::Uids).map(Command::Move)
    })
    .with("MOVE"),
];

/// A command with its tag and its line of the table.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// What the client calls the command.
    pub tag: Bytes,
    /// Its line of the table.
    pub entry: &'static Entry,
    /// What it says.
    pub command: Command,
}

/// A frame that is no command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct BadCommand {
    /// The tag, if there is one: the reply to a command without is untagged.
    pub tag: Option<Bytes>,
    /// Where it stops being a command.
    pub why: ParseError,
}

/// Reads a command of a client that speaks in this way.
///
/// # Errors
/// Says where the frame stops being a command.
pub fn parse(frame: &Frame, mode: Mode) -> Result<Tagged, BadCommand> {
    let mut cursor = Cursor::new(frame, mode);
    let tag = tag(&mut cursor).map_err(|why| BadCommand { tag: None, why })?;
    match after_tag(&mut cursor) {
        Ok((entry, command)) => Ok(Tagged { tag, entry, command }),
        Err(why) => Err(BadCommand { tag: Some(tag), why }),
    }
}

/// Reads the tag at the beginning of a command that is not complete.
#[must_use]
pub fn tag_of(text: &Bytes) -> Option<Bytes> {
    let frame = Frame {
        text: text.clone(),
        literals: Vec::new(),
    };
    tag(&mut Cursor::new(&frame, Mode::Ascii)).ok()
}

/// `tag = 1*<any ASTRING-CHAR except "+">`, and the space after it.
fn tag(cursor: &mut Cursor<'_>) -> Result<Bytes, ParseError> {
    let tag = cursor.run(|b| is_astring(b) && b != b'+', "a tag")?;
    cursor.space()?;
    Ok(tag)
}

fn after_tag(cursor: &mut Cursor<'_>) -> Result<(&'static Entry, Command), ParseError> {
    let entry = name(cursor)?;
    let command = (entry.parse)(cursor)?;
    cursor.end()?;
    Ok((entry, command))
}

/// Finds the command in the table: its name is one word, or UID and a word.
fn name(cursor: &mut Cursor<'_>) -> Result<&'static Entry, ParseError> {
    let before = cursor.clone();
    let uid = cursor.take_word("UID ");
    let word = cursor.atom("a command")?;
    let named = |entry: &&Entry| {
        let name = match entry.name.strip_prefix("UID ") {
            Some(name) if uid => name,
            None if !uid => entry.name,
            _ => return false,
        };
        name.as_bytes().eq_ignore_ascii_case(&word)
    };
    COMMANDS
        .iter()
        .find(named)
        .ok_or_else(|| before.wanted("a command that this server knows"))
}

fn one_mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxArgument, ParseError> {
    cursor.space()?;
    mailbox(cursor)
}

/// Prints a command as a client sends it, line end included.
pub fn print(out: &mut Vec<u8>, tag: &str, command: &Command) {
    out.extend_from_slice(tag.as_bytes());
    out.push(b' ');
    print_command(out, command);
    out.extend_from_slice(b"\r\n");
}

fn print_command(out: &mut Vec<u8>, command: &Command) {
    match command {
        Command::Capability => word(out, "CAPABILITY"),
        Command::Noop => word(out, "NOOP"),
        Command::Logout => word(out, "LOGOUT"),
        Command::Id(id) => id::print(out, id),
        Command::StartTls => word(out, "STARTTLS"),
        Command::Authenticate(authenticate) => authenticate::print(out, authenticate),
        Command::Login(login) => login::print(out, login),
        Command::Enable(enable) => enable::print(out, enable),
        Command::Namespace => word(out, "NAMESPACE"),
        Command::GetQuota(quota) => quota::print(out, quota),
        Command::GetQuotaRoot(root) => quota::print_root(out, root),
        Command::Select(mailbox) => named(out, "SELECT ", mailbox),
        Command::Examine(mailbox) => named(out, "EXAMINE ", mailbox),
        Command::Create(mailbox) => named(out, "CREATE ", mailbox),
        Command::Delete(mailbox) => named(out, "DELETE ", mailbox),
        Command::Rename(rename) => rename::print(out, rename),
        Command::Subscribe(mailbox) => named(out, "SUBSCRIBE ", mailbox),
        Command::Unsubscribe(mailbox) => named(out, "UNSUBSCRIBE ", mailbox),
        Command::List(list) => list::print(out, list),
        Command::Lsub(lsub) => list::print_lsub(out, lsub),
        Command::Status(status) => status::print(out, status),
        Command::Append(append) => append::print(out, append),
        Command::Idle => word(out, "IDLE"),
        Command::Check => word(out, "CHECK"),
        Command::Close => word(out, "CLOSE"),
        Command::Unselect => word(out, "UNSELECT"),
        Command::Expunge(expunge) => expunge::print(out, expunge),
        Command::Search(search) => search::print(out, search),
        Command::Fetch(fetch) => fetch::print(out, fetch),
        Command::Store(store) => store::print(out, store),
        Command::Copy(copy) => copy::print(out, copy),
        Command::Move(r#move) => r#move::print(out, r#move),
    }
}

fn word(out: &mut Vec<u8>, word: &str) {
    out.extend_from_slice(word.as_bytes());
}

fn named(out: &mut Vec<u8>, name: &str, mailbox: &MailboxArgument) {
    word(out, name);
    print_argument(out, mailbox);
}

#[cfg(test)]
mod tests;
