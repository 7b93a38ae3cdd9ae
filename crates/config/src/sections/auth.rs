//! The ways to log in beside a password.

use std::path::PathBuf;

use crate::kind::{Flag, Number, Optional, Path, SafeUrl, Text};
use crate::section::Section;
use crate::setting::section;

/// The fewest rounds of SCRAM, and those that there are unless others are given.
const ROUNDS: u32 = 100_000;

section! {
    Auth, "auth":
    "The ways to log in beside a password, and beside app passwords in its place. All are off unless turned on.",
    "密码（以及代替它的应用密码）之外的登录方式。默认全部关闭。";

    scram: bool = false, Flag, "",
    "Whether SCRAM-SHA-256 is offered and its keys are kept. The server then never sees the password, and whoever steals its table guesses faster than from Argon2id.",
    "是否提供 SCRAM-SHA-256 并保存其密钥。服务器从此不会看到密码；但密码表被盗时，比 Argon2id 更容易猜。";

    scram_rounds: u32 = ROUNDS, Number(ROUNDS..=10_000_000), "",
    "What a guess from a stolen table costs, and a client at each login. After a change each account has new keys once its password has been said.",
    "从被盗的密码表猜一次的代价，也是客户端每次登录的代价。更改后，各账户在下次用密码登录时得到新的密钥。";

    client_certificates: Option<PathBuf> = None, Optional(Path), "\"/etc/posthouse/clients.pem\"",
    "A PEM file with the authorities whose certificates let their owners in (EXTERNAL), by the addresses in them.",
    "PEM 文件：由这些机构签发的客户端证书，其持有者可按证书中的地址登录（EXTERNAL）。";
}

section! {
    Issuer, "auth.oidc":
    "Tokens of an OpenID Connect issuer (OAUTHBEARER, XOAUTH2). The issuer and the audience are given together, and the keys or where to ask, or both.",
    "OpenID Connect 颁发者的令牌（OAUTHBEARER、XOAUTH2）。颁发者和受众须一起给出，并给出公钥或查询地址，或两者都给出。";

    issuer: Option<String> = None, Optional(Text), "\"https://id.example.org\"",
    "What a token must name as `iss`.",
    "令牌的 `iss` 必须是它。";

    audience: Option<String> = None, Optional(Text), "\"mail\"",
    "What a token must name as `aud`: this server, as the issuer calls it.",
    "令牌的 `aud` 必须是它：颁发者对本服务器的称呼。";

    keys: Option<PathBuf> = None, Optional(Path), "\"/etc/posthouse/jwks.json\"",
    "A file with the issuer's public keys, as a JWK set. It is read at each login, so it may be renewed.",
    "颁发者公钥的文件（JWK 集合）。每次登录时读取，因此可随时更新。";

    introspection: Option<String> = None, Optional(SafeUrl), "\"https://id.example.org/introspect\"",
    "Where the issuer is asked about a token that is not signed with one of `keys` (RFC 7662): `https`, or `http` on this machine.",
    "对于不是用 `keys` 中的公钥签名的令牌，到此地址询问颁发者（RFC 7662）：`https`，或本机上的 `http`。";

    client: Option<String> = None, Optional(Text), "\"posthouse\"",
    "By which name the issuer knows this server when it asks.",
    "询问时颁发者所知的本服务器的名称。";

    secret: Option<PathBuf> = None, Optional(Path), "\"/etc/posthouse/oidc-secret\"",
    "A file with the password that goes with `client`.",
    "存放与 `client` 对应的密码的文件。";

    claim: String = "email".to_owned(), Text, "",
    "Which claim of a token is the login.",
    "令牌中作为登录名的声明。";
}

/// `[auth.oidc]`: whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// What a token must name as `iss`.
    pub issuer: String,
    /// What a token must name as `aud`.
    pub audience: String,
    /// A file with a JWK set.
    pub keys: Option<PathBuf>,
    /// Where the issuer is asked.
    pub introspection: Option<Introspection>,
    /// Which claim is the login.
    pub claim: String,
}

/// Where an issuer is asked about tokens (RFC 7662).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection {
    /// Its address.
    pub url: String,
    /// Who asks.
    pub client: String,
    /// A file with the password of whoever asks.
    pub secret: PathBuf,
}

/// Reads `[auth.oidc]`; a claim alone lets nobody in.
pub(crate) fn oidc(mut section: Section<'_>) -> Option<Oidc> {
    let read = Issuer::take(&mut section);
    let any = ["issuer", "audience", "keys", "introspection"];
    if any.iter().any(|key| section.has(key)) {
        section.require("issuer");
        section.require("audience");
        if !section.has("introspection") {
            section.require("keys");
        }
    }
    let asking = ["introspection", "client", "secret"];
    if asking.iter().any(|key| section.has(key)) {
        asking.iter().for_each(|key| section.require(key));
    }
    section.end();
    let introspection = match (read.introspection, read.client, read.secret) {
        (Some(url), Some(client), Some(secret)) => Some(Introspection { url, client, secret }),
        _ => None,
    };
    if read.keys.is_none() && introspection.is_none() {
        return None;
    }
    Some(Oidc {
        issuer: read.issuer?,
        audience: read.audience?,
        keys: read.keys,
        introspection,
        claim: read.claim,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn parse(rest: &str) -> Result<(Auth, Option<Oidc>), String> {
        let settings = Settings::parse(&format!("hostname = 'a'\n{rest}"));
        settings
            .map(|settings| (settings.auth, settings.oidc))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_ways_to_log_in_can_be_given() {
        assert_eq!(parse(""), Ok((Auth::default(), None)));
        let file = "[auth]\nscram = true\nscram_rounds = 200_000\nclient_certificates = 'ca.pem'\n\
            [auth.oidc]\nissuer = 'https://id.example.org'\naudience = 'mail'\nkeys = 'jwks.json'\n";
        let wanted = Auth {
            scram: true,
            scram_rounds: 200_000,
            client_certificates: Some("ca.pem".into()),
        };
        let oidc = Oidc {
            issuer: "https://id.example.org".to_owned(),
            audience: "mail".to_owned(),
            keys: Some("jwks.json".into()),
            introspection: None,
            claim: "email".to_owned(),
        };
        assert_eq!(parse(file), Ok((wanted, Some(oidc.clone()))));
        let asks = "[auth.oidc]\nissuer = 'https://id.example.org'\naudience = 'mail'\n\
            introspection = 'http://localhost:8080/ask'\nclient = 'we'\nsecret = 'file'\n";
        let oidc = Oidc {
            keys: None,
            introspection: Some(Introspection {
                url: "http://localhost:8080/ask".to_owned(),
                client: "we".to_owned(),
                secret: "file".into(),
            }),
            ..oidc
        };
        assert_eq!(parse(asks), Ok((Auth::default(), Some(oidc))));
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
        check(
            "[auth.oidc]\nissuer = 'x'\naudience = 'y'\nintrospection = 'https://id.example.org/ask'\n",
            "[auth.oidc] client must be given\n[auth.oidc] secret must be given",
        );
        for url in [
            "http://id.example.org/ask",
            "id.example.org",
            "https://",
            "http://localhost.example.org/",
        ] {
            check(
                &format!(
                    "[auth.oidc]\nissuer = 'x'\naudience = 'y'\nclient = 'a'\nsecret = 'b'\nintrospection = '{url}'\n"
                ),
                "line 7: introspection: must be an address that begins with https://, or http:// on this machine",
            );
        }
        check("[auth]\noidc = 1\n", "line 3: [auth.oidc] must be a table");
    }
}
