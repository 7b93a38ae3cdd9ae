//! CAPABILITY (RFC 3501 §6.1.1 and §7.2.1): which words are said in which situation.

use super::COMMANDS;
use crate::grammar::print;

/// What the words depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation<'a> {
    /// Not logged in, and passwords may be sent.
    LoginAllowed {
        /// Whether TLS can be begun.
        starttls: Offer,
        /// The names of the SASL mechanisms that serve (RFC 3501 §6.1.1).
        mechanisms: &'a [&'a str],
    },
    /// Not logged in, and passwords may not be sent before TLS.
    LoginForbidden {
        /// Whether TLS can be begun.
        starttls: Offer,
    },
    /// Logged in.
    LoggedIn,
}

/// Whether something is on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What is announced and has no command of its own.
const WITHOUT_COMMAND: &[&str] = &[
    "SASL-IR",           // RFC 4959 §3
    "LITERAL+",          // RFC 7888 §3
    "MULTIAPPEND",       // RFC 3502
    "CHILDREN",          // RFC 3348 §3
    "SPECIAL-USE",       // RFC 6154 §2
    "STATUS=SIZE",       // RFC 8438 §3
    "UTF8=ACCEPT",       // RFC 6855 §3
    "WITHIN",            // RFC 5032 §2
    "OBJECTID",          // RFC 8474 §3
    "SAVEDATE",          // RFC 8514 §4.1
    "QUOTA=RES-STORAGE", // RFC 9208 §5.1
    "QUOTA=RES-MESSAGE", // RFC 9208 §5.2
];

/// Prints the capabilities that hold, each after a space: ` IMAP4rev1 IDLE …`, with the octets that a message to be appended may
/// have (RFC 7889 §2).
pub fn print(out: &mut Vec<u8>, situation: Situation<'_>, append_limit: usize) {
    let mut said: Vec<&str> = vec!["IMAP4rev1"];
    let auth: Vec<String>;
    match situation {
        Situation::LoginAllowed { starttls, mechanisms } => {
            said.extend(start_tls(starttls));
            auth = mechanisms.iter().map(|name| format!("AUTH={name}")).collect();
            said.extend(auth.iter().map(String::as_str));
        }
        Situation::LoginForbidden { starttls } => {
            said.extend(start_tls(starttls));
            said.push("LOGINDISABLED");
        }
        Situation::LoggedIn => {}
    }
    for word in COMMANDS.iter().filter_map(|entry| entry.capability) {
        if !said.contains(&word) {
            said.push(word);
        }
    }
    said.extend(WITHOUT_COMMAND);
    for word in said {
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(b" APPENDLIMIT=");
    print::number(out, append_limit as u64);
}

fn start_tls(offer: Offer) -> Option<&'static str> {
    (offer == Offer::Yes).then_some("STARTTLS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_depend_on_the_situation() {
        let check = |situation, wanted: &str| {
            let mut out = Vec::new();
            print(&mut out, situation, 1000);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        };
        let rest = "ID ENABLE NAMESPACE QUOTA IDLE UNSELECT UIDPLUS MOVE SASL-IR LITERAL+ MULTIAPPEND CHILDREN SPECIAL-USE \
                    STATUS=SIZE UTF8=ACCEPT WITHIN OBJECTID SAVEDATE QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT=1000";
        check(Situation::LoggedIn, &format!(" IMAP4rev1 {rest}"));
        check(
            Situation::LoginForbidden { starttls: Offer::Yes },
            &format!(" IMAP4rev1 STARTTLS LOGINDISABLED {rest}"),
        );
        check(
            Situation::LoginAllowed {
                starttls: Offer::No,
                mechanisms: &["SCRAM-SHA-256", "PLAIN"],
            },
            &format!(" IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN {rest}"),
        );
    }
}
