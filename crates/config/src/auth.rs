//! `[auth]`: the ways to log in beside a password.

use std::path::PathBuf;

use crate::read::path;
use crate::section::{Section, boolean, number, text};

/// `[auth]`. Without it people log in with passwords, and with app passwords in the place of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// `scram`: whether SCRAM-SHA-256 is offered and its keys are kept; false unless given. The server then never sees
    /// the password, and whoever steals its table guesses faster than from Argon2id.
    pub scram: bool,
    /// `scram_rounds`: what a guess from a stolen table costs, and a client at each login; 100,000 unless given, and at
    /// least. After a change each account has new keys once its password has been said.
    pub scram_rounds: u32,
    /// `client_certificates`: a PEM file with the authorities whose certificates let their owners in (EXTERNAL), by
    /// the addresses in them. None unless given.
    pub client_certificates: Option<PathBuf>,
    /// `[auth.oidc]`: whose tokens are taken. Nobody's unless given.
    pub oidc: Option<Oidc>,
}

/// `[auth.oidc]`: OAUTHBEARER and XOAUTH2. All but the claim must be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// `issuer`: what a token must name as `iss`.
    pub issuer: String,
    /// `audience`: what a token must name as `aud`: this server, as the issuer calls it.
    pub audience: String,
    /// `keys`: a file with the issuer's public keys, as a JWK set. It is read when it is needed, so it may be renewed.
    pub keys: PathBuf,
    /// `claim`: which claim of a token is the login; `email` unless given.
    pub claim: String,
}

impl Auth {
    /// The fewest rounds, and those that there are unless others are given.
    const ROUNDS: u32 = 100_000;
}

impl Default for Auth {
    fn default() -> Self {
        Auth {
            scram: false,
            scram_rounds: Self::ROUNDS,
            client_certificates: None,
            oidc: None,
        }
    }
}

pub(crate) fn read(mut section: Section<'_>) -> Auth {
    let scram = section.take("scram", boolean);
    let rounds = section.take("scram_rounds", number(u64::from(Auth::ROUNDS)..10_000_001));
    let auth = Auth {
        scram: scram.unwrap_or_default(),
        scram_rounds: rounds
            .and_then(|rounds| u32::try_from(rounds).ok())
            .unwrap_or(Auth::ROUNDS),
        client_certificates: section.take("client_certificates", path),
        oidc: oidc(section.section_named("oidc", "auth.oidc")),
    };
    section.end();
    auth
}

fn oidc(mut section: Section<'_>) -> Option<Oidc> {
    if section.is_empty() {
        return None;
    }
    let issuer = section.take("issuer", text).map(str::to_owned);
    let audience = section.take("audience", text).map(str::to_owned);
    let keys = section.take("keys", path);
    let claim = section.take("claim", text).map(str::to_owned);
    for key in ["issuer", "audience", "keys"] {
        section.require(key);
    }
    section.end();
    Some(Oidc {
        issuer: issuer?,
        audience: audience?,
        keys: keys?,
        claim: claim.unwrap_or_else(|| "email".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn parse(rest: &str) -> Result<Auth, String> {
        let settings = Settings::parse(&format!("hostname = 'a'\n{rest}"));
        settings
            .map(|settings| settings.auth)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_ways_to_log_in_can_be_given() {
        assert_eq!(parse(""), Ok(Auth::default()));
        let file = "[auth]\nscram = true\nscram_rounds = 200_000\nclient_certificates = 'ca.pem'\n\
            [auth.oidc]\nissuer = 'https://id.example.org'\naudience = 'mail'\nkeys = 'jwks.json'\n";
        let wanted = Auth {
            scram: true,
            scram_rounds: 200_000,
            client_certificates: Some("ca.pem".into()),
            oidc: Some(Oidc {
                issuer: "https://id.example.org".to_owned(),
                audience: "mail".to_owned(),
                keys: "jwks.json".into(),
                claim: "email".to_owned(),
            }),
        };
        assert_eq!(parse(file), Ok(wanted));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let check = |rest: &str, wanted: &str| assert_eq!(parse(rest), Err(wanted.to_owned()), "{rest}");
        check("[auth]\nscram = 'yes'\n", "line 3: scram: must be true or false");
        check(
            "[auth]\nscram_rounds = 99_999\n",
            "line 3: scram_rounds: must be a whole number from 100000 to 10000000",
        );
        check(
            "[auth]\nplain = true\n",
            "line 3: there is no setting plain in [auth]",
        );
        check(
            "[auth.oidc]\nissuer = 'x'\nkey = 'y'\n",
            "line 4: there is no setting key in [auth.oidc]\n[auth.oidc] audience must be given\n[auth.oidc] keys must be given",
        );
        check("[auth]\noidc = 1\n", "line 3: oidc: [auth.oidc] must be a table");
    }
}
