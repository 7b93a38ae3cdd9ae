//! Finding servers, against a name server and a web server on loopback: nothing of this leaves the machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod web;

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, Record};
use posthouse_client::discover::{Discovery, Found, Source, Standing, Trouble, WebError};
use posthouse_client::{Address, Language, Protocol};
use tokio::net::UdpSocket;
use web::Web;

/// Service, priority, weight, port, target.
type Row = (&'static str, u16, u16, u16, &'static str);

/// A name server that has these SRV records, and no other name.
async fn dns(rows: &'static [Row]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut octets = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut octets).await.unwrap();
            let mut message = Message::from_vec(&octets[..length]).unwrap();
            let asked = message.queries[0].name().clone();
            let is_asked = |row: &&Row| {
                asked
                    .to_ascii()
                    .eq_ignore_ascii_case(&format!("{}.example.org.", row.0))
            };
            for (_, priority, weight, port, target) in rows.iter().filter(is_asked) {
                let srv = SRV::new(*priority, *weight, *port, Name::from_str(target).unwrap());
                message.add_answer(Record::from_rdata(asked.clone(), 60, RData::SRV(srv)));
            }
            message.metadata.message_type = MessageType::Response;
            if message.answers.is_empty() {
                message.metadata.response_code = ResponseCode::NXDomain;
            }
            message.edns = None;
            drop(socket.send_to(&message.to_vec().unwrap(), from).await);
        }
    });
    address
}

async fn web(code: u16, header: &'static str, body: &str) -> Web {
    let body = body.to_owned();
    Web::start(move |_, own| (code, header.replace("OWN", own), body.clone())).await
}

async fn find(rows: &'static [Row], web: &Web, address: &str) -> Found {
    let discovery = Discovery::new()
        .dns(dns(rows).await)
        .autoconfig(format!("{}/{{domain}}?emailaddress={{address}}", web.url))
        .patience(Duration::from_secs(20));
    discovery.find(&Address::parse(address).unwrap()).await
}

fn lines(found: &Found) -> Vec<String> {
    let line = |candidate: &posthouse_client::discover::Candidate| {
        format!(
            "{} {:?} {:?}",
            candidate.url(),
            candidate.source,
            candidate.standing
        )
    };
    found.candidates.iter().map(line).collect()
}

/// RFC 6186 §3.4: the priority decides, and the target "." says that there is no such service. RFC 8314 §3: TLS from the first octet is better.
#[tokio::test]
async fn srv_records_become_candidates_in_their_order() {
    let rows = &[
        ("_submissions._tcp", 0, 1, 465, "smtp.example.org."),
        ("_submission._tcp", 0, 1, 587, "smtp.example.org."),
        ("_imaps._tcp", 20, 1, 993, "second.example.org."),
        ("_imaps._tcp", 10, 1, 1993, "first.example.org."),
        ("_imap._tcp", 0, 0, 0, "."),
        ("_pop3._tcp", 0, 0, 0, "."),
        ("_pop3s._tcp", 0, 0, 0, "."),
    ];
    let nothing = web(404, "", "").await;
    let found = find(rows, &nothing, "alice@example.org").await;
    assert_eq!(
        lines(&found),
        [
            "smtps://alice%40example.org@smtp.example.org:465 Srv Vouched",
            "imaps://alice%40example.org@first.example.org:1993 Srv Vouched",
            "imaps://alice%40example.org@second.example.org:993 Srv Vouched",
            "smtp://alice%40example.org@smtp.example.org:587 Srv Vouched",
        ]
    );
    assert_eq!(found.absent, [Protocol::Pop3]);
    assert_eq!(found.troubles, []);
    assert_eq!(found.best(Protocol::Imap).unwrap().host, "first.example.org");
    assert_eq!(found.best(Protocol::Pop3), None);
    assert_eq!(
        nothing.asked()[0].0,
        "GET /example.org?emailaddress=alice%40example%2Eorg"
    );
}

/// RFC 6186 §6, RFC 8314 §5.1: what DNS alone says of another domain is for a person to judge; https is believed.
#[tokio::test]
async fn a_target_of_another_domain_is_unconfirmed_and_comes_last() {
    let rows = &[
        ("_imaps._tcp", 0, 1, 993, "imap.example.org.evil.example."),
        ("_submissions._tcp", 0, 1, 465, "smtp.provider.example."),
        ("_pop3s._tcp", 0, 1, 995, "pop.provider.example."),
    ];
    let document = r#"<clientConfig version="1.1"><emailProvider id="example.org">
        <incomingServer type="imap"><hostname>imap.provider.example</hostname><port>143</port>
            <socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username></incomingServer>
        <incomingServer type="pop3"><hostname>pop.provider.example</hostname><port>110</port><socketType>plain</socketType></incomingServer>
        <outgoingServer type="smtp"><hostname>smtp.provider.example</hostname><port>465</port><socketType>SSL</socketType></outgoingServer>
        </emailProvider></clientConfig>"#;
    let web = web(200, "", document).await;
    let found = find(rows, &web, "alice@example.org").await;
    assert_eq!(
        lines(&found),
        [
            // The same server was named by DNS too.
            "smtps://alice%40example.org@smtp.provider.example:465 Autoconfig Vouched",
            "imap://alice@imap.provider.example:143 Autoconfig Vouched",
            "imaps://alice%40example.org@imap.example.org.evil.example:993 Srv Unconfirmed",
            "pop3s://alice%40example.org@pop.provider.example:995 Srv Unconfirmed",
        ]
    );
    assert_eq!(
        found.best(Protocol::Pop3).unwrap().standing,
        Standing::Unconfirmed
    );
    // RFC 8314 §5.1: no configuration is made of what has no TLS.
    let clear: Vec<String> = found.in_clear.iter().map(|candidate| candidate.url()).collect();
    assert_eq!(
        clear,
        ["pop3://alice%40example.org@pop.provider.example:110?tls=none"]
    );
}

/// A large provider's servers are known, and nobody hears of the address.
#[tokio::test]
async fn of_a_known_provider_nobody_is_asked() {
    let web = web(404, "", "").await;
    let found = find(&[], &web, "alice@qq.com").await;
    assert_eq!(
        found.best(Protocol::Smtp).unwrap().url(),
        "smtps://alice%40qq.com@smtp.qq.com:465"
    );
    assert_eq!(found.best(Protocol::Smtp).unwrap().source, Source::Known);
    assert_eq!(web.asked(), []);
}

#[tokio::test]
async fn hostile_web_servers_are_left() {
    let check = async |web: Web, wanted: &str| {
        let found = find(&[], &web, "alice@example.org").await;
        assert_eq!(lines(&found), [""; 0]);
        let [(Source::Autoconfig, trouble)] = &found.troubles[..] else {
            panic!("{:?} and not {wanted}", found.troubles);
        };
        let words = trouble.words(Language::English);
        assert!(words.contains(wanted), "{words} and not {wanted}");
        assert!(!trouble.words(Language::Chinese).is_empty());
        assert!(web.asked().len() == 1, "{:?}", web.asked());
    };
    check(web(200, "", "<html>Welcome</html>").await, "emailProvider").await;
    check(web(500, "", "").await, "500").await;
    check(web(302, "Location: OWN/again\r\n", "").await, "not https").await;
    check(
        web(302, "Location: http://example.org/\r\n", "").await,
        "not https",
    )
    .await;
    check(web(302, "Location: file:///etc/passwd\r\n", "").await, "").await;
    check(web(200, "", &"a".repeat(300 << 10)).await, "longer than 262144").await;
}

/// A name server that says nothing costs the time that was given, and what the web says is kept.
#[tokio::test]
async fn silence_is_not_waited_for_without_an_end() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let web = web(404, "", "").await;
    let discovery = Discovery::new()
        .dns(silent.local_addr().unwrap())
        .autoconfig(&web.url)
        .patience(Duration::from_millis(300));
    let found = discovery
        .find(&Address::parse("alice@example.org").unwrap())
        .await;
    assert!(
        matches!(found.troubles[..], [(Source::Srv, Trouble::Dns(_))]),
        "{found:?}"
    );
    let elsewhere = Discovery::new()
        .dns(silent.local_addr().unwrap())
        .autoconfig("http://example.org/")
        .patience(Duration::from_millis(1));
    let found = elsewhere
        .find(&Address::parse("alice@example.org").unwrap())
        .await;
    let not_safe = (Source::Autoconfig, Trouble::Web(WebError::NotSafe));
    assert!(found.troubles.contains(&not_safe), "{found:?}");
}
