//! Large providers, as they publish their servers. Nobody is asked about an address of theirs.

use types::Address;

use super::candidate::{Candidate, Source, Standing};
use crate::{Protocol, Security};

/// A host and how TLS begins there, on the port that goes with it.
type Place = (&'static str, Security);

/// What a login is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// The whole address.
    Address,
    /// What stands before the `@`, for fetching; the whole address for sending.
    LocalPart,
}

struct Provider {
    domains: &'static [&'static str],
    smtp: Place,
    imap: Place,
    pop3: Option<Place>,
    name: Name,
}

const fn provider(
    domains: &'static [&'static str],
    smtp: &'static str,
    imap: &'static str,
    pop3: &'static str,
) -> Provider {
    Provider {
        domains,
        smtp: (smtp, Security::Tls),
        imap: (imap, Security::Tls),
        pop3: Some((pop3, Security::Tls)),
        name: Name::Address,
    }
}

const fn with_start_tls(smtp: &'static str, of: Provider) -> Provider {
    Provider {
        smtp: (smtp, Security::StartTls),
        ..of
    }
}

const PROVIDERS: &[Provider] = &[
    // https://service.mail.qq.com/detail/0/310
    provider(
        &["qq.com", "vip.qq.com", "foxmail.com"],
        "smtp.qq.com",
        "imap.qq.com",
        "pop.qq.com",
    ),
    // https://help.mail.163.com
    provider(&["163.com"], "smtp.163.com", "imap.163.com", "pop.163.com"),
    provider(&["126.com"], "smtp.126.com", "imap.126.com", "pop.126.com"),
    provider(&["yeah.net"], "smtp.yeah.net", "imap.yeah.net", "pop.yeah.net"),
    provider(&["188.com"], "smtp.188.com", "imap.188.com", "pop.188.com"),
    provider(&["sina.com"], "smtp.sina.com", "imap.sina.com", "pop.sina.com"),
    provider(&["sina.cn"], "smtp.sina.cn", "imap.sina.cn", "pop.sina.cn"),
    provider(&["sohu.com"], "smtp.sohu.com", "imap.sohu.com", "pop3.sohu.com"),
    provider(&["139.com"], "smtp.139.com", "imap.139.com", "pop.139.com"),
    provider(&["189.cn"], "smtp.189.cn", "imap.189.cn", "pop.189.cn"),
    provider(
        &["aliyun.com"],
        "smtp.aliyun.com",
        "imap.aliyun.com",
        "pop3.aliyun.com",
    ),
    // https://support.google.com/mail/answer/7126229
    provider(
        &["gmail.com", "googlemail.com"],
        "smtp.gmail.com",
        "imap.gmail.com",
        "pop.gmail.com",
    ),
    // https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040
    with_start_tls(
        "smtp-mail.outlook.com",
        provider(
            &["outlook.com", "hotmail.com", "live.com", "msn.com"],
            "",
            "outlook.office365.com",
            "outlook.office365.com",
        ),
    ),
    // https://support.apple.com/102525
    Provider {
        domains: &["icloud.com", "me.com", "mac.com"],
        smtp: ("smtp.mail.me.com", Security::StartTls),
        imap: ("imap.mail.me.com", Security::Tls),
        pop3: None,
        name: Name::LocalPart,
    },
    provider(
        &["yahoo.com", "ymail.com"],
        "smtp.mail.yahoo.com",
        "imap.mail.yahoo.com",
        "pop.mail.yahoo.com",
    ),
    provider(&["aol.com"], "smtp.aol.com", "imap.aol.com", "pop.aol.com"),
    provider(
        &["fastmail.com", "fastmail.fm"],
        "smtp.fastmail.com",
        "imap.fastmail.com",
        "pop.fastmail.com",
    ),
    provider(&["zoho.com"], "smtp.zoho.com", "imap.zoho.com", "pop.zoho.com"),
    provider(
        &["gmx.net", "gmx.de"],
        "mail.gmx.net",
        "imap.gmx.net",
        "pop.gmx.net",
    ),
    provider(&["gmx.com"], "mail.gmx.com", "imap.gmx.com", "pop.gmx.com"),
    with_start_tls(
        "smtp.web.de",
        provider(&["web.de"], "", "imap.web.de", "pop3.web.de"),
    ),
    provider(&["mail.ru"], "smtp.mail.ru", "imap.mail.ru", "pop.mail.ru"),
    provider(
        &["yandex.ru"],
        "smtp.yandex.ru",
        "imap.yandex.ru",
        "pop.yandex.ru",
    ),
    provider(
        &["yandex.com"],
        "smtp.yandex.com",
        "imap.yandex.com",
        "pop.yandex.com",
    ),
];

/// The servers of an address, where its provider is known.
pub(super) fn of(address: &Address) -> Vec<Candidate> {
    let domain = address.domain.to_ascii();
    let is_of = |provider: &&Provider| {
        let mut domains = provider.domains.iter();
        domains.any(|known| domain.eq_ignore_ascii_case(known))
    };
    let Some(provider) = PROVIDERS.iter().find(is_of) else {
        return Vec::new();
    };
    let places = [
        Some((Protocol::Smtp, provider.smtp)),
        Some((Protocol::Imap, provider.imap)),
        provider.pop3.map(|place| (Protocol::Pop3, place)),
    ];
    let candidate = |(protocol, (host, security)): (Protocol, Place)| Candidate {
        protocol,
        host: host.to_owned(),
        port: crate::server::port(protocol, security),
        security,
        login: match (provider.name, protocol) {
            (Name::LocalPart, Protocol::Imap | Protocol::Pop3) => address.local.as_str().to_owned(),
            _ => address.to_string(),
        },
        source: Source::Known,
        standing: Standing::Vouched,
    };
    places.into_iter().flatten().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidate::host_name;
    use super::*;

    #[test]
    fn a_known_provider_has_its_published_servers() {
        let check = |address: &str, wanted: &[&str]| {
            let candidates = of(&Address::parse(address).unwrap());
            let urls: Vec<String> = candidates.iter().map(Candidate::url).collect();
            assert_eq!(urls, wanted, "{address}");
        };
        check(
            "a@Foxmail.com",
            &[
                "smtps://a%40foxmail.com@smtp.qq.com:465",
                "imaps://a%40foxmail.com@imap.qq.com:993",
                "pop3s://a%40foxmail.com@pop.qq.com:995",
            ],
        );
        check(
            "a@icloud.com",
            &[
                "smtp://a%40icloud.com@smtp.mail.me.com:587",
                "imaps://a@imap.mail.me.com:993",
            ],
        );
        check("a@notqq.com", &[]);
        check("a@mail.qq.com", &[]);
    }

    #[test]
    fn every_domain_stands_once_and_every_host_is_one() {
        let mut domains: Vec<&str> = PROVIDERS.iter().flat_map(|of| of.domains).copied().collect();
        let all = domains.len();
        domains.sort_unstable();
        domains.dedup();
        assert_eq!(domains.len(), all);
        for domain in domains {
            for candidate in of(&Address::parse(&format!("a@{domain}")).unwrap()) {
                assert_eq!(host_name(&candidate.host).as_ref(), Some(&candidate.host));
            }
        }
    }
}
