//! How mailboxes are called on both sides: on the server with its separator and below the prefix of what is the user's own, here with slashes.
//!
//! **Invariant**: who spells a name for the server and back has the name again. So no mailbox is taken for another, or missed.

use crate::error::Error;
use crate::imap::{Client, Listed};

/// What stands for a slash within a level, which only servers with another separator have.
const SLASH: char = '\u{2215}';

/// How a server spells names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    separator: Option<char>,
    /// What the names of the user's own mailboxes begin with, all but the inbox (RFC 2342 §5).
    prefix: String,
}

impl Spelling {
    pub(super) async fn learn(client: &mut Client, listed: &[Listed]) -> Result<Self, Error> {
        let separator = listed.iter().find_map(|listed| listed.separator);
        let spaces = match client.has("NAMESPACE") {
            true => client.namespaces().await,
            false => Ok(crate::imap::Namespaces::default()),
        };
        // A server that refuses to say it has none.
        let spaces = spaces.or_else(|error| match error.said() {
            Some(_) => Ok(crate::imap::Namespaces::default()),
            None => Err(error),
        })?;
        let prefix = spaces.personal.first().map(|own| own.prefix.text.to_string());
        Ok(Spelling {
            separator,
            prefix: prefix.unwrap_or_default(),
        })
    }

    /// A name of the server, with slashes between its levels.
    pub(super) fn of_server(&self, name: &str) -> String {
        if name.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        let own = name.strip_prefix(self.prefix.as_str());
        // What would be another's name without its prefix keeps it.
        let own = own.filter(|own| !own.is_empty() && !own.eq_ignore_ascii_case("INBOX"));
        let own = own.unwrap_or(name);
        match self.separator {
            None | Some('/') => own.to_owned(),
            Some(separator) => {
                let plain = |level: &str| {
                    let level = level.replace('/', &SLASH.to_string());
                    level.replace(alike(separator), &separator.to_string())
                };
                own.split(separator).map(plain).collect::<Vec<_>>().join("/")
            }
        }
    }

    /// What the server calls a mailbox, or will.
    pub(super) fn for_server(&self, name: &str) -> String {
        if name == "INBOX" {
            return name.to_owned();
        }
        let own = match self.separator {
            None | Some('/') => name.to_owned(),
            Some(separator) => {
                let levels = name.split('/').map(|level| {
                    let level = level.replace(separator, &alike(separator).to_string());
                    level.replace(SLASH, "/")
                });
                levels.collect::<Vec<_>>().join(&separator.to_string())
            }
        };
        format!("{}{own}", self.prefix)
    }
}

/// What stands for the separator within a level.
fn alike(separator: char) -> char {
    match separator {
        '.' => '\u{ff0e}',
        '\\' => '\u{ff3c}',
        _ => '\u{ff3f}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_the_server_as_it_went() {
        for (separator, prefix) in [
            (Some('/'), ""),
            (Some('.'), ""),
            (Some('.'), "INBOX."),
            (Some('\\'), ""),
            (None, ""),
        ] {
            let prefix = prefix.to_owned();
            let spelling = Spelling { separator, prefix };
            for name in ["INBOX", "工作/项目", "a.b/c", "a\\b", ".hidden", "Inbox2"] {
                let there = spelling.for_server(name);
                assert_eq!(spelling.of_server(&there), name, "{spelling:?} {there}");
            }
        }
        let dots = Spelling {
            separator: Some('.'),
            prefix: "INBOX.".to_owned(),
        };
        assert_eq!(dots.for_server("Sent/2026"), "INBOX.Sent.2026");
        assert_eq!(dots.of_server("inbox"), "INBOX");
        for there in ["INBOX.a/b", "INBOX.a_b", "INBOX.x.y"] {
            assert_eq!(dots.for_server(&dots.of_server(there)), there);
        }
    }
}
