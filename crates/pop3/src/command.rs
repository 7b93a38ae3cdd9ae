//! Commands: the table of them, and one line made into one.

use std::fmt;

use crate::refusal::Wanted;
use crate::{Language, Refusal};

/// The number of a message in a session, from 1 on (RFC 1939 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub usize);

/// A password, as it came. It does not print with `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Box<[u8]>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// An initial response (RFC 5034 §4), still in base64. It does not print with `{:?}`: most hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Initial(pub Box<[u8]>);

impl fmt::Debug for Initial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initial(…)")
    }
}

/// Which language is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanguageRange {
    /// `*`: what the administrator prefers.
    Any,
    /// One that is spoken here.
    Of(Language),
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// USER (RFC 1939 §7).
    User(Box<str>),
    /// PASS (RFC 1939 §7): everything after one space, spaces too.
    Pass(Password),
    /// AUTH (RFC 5034 §4): a mechanism, and the initial response as it came.
    Auth(Box<str>, Option<Initial>),
    /// AUTH without a mechanism: which are there?
    Mechanisms,
    /// UTF8 (RFC 6856 §2.1).
    Utf8,
    /// LANG of a language (RFC 6856 §3).
    Lang(LanguageRange),
    /// LANG without one: which are there?
    Languages,
    /// STLS (RFC 2595 §4).
    Stls,
    /// CAPA (RFC 2449 §5).
    Capa,
    /// STAT (RFC 1939 §5).
    Stat,
    /// LIST of one message or of all (RFC 1939 §5).
    List(Option<Number>),
    /// RETR (RFC 1939 §5).
    Retr(Number),
    /// DELE (RFC 1939 §5).
    Dele(Number),
    /// TOP: the header and so many lines of the body (RFC 1939 §7).
    Top(Number, usize),
    /// UIDL of one message or of all (RFC 1939 §7).
    Uidl(Option<Number>),
    /// NOOP (RFC 1939 §5).
    Noop,
    /// RSET (RFC 1939 §5).
    Rset,
    /// QUIT (RFC 1939 §4 and §6).
    Quit,
}

/// Where a command is allowed (RFC 1939 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// Always.
    Any,
    /// Before the login.
    Authorization,
    /// After a name was given.
    Named,
    /// After the login.
    Transaction,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The keyword, in capitals.
    pub name: &'static str,
    /// Where it is allowed.
    pub allowed: In,
    /// The capability that announces it, if it is optional.
    pub capability: Option<&'static str>,
    /// Where it is defined.
    pub defined: &'static str,
    parse: fn(&[u8]) -> Result<Command, Refusal>,
}

/// Every command, where it is allowed, and what announces it.
pub const COMMANDS: &[Entry] = &[
    entry("USER", In::Authorization, Some("USER"), "RFC 1939 §7", user),
    entry("PASS", In::Named, Some("USER"), "RFC 1939 §7", pass),
    entry("AUTH", In::Authorization, Some("SASL"), "RFC 5034 §4", auth),
    entry("UTF8", In::Authorization, Some("UTF8"), "RFC 6856 §2.1", |a| {
        bare(a, Command::Utf8)
    }),
    entry("LANG", In::Any, Some("LANG"), "RFC 6856 §3", lang),
    entry("STLS", In::Authorization, Some("STLS"), "RFC 2595 §4", |a| {
        bare(a, Command::Stls)
    }),
    entry("CAPA", In::Any, None, "RFC 2449 §5", |a| bare(a, Command::Capa)),
    entry("STAT", In::Transaction, None, "RFC 1939 §5", |a| {
        bare(a, Command::Stat)
    }),
    entry("LIST", In::Transaction, None, "RFC 1939 §5", |a| {
        optional(a).map(Command::List)
    }),
    entry("RETR", In::Transaction, None, "RFC 1939 §5", |a| {
        number(a).map(Command::Retr)
    }),
    entry("DELE", In::Transaction, None, "RFC 1939 §5", |a| {
        number(a).map(Command::Dele)
    }),
    entry("TOP", In::Transaction, Some("TOP"), "RFC 1939 §7", top),
    entry("UIDL", In::Transaction, Some("UIDL"), "RFC 1939 §7", |a| {
        optional(a).map(Command::Uidl)
    }),
    entry("NOOP", In::Transaction, None, "RFC 1939 §5", |a| {
        bare(a, Command::Noop)
    }),
    entry("RSET", In::Transaction, None, "RFC 1939 §5", |a| {
        bare(a, Command::Rset)
    }),
    entry("QUIT", In::Any, None, "RFC 1939 §4", |a| bare(a, Command::Quit)),
];

const fn entry(
    name: &'static str,
    allowed: In,
    capability: Option<&'static str>,
    defined: &'static str,
    parse: fn(&[u8]) -> Result<Command, Refusal>,
) -> Entry {
    Entry {
        name,
        allowed,
        capability,
        defined,
        parse,
    }
}

/// Makes a command of a line, and says where it is allowed. The line has no line end any more.
///
/// # Errors
/// The refusal to answer with.
pub fn parse(line: &[u8]) -> Result<(Command, In), Refusal> {
    let end = line.iter().position(|c| *c == b' ').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let entry = COMMANDS
        .iter()
        .find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(keyword))
        .ok_or(Refusal::UnknownCommand)?;
    let command = (entry.parse)(rest.strip_prefix(b" ").unwrap_or(rest))?;
    Ok((command, entry.allowed))
}

fn bare(arguments: &[u8], command: Command) -> Result<Command, Refusal> {
    match arguments.trim_ascii() {
        [] => Ok(command),
        _ => Err(Refusal::Syntax(Wanted::Nothing)),
    }
}

fn user(arguments: &[u8]) -> Result<Command, Refusal> {
    match std::str::from_utf8(arguments.trim_ascii()) {
        Ok("") => Err(Refusal::Syntax(Wanted::Name)),
        Ok(name) => Ok(Command::User(name.into())),
        // RFC 6856 §2.2.
        Err(_) => Err(Refusal::NotUtf8),
    }
}

fn pass(arguments: &[u8]) -> Result<Command, Refusal> {
    match arguments {
        [] => Err(Refusal::Syntax(Wanted::Password)),
        // RFC 6856 §2.2.
        password if std::str::from_utf8(password).is_err() => Err(Refusal::NotUtf8),
        password => Ok(Command::Pass(Password(password.into()))),
    }
}

/// auth-command = "AUTH" SP sasl-mech [SP initial-response]
fn auth(arguments: &[u8]) -> Result<Command, Refusal> {
    let wanted = Refusal::Syntax(Wanted::Mechanism);
    let mut words = arguments.trim_ascii().split(|c| *c == b' ');
    let mechanism = words.next().unwrap_or_default();
    if mechanism.is_empty() {
        return Ok(Command::Mechanisms);
    }
    let mechanism = std::str::from_utf8(mechanism).map_err(|_| wanted)?;
    let initial = words.next().map(|initial| Initial(initial.into()));
    match words.next() {
        None => Ok(Command::Auth(mechanism.into(), initial)),
        Some(_) => Err(wanted),
    }
}

fn lang(argument: &[u8]) -> Result<Command, Refusal> {
    match std::str::from_utf8(argument.trim_ascii()) {
        Ok("") => Ok(Command::Languages),
        Ok("*") => Ok(Command::Lang(LanguageRange::Any)),
        Ok(range) if range.bytes().all(|c| c == b'-' || c.is_ascii_alphanumeric()) => Language::find(range)
            .map(|language| Command::Lang(LanguageRange::Of(language)))
            .ok_or(Refusal::UnknownLanguage),
        _ => Err(Refusal::Syntax(Wanted::LanguageRange)),
    }
}

fn top(arguments: &[u8]) -> Result<Command, Refusal> {
    let wanted = Refusal::Syntax(Wanted::MessageAndLines);
    let mut words = arguments.split(|c| *c == b' ').filter(|word| !word.is_empty());
    let (Some(message), Some(lines), None) = (words.next(), words.next(), words.next()) else {
        return Err(wanted);
    };
    // More lines than can be counted are all lines.
    let lines = digits(lines).ok_or(wanted)?.unwrap_or(usize::MAX);
    Ok(Command::Top(number(message)?, lines))
}

fn optional(argument: &[u8]) -> Result<Option<Number>, Refusal> {
    match argument.trim_ascii() {
        [] => Ok(None),
        argument => number(argument).map(Some),
    }
}

/// A number that is too large to count is nobody's, but it is a number.
fn number(argument: &[u8]) -> Result<Number, Refusal> {
    match digits(argument.trim_ascii()) {
        None => Err(Refusal::Syntax(Wanted::MessageNumber)),
        Some(None | Some(0)) => Err(Refusal::NoSuchMessage),
        Some(Some(number)) => Ok(Number(number)),
    }
}

/// Reads `1*DIGIT`; the inner option is empty when the number is too large.
fn digits(text: &[u8]) -> Option<Option<usize>> {
    let text = std::str::from_utf8(text).ok()?;
    let valid = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    valid.then(|| text.parse().ok())
}

impl fmt::Display for Command {
    /// Prints the line as a client sends it, without its end. A password prints as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::User(name) => write!(f, "USER {name}"),
            Command::Pass(password) => write!(f, "PASS {}", String::from_utf8_lossy(&password.0)),
            Command::Auth(mechanism, None) => write!(f, "AUTH {mechanism}"),
            Command::Auth(mechanism, Some(initial)) => {
                write!(f, "AUTH {mechanism} {}", String::from_utf8_lossy(&initial.0))
            }
            Command::Mechanisms => f.write_str("AUTH"),
            Command::Utf8 => f.write_str("UTF8"),
            Command::Lang(LanguageRange::Any) => f.write_str("LANG *"),
            Command::Lang(LanguageRange::Of(language)) => write!(f, "LANG {}", language.tag()),
            Command::Languages => f.write_str("LANG"),
            Command::Stls => f.write_str("STLS"),
            Command::Capa => f.write_str("CAPA"),
            Command::Stat => f.write_str("STAT"),
            Command::List(None) => f.write_str("LIST"),
            Command::List(Some(Number(number))) => write!(f, "LIST {number}"),
            Command::Retr(Number(number)) => write!(f, "RETR {number}"),
            Command::Dele(Number(number)) => write!(f, "DELE {number}"),
            Command::Top(Number(number), lines) => write!(f, "TOP {number} {lines}"),
            Command::Uidl(None) => f.write_str("UIDL"),
            Command::Uidl(Some(Number(number))) => write!(f, "UIDL {number}"),
            Command::Noop => f.write_str("NOOP"),
            Command::Rset => f.write_str("RSET"),
            Command::Quit => f.write_str("QUIT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, wanted: Result<&str, Refusal>) {
        let got = parse(line.as_bytes()).map(|(command, _)| command);
        if let Ok(command) = &got {
            let again = parse(command.to_string().as_bytes()).map(|c| c.0);
            assert_eq!(again.as_ref(), Ok(command));
        }
        let got = got.map(|command| command.to_string());
        assert_eq!(got.as_deref().map_err(|e| *e), wanted, "{line:?}");
    }

    #[test]
    fn commands_parse_and_print() {
        check("USER alice@example.org", Ok("USER alice@example.org"));
        check("user 张三", Ok("USER 张三"));
        check("USER ", Err(Refusal::Syntax(Wanted::Name)));
        check("USER", Err(Refusal::Syntax(Wanted::Name)));
        check("PASS tin  whistle ", Ok("PASS tin  whistle "));
        check("PASS  x", Ok("PASS  x"));
        check("PASS", Err(Refusal::Syntax(Wanted::Password)));
        check("stat", Ok("STAT"));
        check("STAT ", Ok("STAT"));
        check("STAT 1", Err(Refusal::Syntax(Wanted::Nothing)));
        check("LIST", Ok("LIST"));
        check("LIST 2", Ok("LIST 2"));
        check("LIST 0", Err(Refusal::NoSuchMessage));
        check("LIST x", Err(Refusal::Syntax(Wanted::MessageNumber)));
        check("RETR", Err(Refusal::Syntax(Wanted::MessageNumber)));
        check("RETR -1", Err(Refusal::Syntax(Wanted::MessageNumber)));
        check("RETR +1", Err(Refusal::Syntax(Wanted::MessageNumber)));
        check("RETR 1 2", Err(Refusal::Syntax(Wanted::MessageNumber)));
        check("RETR 99999999999999999999", Err(Refusal::NoSuchMessage));
        check("DELE 007", Ok("DELE 7"));
        check("TOP 1 0", Ok("TOP 1 0"));
        check("TOP 1 99999999999999999999", Ok("TOP 1 18446744073709551615"));
        check("TOP 1", Err(Refusal::Syntax(Wanted::MessageAndLines)));
        check("TOP 1 2 3", Err(Refusal::Syntax(Wanted::MessageAndLines)));
        check("TOP 1 -1", Err(Refusal::Syntax(Wanted::MessageAndLines)));
        check("UIDL 1", Ok("UIDL 1"));
        check("QUIT", Ok("QUIT"));
        check("AUTH", Ok("AUTH"));
        check("AUTH ", Ok("AUTH"));
        check("auth plain", Ok("AUTH plain"));
        check("AUTH PLAIN =", Ok("AUTH PLAIN ="));
        check("AUTH PLAIN AGEAYg==", Ok("AUTH PLAIN AGEAYg=="));
        check("AUTH PLAIN a b", Err(Refusal::Syntax(Wanted::Mechanism)));
        check("AUTH PLAIN  a", Err(Refusal::Syntax(Wanted::Mechanism)));
        check("UTF8", Ok("UTF8"));
        check("UTF8 x", Err(Refusal::Syntax(Wanted::Nothing)));
        check("LANG", Ok("LANG"));
        check("LANG *", Ok("LANG *"));
        check("LANG zh-CN", Ok("LANG zh"));
        check("LANG MUL", Err(Refusal::UnknownLanguage));
        check("LANG en fr", Err(Refusal::Syntax(Wanted::LanguageRange)));
        for unknown in ["", " ", "APOP a b", "AUTHPLAIN", "XTND", "RETR1", "\0"] {
            check(unknown, Err(Refusal::UnknownCommand));
        }
    }

    /// RFC 6856 §2.2: names and passwords that are not UTF-8 are refused.
    #[test]
    fn names_and_passwords_are_utf_8() {
        assert_eq!(parse(b"USER \xff").unwrap_err(), Refusal::NotUtf8);
        assert_eq!(parse(b"PASS \xe4\xbd").unwrap_err(), Refusal::NotUtf8);
    }

    #[test]
    fn a_password_does_not_print() {
        for line in ["PASS secret", "AUTH PLAIN secret"] {
            let (command, _) = parse(line.as_bytes()).unwrap();
            assert!(!format!("{command:?}").contains("secret"));
        }
    }
}
