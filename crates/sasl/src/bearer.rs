//! OAUTHBEARER (RFC 7628) and XOAUTH2, its elder: a token in one message, and a second message where it fails.

use std::str;

use crate::gs2::{Flag, Header};
use crate::server::MAX_FIELD;
use crate::{Mechanism, Secret};

/// The longest token: with all groups of a large company in it, a signed one has some thousand octets.
pub const MAX_TOKEN: usize = 8192;

/// What ends a pair.
const SEPARATOR: char = '\u{1}';

/// A token, and whom its bearer wants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// OAUTHBEARER or XOAUTH2.
    pub mechanism: Mechanism,
    /// The login, where the client names one.
    pub act_as: Option<String>,
    /// The token itself.
    pub secret: Secret,
}

/// What a client is told of a token that is not taken (RFC 7628 §3.2.2); only then the exchange ends.
pub(crate) const REJECTION: &[u8] = br#"{"status":"invalid_token"}"#;

impl Token {
    /// Reads the client's message.
    pub(crate) fn parse(mechanism: Mechanism, message: &[u8]) -> Option<Self> {
        let message = str::from_utf8(message).ok()?;
        match mechanism {
            Mechanism::XOAuth2 => Self::parse_xoauth2(message),
            _ => Self::parse_oauthbearer(message),
        }
    }

    /// RFC 7628 §3.1: `client-resp = gs2-header kvsep *kvpair kvsep`.
    fn parse_oauthbearer(message: &str) -> Option<Self> {
        let (header, rest) = Header::parse(message)?;
        // RFC 7628 §3.1: without channel binding.
        if let Flag::Bound(_) = header.flag {
            return None;
        }
        let pairs = rest.strip_prefix(SEPARATOR)?.strip_suffix(SEPARATOR)?;
        let mut secret = None;
        for pair in pairs.strip_suffix(SEPARATOR)?.split(SEPARATOR) {
            let (key, value) = pair.split_once('=')?;
            let named = !key.is_empty() && key.bytes().all(|octet| octet.is_ascii_alphabetic());
            let spoken = |octet: u8| matches!(octet, b'\t' | b'\r' | b'\n' | b' '..=b'~');
            if !named || !value.bytes().all(spoken) {
                return None;
            }
            // Others are ignored: host and port matter to tokens that are signed for them, and ours are not.
            if key == "auth" && secret.replace(bearer(value)?).is_some() {
                return None;
            }
        }
        Some(Token {
            mechanism: Mechanism::OAuthBearer,
            act_as: header.act_as,
            secret: secret?,
        })
    }

    /// `"user=" login ^A "auth=Bearer " token ^A ^A`.
    fn parse_xoauth2(message: &str) -> Option<Self> {
        let rest = message.strip_prefix("user=")?;
        let (login, rest) = rest.split_once(SEPARATOR)?;
        let token = rest.strip_prefix("auth=")?.strip_suffix("\u{1}\u{1}")?;
        (!login.is_empty() && login.len() <= MAX_FIELD && !login.contains('\0')).then_some(())?;
        Some(Token {
            mechanism: Mechanism::XOAuth2,
            act_as: Some(login.to_owned()),
            secret: bearer(token)?,
        })
    }

    /// The client's message.
    pub(crate) fn print(&self) -> Vec<u8> {
        let beginning = match self.mechanism {
            Mechanism::XOAuth2 => format!("user={}", self.act_as.as_deref().unwrap_or_default()),
            _ => Header {
                flag: Flag::Cannot,
                act_as: self.act_as.clone(),
            }
            .print(),
        };
        let pieces: [&[u8]; 4] = [
            beginning.as_bytes(),
            b"\x01auth=Bearer ",
            self.secret.expose(),
            b"\x01\x01",
        ];
        pieces.concat()
    }
}

/// RFC 6750 §2.1: `"Bearer" 1*SP b64token`; the scheme in any case.
fn bearer(value: &str) -> Option<Secret> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let letter = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
    let formed = scheme.eq_ignore_ascii_case("Bearer")
        && (1..=MAX_TOKEN).contains(&token.len())
        && token.bytes().all(letter);
    formed.then(|| Secret::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mechanism: Mechanism, message: &str, wanted: Option<(Option<&str>, &str)>) {
        let got = Token::parse(mechanism, message.as_bytes());
        let wanted = wanted.map(|(act_as, token)| Token {
            mechanism,
            act_as: act_as.map(str::to_owned),
            secret: Secret::from(token),
        });
        assert_eq!(got, wanted, "{message:?}");
    }

    /// RFC 7628 §4.1 and what is not in its form.
    #[test]
    fn oauthbearer_messages_are_read() {
        let check = |message: &str, wanted| check(Mechanism::OAuthBearer, message, wanted);
        let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
        check(
            &format!(
                "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=Bearer {token}\u{1}\u{1}"
            ),
            Some((Some("user@example.com"), token)),
        );
        check("n,,\u{1}auth=bearer  x\u{1}\u{1}", Some((None, "x")));
        check("y,,\u{1}auth=Bearer x\u{1}unknown=\u{1}\u{1}", Some((None, "x")));
        for wrong in [
            "",
            "\u{1}",
            "n,,",
            "n,,\u{1}\u{1}",
            "n,,auth=Bearer x\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x\u{1}",
            "n,,\u{1}auth=Bearer x",
            "n,,\u{1}auth=Bearer \u{1}\u{1}",
            "n,,\u{1}auth=Bearer x y\u{1}\u{1}",
            "n,,\u{1}auth=Basic x\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x\u{1}auth=Bearer y\u{1}\u{1}",
            "n,,\u{1}host=x\u{1}\u{1}",
            "n,,\u{1}=x\u{1}auth=Bearer x\u{1}\u{1}",
            "n,,\u{1}a1=x\u{1}auth=Bearer x\u{1}\u{1}",
            "n,,\u{1}host=\u{7f}\u{1}auth=Bearer x\u{1}\u{1}",
            "p=tls-exporter,,\u{1}auth=Bearer x\u{1}\u{1}",
            "n,user=a,\u{1}auth=Bearer x\u{1}\u{1}",
        ] {
            check(wrong, None);
        }
        let long = |n: usize| format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", "x".repeat(n));
        let longest = "x".repeat(MAX_TOKEN);
        check(&long(MAX_TOKEN), Some((None, &longest)));
        check(&long(MAX_TOKEN + 1), None);
    }

    #[test]
    fn xoauth2_messages_are_read() {
        let check = |message: &str, wanted| check(Mechanism::XOAuth2, message, wanted);
        check(
            "user=someuser@example.com\u{1}auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u{1}\u{1}",
            Some((
                Some("someuser@example.com"),
                "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
            )),
        );
        for wrong in [
            "",
            "user=a",
            "user=\u{1}auth=Bearer x\u{1}\u{1}",
            "user=a\u{1}auth=Bearer x\u{1}",
            "user=a\u{1}auth=Bearer x\u{1}\u{1}\u{1}",
            "auth=Bearer x\u{1}\u{1}",
            "user=a\u{1}auth=x\u{1}\u{1}",
        ] {
            check(wrong, None);
        }
    }
}
