//! What EHLO and LHLO announce, as a table (RFC 5321 §4.1.1.1).

use std::fmt::Write as _;

use crate::reply::Reply;

/// When a keyword is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// TLS can be had and is not on yet (RFC 3207 §4.2: not announced after it).
    TlsCanStart,
    /// A login is possible here and now, and has not happened.
    LoginPossible,
}

/// A keyword of EHLO.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Its name.
    pub name: &'static str,
    /// Where it is defined.
    pub defined: &'static str,
    when: When,
    parameters: fn(&Offer) -> String,
}

const fn keyword(name: &'static str, when: When, defined: &'static str) -> Keyword {
    Keyword {
        name,
        defined,
        when,
        parameters: |_| String::new(),
    }
}

/// Every keyword, in the order in which they are announced.
pub const KEYWORDS: &[Keyword] = &[
    keyword("PIPELINING", When::Always, "RFC 2920 §3"),
    Keyword {
        parameters: |offer| offer.size.to_string(),
        ..keyword("SIZE", When::Always, "RFC 1870 §4")
    },
    keyword("STARTTLS", When::TlsCanStart, "RFC 3207 §4"),
    Keyword {
        parameters: |offer| offer.mechanisms.join(" "),
        ..keyword("AUTH", When::LoginPossible, "RFC 4954 §3")
    },
    keyword("8BITMIME", When::Always, "RFC 6152 §2"),
    keyword("SMTPUTF8", When::Always, "RFC 6531 §3.1"),
    keyword("ENHANCEDSTATUSCODES", When::Always, "RFC 2034 §3"),
    keyword("CHUNKING", When::Always, "RFC 3030 §2"),
];

/// What a listener offers in the state that a connection is in.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The largest message, in octets.
    pub size: u64,
    /// Whether STARTTLS would succeed.
    pub starttls: bool,
    /// The mechanisms that AUTH would take: none where no login is possible.
    pub mechanisms: Vec<&'static str>,
}

/// The answer to EHLO and LHLO: the server's name, and a line for each keyword that holds.
#[must_use]
pub fn announce(host: &str, offer: &Offer) -> Reply {
    let mut text = host.to_owned();
    for keyword in KEYWORDS {
        let holds = match keyword.when {
            When::Always => true,
            When::TlsCanStart => offer.starttls,
            When::LoginPossible => !offer.mechanisms.is_empty(),
        };
        if !holds {
            continue;
        }
        let parameters = (keyword.parameters)(offer);
        let space = if parameters.is_empty() { "" } else { " " };
        write!(text, "\n{}{space}{parameters}", keyword.name).expect("a String takes everything");
    }
    Reply::plain(250, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn announced(offer: &Offer) -> String {
        let mut out = BytesMut::new();
        announce("mx.example", offer).print(&mut out);
        String::from_utf8(out.to_vec()).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn what_is_announced_depends_on_the_offer() {
        let mut offer = Offer {
            size: 52_428_800,
            starttls: true,
            mechanisms: vec!["PLAIN", "LOGIN"],
        };
        assert_eq!(
            announced(&offer),
            "250-mx.example\n250-PIPELINING\n250-SIZE 52428800\n250-STARTTLS\n250-AUTH PLAIN LOGIN\n250-8BITMIME\n250-SMTPUTF8\n\
             250-ENHANCEDSTATUSCODES\n250 CHUNKING\n"
        );
        offer.starttls = false;
        offer.mechanisms.clear();
        assert_eq!(
            announced(&offer),
            "250-mx.example\n250-PIPELINING\n250-SIZE 52428800\n250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250 CHUNKING\n"
        );
    }

    /// RFC 5321 §2.2.2 and DESIGN: announced is only what is whole.
    #[test]
    fn what_is_not_whole_is_not_announced() {
        for name in ["BINARYMIME", "DSN", "REQUIRETLS"] {
            assert!(KEYWORDS.iter().all(|keyword| keyword.name != name));
        }
    }
}
