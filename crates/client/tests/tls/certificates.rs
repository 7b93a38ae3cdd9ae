//! Certificates that are refused: what is wrong with which one, what to do, and nothing of a login was said; and those that are taken.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use posthouse_client::{Cause, Error, Language, Trust, parse_pin};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::{Play, Script, WAYS};
use crate::{PLAIN, log_in, server};

/// What a server shows, with its key.
pub(crate) struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Shown {
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key);
        Arc::new(config.unwrap())
    }

    /// The server's certificate as the only root.
    pub(crate) fn trusted(&self) -> Trust {
        Trust::Roots(vec![self.chain[0].to_vec()])
    }

    fn digest(&self) -> String {
        let octets = digest(&SHA256, &self.chain[0]);
        let hex: String = octets
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        format!("sha256:{hex}")
    }

    fn pinned(&self) -> Trust {
        Trust::Pins(vec![parse_pin(&self.digest()).unwrap()])
    }
}

/// When it is good: from and to the beginning of a year.
type Years = (i32, i32);

const NOW: Years = (2020, 2090);

fn parameters(names: &[&str], years: Years) -> CertificateParams {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = date_time_ymd(years.0, 1, 1);
    parameters.not_after = date_time_ymd(years.1, 1, 1);
    parameters
}

pub(crate) fn self_signed(names: &[&str], years: Years) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = parameters(names, years).self_signed(&key).unwrap();
    Shown {
        chain: vec![certificate.der().clone()],
        key,
    }
}

/// One that may sign others, and shows itself.
fn self_signed_authority(years: Years) -> Shown {
    let key = KeyPair::generate().unwrap();
    let mut parameters = parameters(&["localhost"], years);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap();
    Shown {
        chain: vec![certificate.der().clone()],
        key,
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority_parameters(name: &str, years: Years) -> CertificateParams {
    let mut parameters = parameters(&[], years);
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_parameters(name, NOW), KeyPair::generate().unwrap()).unwrap()
}

fn below(authority: &Authority, name: &str, years: Years) -> Authority {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::signed_by(authority_parameters(name, years), key, authority).unwrap()
}

fn signed(by: &Authority, names: &[&str], years: Years) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = parameters(names, years).signed_by(&key, by).unwrap();
    Shown {
        chain: vec![certificate.der().clone()],
        key,
    }
}

fn roots(authority: &Authority) -> Trust {
    Trust::Roots(vec![authority.der().to_vec()])
}

/// One way after the other with a certificate: what became of it, and the words in both languages hold what is wanted.
async fn refused(what: &str, shown: &Shown, trust: &Trust, wanted: [&[&str]; 2]) {
    let digest = shown.digest();
    for scheme in WAYS {
        let script = Script::play(scheme, Play::of(scheme), shown.config());
        let error: Error = log_in(&server(&script, trust.clone())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Certificate(_)), "{what}: {error}");
        for (language, wanted) in [Language::English, Language::Chinese].into_iter().zip(wanted) {
            let words = error.words(language);
            let missing = wanted.iter().find(|wanted| !words.contains(**wanted));
            assert!(
                missing.is_none() && words.contains(&digest),
                "{what}, {scheme}: {words:?} has no {missing:?}"
            );
        }
        let heard = script.end();
        heard.nothing_of_a_login(what);
        assert_eq!(heard.inside, Vec::<String>::new(), "{what}, {scheme}");
    }
}

async fn taken(what: &str, shown: &Shown, trust: &Trust) {
    for scheme in WAYS {
        let script = Script::play(scheme, Play::of(scheme), shown.config());
        let done = log_in(&server(&script, trust.clone())).await;
        assert!(done.is_ok(), "{what}, {scheme}: {:?}", done.unwrap_err());
        let heard = script.end();
        assert!(
            heard.inside.iter().any(|line| line.contains(PLAIN))
                && !heard.clear.iter().any(|line| line.contains("AUTH")),
            "{what}, {scheme}: {heard:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_or_not_yet_come_is_refused_with_its_date() {
    let known = authority("Known Authority");
    let expired = signed(&known, &["localhost", "mail.example.org"], (2019, 2020));
    let english: &[&str] = &[
        "it expired on 2020-01-01T00:00:00Z",
        "It is for localhost, mail.example.org (sha256:",
        "has to put another certificate there",
    ];
    let chinese: &[&str] = &[
        "已于 2020-01-01T00:00:00Z 过期",
        "localhost、mail.example.org（sha256:",
        "更换证书",
    ];
    refused("expired", &expired, &roots(&known), [english, chinese]).await;
    let early = signed(&known, &["localhost"], (2089, 2090));
    let english: &[&str] = &[
        "it is valid only from 2089-01-01T00:00:00Z on",
        "If the clock of this machine is right",
    ];
    refused(
        "early",
        &early,
        &roots(&known),
        [english, &["自 2089-01-01T00:00:00Z 起才有效", "时钟"]],
    )
    .await;
    // One's own server, whose certificate is trusted as it is: its dates count all the same, whether it may sign others or not.
    let english: &[&str] = &["it expired on 2020-01-01T00:00:00Z"];
    let own = self_signed_authority((2019, 2020));
    refused("own, expired", &own, &own.trusted(), [english, &[]]).await;
    let own = self_signed(&["localhost"], (2019, 2020));
    refused("own, expired", &own, &own.trusted(), [english, &[]]).await;
}

#[tokio::test]
async fn a_certificate_that_was_signed_with_an_expired_one_is_not_called_expired_itself() {
    let root = authority("Known Authority");
    let between = below(&root, "Between", (2019, 2020));
    let mut shown = signed(&between, &["localhost"], NOW);
    shown.chain.push(between.der().clone());
    let english: &[&str] = &["a certificate that it is signed with expired on 2020-01-01T00:00:00Z"];
    refused(
        "signer expired",
        &shown,
        &roots(&root),
        [english, &["签发它的证书已于 2020-01-01T00:00:00Z 过期"]],
    )
    .await;
}

#[tokio::test]
async fn a_certificate_of_another_server_is_refused_with_its_names() {
    let known = authority("Known Authority");
    let names = [
        "mail.example.org",
        "*.example.net",
        "192.0.2.1",
        "a.example",
        "b.example",
        "c.example",
        "d.example",
    ];
    let other = signed(&known, &names, NOW);
    let english: &[&str] = &[
        "it is not for localhost. It is for mail.example.org, *.example.net, 192.0.2.1, a.example, b.example, 2 more (",
        "call it by a name that is on its certificate",
    ];
    let chinese: &[&str] = &[
        "不是给 localhost 的",
        "b.example、另外 2 个（",
        "用证书上的主机名",
    ];
    refused("other name", &other, &roots(&known), [english, chinese]).await;
    let nobody = signed(&known, &[], NOW);
    refused(
        "no name",
        &nobody,
        &roots(&known),
        [&["It is for no host ("], &["没有任何主机（"]],
    )
    .await;
    let own = self_signed(&["mail.example.org"], NOW);
    refused(
        "own, other name",
        &own,
        &own.trusted(),
        [&["it is not for localhost"], &[]],
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_nobody_known_has_signed_is_refused_with_who_has() {
    let known = authority("Known Authority");
    let own = self_signed(&["localhost"], NOW);
    let english: &[&str] = &["it is signed by nobody but itself", "?ca=FILE", "?pin=sha256:"];
    refused(
        "self-signed",
        &own,
        &roots(&known),
        [english, &["是自签名的", "?ca=文件"]],
    )
    .await;
    let unknown = signed(&authority("Unknown\u{7} Authority"), &["localhost"], NOW);
    let english: &[&str] = &[
        "it is signed by CN=Unknown Authority, who is not trusted here",
        "?ca=FILE",
    ];
    refused(
        "unknown",
        &unknown,
        &roots(&known),
        [english, &["由 CN=Unknown Authority 签发"]],
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_is_not_the_pinned_one_is_refused_however_good_it_is() {
    let known = authority("Known Authority");
    let good = signed(&known, &["localhost"], NOW);
    let before = signed(&known, &["localhost"], NOW);
    let english: &[&str] = &[
        "it is not the pinned one",
        "If the server was given another certificate",
    ];
    refused(
        "other pin",
        &good,
        &before.pinned(),
        [english, &["不是指定的那个", "新指纹"]],
    )
    .await;
}

#[tokio::test]
async fn what_is_trusted_is_taken_and_the_login_is_said_inside() {
    let known = authority("Known Authority");
    let good = signed(&known, &["localhost"], NOW);
    taken("signed", &good, &roots(&known)).await;
    let own = self_signed(&["localhost"], NOW);
    taken("own", &own, &own.trusted()).await;
    let own = self_signed_authority(NOW);
    taken("own, may sign", &own, &own.trusted()).await;
    // A pin is of the certificate, whatever it says.
    let odd = self_signed(&["mail.example.org"], (2019, 2020));
    taken("pinned", &odd, &odd.pinned()).await;
}
