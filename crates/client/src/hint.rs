//! What is known of providers, said where it helps.

use crate::Language;
use crate::certificate::Flaw;
use crate::error::{Cause, Step};

/// Advice that goes with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The provider wants an authorisation code that its web mail makes, not the account's password.
    AuthorisationCode,
    /// The provider wants an app password, or OAuth 2.
    AppPassword,
    /// The provider takes OAuth 2 tokens only.
    TokenOnly,
    /// The provider wants access by programs switched on first.
    SwitchOn,
    /// The server needs a new certificate, or this machine another time.
    Renew,
    /// The certificate has other names.
    OtherName,
    /// The certificate is not the pinned one.
    OtherPin,
    /// The certificate can be pinned, or a root given, if it is the caller's own server.
    OwnServer,
    /// TLS from the first octet may be had on another port.
    OtherSecurity,
}

impl Hint {
    /// The advice.
    #[must_use]
    pub fn words(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Hint::AuthorisationCode => (
                "This provider wants an authorisation code in place of the password: switch POP3/SMTP or IMAP/SMTP on in the settings of its web mail, \
                 and it shows one.",
                "该邮箱要用授权码代替密码：请在网页邮箱的设置里开启 POP3/SMTP 或 IMAP/SMTP 服务，并获取授权码。",
            ),
            Hint::AppPassword => (
                "This provider wants an app password, made in the settings of the account, or OAuth 2.",
                "该邮箱要用应用专用密码（在账号设置里生成）或 OAuth 2。",
            ),
            Hint::TokenOnly => (
                "This provider takes no passwords from programs, only OAuth 2 tokens.",
                "该邮箱不接受程序用密码登录，只接受 OAuth 2 令牌。",
            ),
            Hint::SwitchOn => (
                "Access by POP3 or IMAP may have to be switched on in the settings of the account.",
                "可能需要先在账号设置里开启 POP3 或 IMAP 访问。",
            ),
            Hint::Renew => (
                "If the clock of this machine is right, whoever runs the server has to put another certificate there.",
                "如果本机的时钟没有错，需要由服务器的管理者更换证书。",
            ),
            Hint::OtherName => (
                "If it is the server that you mean, call it by a name that is on its certificate.",
                "如果确实是这台服务器，请用证书上的主机名连接。",
            ),
            Hint::OtherPin => (
                "If the server was given another certificate, pin that, with a digest that you have from there; if not, somebody is in between.",
                "如果服务器换了证书，请从服务器取得新指纹并改用它；如果没有换，则有人在中间拦截。",
            ),
            Hint::OwnServer => (
                "If it is your own server, name its certificate in the URL (?ca=FILE) or pin it (?pin=sha256:…).",
                "如果是您自己的服务器，可以在 URL 里指定它的证书（?ca=文件）或指纹（?pin=sha256:…）。",
            ),
            Hint::OtherSecurity => (
                "Try TLS from the first octet (smtps, pop3s, imaps), or say tls=none if the connection needs no protection.",
                "可以改用 smtps、pop3s 或 imaps；如果连接无需保护，请注明 tls=none。",
            ),
        };
        language.pick(english, chinese)
    }
}

/// Providers by the ends of their servers' names.
const PROVIDERS: &[(&[&str], Hint)] = &[
    (
        &[
            "qq.com",
            "foxmail.com",
            "163.com",
            "126.com",
            "yeah.net",
            "188.com",
            "sina.com",
            "sina.cn",
            "sohu.com",
            "139.com",
            "aliyun.com",
        ],
        Hint::AuthorisationCode,
    ),
    (
        &[
            "gmail.com",
            "googlemail.com",
            "yahoo.com",
            "aol.com",
            "icloud.com",
            "me.com",
            "fastmail.com",
            "zoho.com",
            "yandex.com",
            "yandex.ru",
            "gmx.com",
        ],
        Hint::AppPassword,
    ),
    (
        &["outlook.com", "hotmail.com", "live.com", "office365.com"],
        Hint::TokenOnly,
    ),
    (&["gmx.net", "web.de", "mail.ru"], Hint::SwitchOn),
];

/// The hint that goes with a failure of `server` (`host:port`).
pub(crate) fn of(server: &str, step: &Step, cause: &Cause) -> Option<Hint> {
    match cause {
        Cause::Certificate(untrusted) => {
            return Some(match untrusted.flaw() {
                Flaw::Expired(_) | Flaw::NotYetValid(_) | Flaw::SignerExpired(_) => Hint::Renew,
                Flaw::OtherName(_) => Hint::OtherName,
                Flaw::NotPinned => Hint::OtherPin,
                Flaw::SelfSigned | Flaw::UnknownSigner(_) | Flaw::Other(_) => Hint::OwnServer,
            });
        }
        Cause::NoTls => return Some(Hint::OtherSecurity),
        Cause::Refused(_) | Cause::NoMechanism { .. } if *step == Step::Login => {}
        _ => return None,
    }
    let host = server
        .rsplit_once(':')
        .map_or(server, |(host, _)| host)
        .to_ascii_lowercase();
    let is_of = |domain: &&&str| {
        let before = host.strip_suffix(**domain);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    PROVIDERS
        .iter()
        .find(|(domains, _)| domains.iter().any(|domain| is_of(&domain)))
        .map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Said;

    #[test]
    fn the_hint_is_of_the_provider_and_of_a_refused_login() {
        let refused = || {
            Cause::Refused(Said {
                code: Some(535),
                detail: None,
                text: "Login fail".into(),
            })
        };
        let check =
            |server: &str, step: &Step, hint| assert_eq!(of(server, step, &refused()), hint, "{server}");
        check("smtp.qq.com:465", &Step::Login, Some(Hint::AuthorisationCode));
        check("SMTP.163.COM:465", &Step::Login, Some(Hint::AuthorisationCode));
        check("imap.gmail.com:993", &Step::Login, Some(Hint::AppPassword));
        check("outlook.office365.com:993", &Step::Login, Some(Hint::TokenOnly));
        check("smtp.notqq.com:465", &Step::Login, None);
        check("smtp.qq.com:465", &Step::command("RCPT"), None);
    }
}
