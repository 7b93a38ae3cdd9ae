//! Commands: the table of them, and one line made into one.

mod auth;
mod bdat;
mod hello;
mod mail;
mod path;

use std::fmt;

pub use auth::Auth;
pub use bdat::{Bdat, Last};
pub use hello::{ClientName, Dialect, Hello};
pub use mail::{Body, Letters, Mail, Rcpt};
pub(crate) use path::Written;
pub use path::{ForwardPath, ReversePath};

use crate::Refusal;

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO, HELO or LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1).
    Hello(Hello),
    /// MAIL (RFC 5321 §4.1.1.2).
    Mail(Mail),
    /// RCPT (RFC 5321 §4.1.1.3).
    Rcpt(Rcpt),
    /// DATA (RFC 5321 §4.1.1.4).
    Data,
    /// BDAT (RFC 3030 §2).
    Bdat(Bdat),
    /// RSET (RFC 5321 §4.1.1.5).
    Rset,
    /// VRFY (RFC 5321 §4.1.1.6).
    Vrfy,
    /// EXPN (RFC 5321 §4.1.1.7).
    Expn,
    /// HELP (RFC 5321 §4.1.1.8).
    Help,
    /// NOOP (RFC 5321 §4.1.1.9).
    Noop,
    /// QUIT (RFC 5321 §4.1.1.10).
    Quit,
    /// STARTTLS (RFC 3207 §4).
    StartTls,
    /// AUTH (RFC 4954 §4).
    Auth(Auth),
}

/// Where a command is allowed (RFC 5321 §4.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// Always.
    Any,
    /// After hello, outside of a transaction.
    Ready,
    /// Inside of a transaction that has no message data yet.
    Mail,
    /// Inside of a transaction with a recipient, before any chunk.
    Recipients,
    /// Inside of a transaction with a recipient, also after a chunk.
    Chunks,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The verb, in capitals.
    pub name: &'static str,
    /// Where it is allowed.
    pub allowed: In,
    /// Where it is defined.
    pub defined: &'static str,
    /// The form that HELP prints.
    pub form: &'static str,
    parse: fn(&[u8]) -> Result<Command, Refusal>,
}

/// Every command, where it is allowed, and where it is defined.
pub const COMMANDS: &[Entry] = &[
    entry("EHLO", In::Any, "RFC 5321 §4.1.1.1", "EHLO name", hello::ehlo),
    entry("HELO", In::Any, "RFC 5321 §4.1.1.1", "HELO name", hello::helo),
    entry("LHLO", In::Any, "RFC 2033 §4.1", "LHLO name", hello::lhlo),
    entry(
        "MAIL",
        In::Ready,
        "RFC 5321 §4.1.1.2",
        "MAIL FROM:<address> [parameters]",
        mail::mail,
    ),
    entry(
        "RCPT",
        In::Mail,
        "RFC 5321 §4.1.1.3",
        "RCPT TO:<address>",
        mail::rcpt,
    ),
    entry("DATA", In::Recipients, "RFC 5321 §4.1.1.4", "DATA", |a| {
        bare(a, Command::Data, "DATA")
    }),
    entry(
        "BDAT",
        In::Chunks,
        "RFC 3030 §2",
        "BDAT octets [LAST]",
        bdat::bdat,
    ),
    entry("RSET", In::Any, "RFC 5321 §4.1.1.5", "RSET", |a| {
        bare(a, Command::Rset, "RSET")
    }),
    // RFC 6531 §3.7.4.2: SMTPUTF8 may follow, for the sake of an answer with a name; ours has none.
    entry("VRFY", In::Any, "RFC 5321 §4.1.1.6", "VRFY string", |a| {
        worded(a, Command::Vrfy, "VRFY string")
    }),
    entry("EXPN", In::Any, "RFC 5321 §4.1.1.7", "EXPN string", |_| {
        Ok(Command::Expn)
    }),
    entry("HELP", In::Any, "RFC 5321 §4.1.1.8", "HELP", |_| {
        Ok(Command::Help)
    }),
    entry("NOOP", In::Any, "RFC 5321 §4.1.1.9", "NOOP", |_| {
        Ok(Command::Noop)
    }),
    entry("QUIT", In::Any, "RFC 5321 §4.1.1.10", "QUIT", |a| {
        bare(a, Command::Quit, "QUIT")
    }),
    entry("STARTTLS", In::Ready, "RFC 3207 §4", "STARTTLS", |a| {
        bare(a, Command::StartTls, "STARTTLS")
    }),
    entry(
        "AUTH",
        In::Ready,
        "RFC 4954 §4",
        "AUTH mechanism [initial response]",
        auth::auth,
    ),
];

const fn entry(
    name: &'static str,
    allowed: In,
    defined: &'static str,
    form: &'static str,
    parse: fn(&[u8]) -> Result<Command, Refusal>,
) -> Entry {
    Entry {
        name,
        allowed,
        defined,
        form,
        parse,
    }
}

/// Makes a command of a line, and says where it is allowed. The line has no line end any more.
///
/// # Errors
/// The refusal to answer with.
pub fn parse(line: &[u8]) -> Result<(Command, In), Refusal> {
    let line = line.trim_ascii_end();
    let verb_end = line.iter().position(|c| *c == b' ').unwrap_or(line.len());
    let (verb, rest) = line.split_at(verb_end);
    let entry = COMMANDS
        .iter()
        .find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(verb))
        .ok_or(Refusal::UnknownCommand)?;
    let command = (entry.parse)(rest.trim_ascii_start())?;
    Ok((command, entry.allowed))
}

/// A command that takes no argument (RFC 5321 §4.1.1: 501 if there is one).
fn bare(arguments: &[u8], command: Command, form: &'static str) -> Result<Command, Refusal> {
    match arguments {
        [] => Ok(command),
        _ => Err(Refusal::Syntax(form)),
    }
}

/// A command that wants an argument which is not looked at.
fn worded(arguments: &[u8], command: Command, form: &'static str) -> Result<Command, Refusal> {
    match arguments {
        [] => Err(Refusal::Syntax(form)),
        _ => Ok(command),
    }
}

impl fmt::Display for Command {
    /// Prints the line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Hello(hello) => write!(f, "{hello}"),
            Command::Mail(mail) => write!(f, "{mail}"),
            Command::Rcpt(rcpt) => write!(f, "{rcpt}"),
            Command::Data => f.write_str("DATA"),
            Command::Bdat(bdat) => write!(f, "{bdat}"),
            Command::Rset => f.write_str("RSET"),
            Command::Vrfy => f.write_str("VRFY postmaster"),
            Command::Expn => f.write_str("EXPN all"),
            Command::Help => f.write_str("HELP"),
            Command::Noop => f.write_str("NOOP"),
            Command::Quit => f.write_str("QUIT"),
            Command::StartTls => f.write_str("STARTTLS"),
            Command::Auth(auth) => write!(f, "{auth}"),
        }
    }
}

#[cfg(test)]
mod tests;
