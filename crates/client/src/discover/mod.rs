//! From an address to the servers of its mail: SRV records (RFC 6186, RFC 8314 §5.1), Thunderbird's autoconfig, and what is known of large
//! providers.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use posthouse_client::{Address, Protocol, discover::Discovery};
//! let found = Discovery::new().find(&Address::parse("alice@example.org")?).await;
//! if let Some(best) = found.best(Protocol::Imap) {
//!     println!("{} ({})", best.url(), best.source);
//! }
//! # Ok(()) }
//! ```
//!
//! **What must hold.** SRV records are not authenticated here: whoever is between this machine and its resolver can write them. So a host
//! outside of the address' domain that only DNS named is [`Standing::Unconfirmed`], and nothing may connect to it before a person has said yes (RFC
//! 6186 §6, RFC 8314 §5.1). What was said over https is as sure as the certificate of `autoconfig.DOMAIN` or `DOMAIN`. What is offered without TLS is never a
//! candidate; it is told apart, in [`Found::in_clear`].
//!
//! A source that does not answer is no failure: it is in [`Found::troubles`].

mod autoconfig;
mod candidate;
mod known;
mod srv;

use std::net::SocketAddr;
use std::time::Duration;

use types::Address;

pub use crate::web::WebError;
use crate::{Language, Protocol};
pub use candidate::{Candidate, Source, Standing};

/// So long a person waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Mozilla's database of providers.
const ISPDB: &str = "https://autoconfig.thunderbird.net/v1.1/{domain}";

/// Where a domain's own answer lies: its name, whether it is told the address, and which source it is.
const PLACES: [(&str, Source); 2] = [
    (
        "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={address}",
        Source::Autoconfig,
    ),
    (
        "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        Source::WellKnown,
    ),
];

/// How settings are looked for.
#[derive(Clone, Debug)]
pub struct Discovery {
    dns: Option<SocketAddr>,
    places: Vec<(String, Source)>,
    time: Duration,
}

/// Why a source said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// DNS could not be asked.
    Dns(Box<str>),
    /// The document could not be had.
    Web(WebError),
    /// The document is not what it should be.
    Unreadable(Box<str>),
}

impl Trouble {
    /// What went wrong.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        match self {
            Trouble::Dns(error) => language.pick(format!("DNS: {error}"), format!("DNS 出错：{error}")),
            Trouble::Web(error) => error.words(language),
            Trouble::Unreadable(error) => language.pick(
                format!("the document cannot be read: {error}"),
                format!("文档无法读取：{error}"),
            ),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Servers with TLS, the best first.
    pub candidates: Vec<Candidate>,
    /// Servers that are offered without TLS. RFC 8314 §5.1: no configuration is made of them unless a person asks for it.
    pub in_clear: Vec<Candidate>,
    /// Protocols that the domain says it does not offer (RFC 6186 §3.4).
    pub absent: Vec<Protocol>,
    /// Sources that could not be asked, or were not understood.
    pub troubles: Vec<(Source, Trouble)>,
}

impl Found {
    /// The best server for a protocol.
    #[must_use]
    pub fn best(&self, protocol: Protocol) -> Option<&Candidate> {
        self.candidates
            .iter()
            .find(|candidate| candidate.protocol == protocol)
    }

    fn add(&mut self, source: Source, said: Result<Vec<Candidate>, Trouble>) {
        match said {
            Ok(candidates) => self.take(candidates),
            // It has no such document: most have not.
            Err(Trouble::Web(WebError::Status(404 | 410))) => {}
            Err(trouble) => self.troubles.push((source, trouble)),
        }
    }

    fn take(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            let list = match candidate.security {
                crate::Security::Tls | crate::Security::StartTls => &mut self.candidates,
                crate::Security::StartTlsIfOffered | crate::Security::None => &mut self.in_clear,
            };
            let same = |other: &Candidate| other.url() == candidate.url();
            match list.iter_mut().find(|other| same(other)) {
                // Two who say the same, one of whom is to be believed.
                Some(other) if other.standing > candidate.standing => *other = candidate,
                Some(_) => {}
                None => list.push(candidate),
            }
        }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Discovery::new()
    }
}

impl Discovery {
    /// Asks the system's resolver, and the domain's own web servers.
    #[must_use]
    pub fn new() -> Self {
        Discovery {
            dns: None,
            places: PLACES.map(|(place, source)| (place.to_owned(), source)).into(),
            time: PATIENCE,
        }
    }

    /// Asks this name server.
    #[must_use]
    pub fn dns(mut self, server: SocketAddr) -> Self {
        self.dns = Some(server);
        self
    }

    /// Reads autoconfig from this URL alone, in place of the domain's own: `{domain}` and `{address}` stand for those. It is https, or
    /// http to an address of this machine.
    #[must_use]
    pub fn autoconfig(mut self, url: impl Into<String>) -> Self {
        self.places = vec![(url.into(), Source::Autoconfig)];
        self
    }

    /// Asks Mozilla's database too, which hears of the domain.
    #[must_use]
    pub fn ispdb(mut self) -> Self {
        self.places.push((ISPDB.to_owned(), Source::Ispdb));
        self
    }

    /// Waits so long for each source.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Finds the servers of an address. Of a provider that is known here nobody is asked.
    pub async fn find(&self, address: &Address) -> Found {
        let mut found = Found::default();
        let known = known::of(address);
        if !known.is_empty() {
            found.take(known);
            return found;
        }
        let srv = srv::find(address, self.dns, self.time);
        let documents = self.documents(address);
        let (srv, documents) = tokio::join!(srv, documents);
        match srv {
            Ok(srv) => {
                found.absent = srv.absent;
                found.take(srv.candidates);
            }
            Err(trouble) => found.troubles.push((Source::Srv, trouble)),
        }
        for (source, said) in documents {
            found.add(source, said);
        }
        found.candidates.sort_by_key(Candidate::rank);
        found
    }

    /// What each place has, in the order of places; all are asked at the same time.
    async fn documents(&self, address: &Address) -> Vec<(Source, Result<Vec<Candidate>, Trouble>)> {
        let mut asked = tokio::task::JoinSet::new();
        for (number, (place, source)) in self.places.iter().enumerate() {
            let (url, source, time) = (filled(place, address), *source, self.time);
            let address = address.clone();
            asked.spawn(async move {
                let document = crate::web::get(&url, time).await.map_err(Trouble::Web);
                let said = document.and_then(|document| autoconfig::read(&document, &address, source));
                (number, source, said)
            });
        }
        let mut said = asked.join_all().await;
        said.sort_by_key(|(number, ..)| *number);
        said.into_iter().map(|(_, source, said)| (source, said)).collect()
    }
}

fn filled(place: &str, address: &Address) -> String {
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    place
        .replace("{domain}", &address.domain.to_ascii())
        .replace("{address}", &encoded(&address.to_string()))
}
