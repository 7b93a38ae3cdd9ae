//! What a server has, shared by all its connections, and the way from a connection to its protocol.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use directory::Directory;
use store::{Now, Store};
use tokio::sync::watch;
use types::{Address, Domain};

use crate::authority::{Accounts, Visitor, Ways};
use crate::imap::{self, Passwords, Stream};
use crate::introspection::Inquirer;
use crate::limits::Shares;
use crate::listen::{Encryption, Protocol};
use crate::tls::{self, Certificates};
use crate::{Metrics, Tally, Terms, pop3, smtp};

/// What a server is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A server on the network: passwords want TLS, and mail for others is refused.
    Real,
    /// A playground on loopback (DESIGN §8): passwords need no TLS, and mail for the rest of the world stays here.
    Local {
        /// Who gets mail to other domains, whoever sends it; otherwise its logged-in sender does.
        catch: Option<Address>,
    },
}

/// What a server has.
pub struct Services {
    accounts: Arc<Accounts>,
    site: Arc<smtp::Site>,
    pop3: Arc<pop3::Site>,
    host: Arc<str>,
    terms: Arc<Terms>,
    metrics: Arc<Metrics>,
    certificates: Certificates,
}

/// How a connection came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: Option<IpAddr>,
    pub(crate) protocol: Protocol,
    pub(crate) encryption: Encryption,
    pub(crate) tally: Arc<Tally>,
}

impl Services {
    /// A server over a store and a directory.
    #[must_use]
    pub fn new(
        settings: &config::Settings,
        state: (Store, Directory),
        certificates: Certificates,
        mode: Mode,
    ) -> Arc<Self> {
        Self::with_clock(settings, state, certificates, (mode, crate::system_clock()))
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(
        settings: &config::Settings,
        (store, directory): (Store, Directory),
        certificates: Certificates,
        (mode, now): (Mode, Now),
    ) -> Arc<Self> {
        let relay = match mode {
            Mode::Real => smtp::Relay::Refused,
            Mode::Local { .. } => smtp::Relay::World,
        };
        crate::keep_to_quotas(&store, &directory);
        let metrics = Arc::<Metrics>::default();
        let pop3 = pop3_site(&settings.pop3, directory.clone(), Arc::clone(&now));
        let accounts = Arc::new(Accounts {
            metrics: Arc::clone(&metrics),
            directory,
            store: store.clone(),
            mode,
            ways: Ways {
                scram: settings.auth.scram,
                oidc: settings.oidc.clone().map(Arc::new),
                inquirer: inquirer(settings),
            },
        });
        let terms = Arc::new(Terms::of(settings));
        let site = smtp::Site {
            authority: Arc::clone(&accounts) as Arc<dyn smtp::Authority>,
            store,
            intake: Arc::new(smtp::Intake::new(Shares::of(&settings.limits).messages)),
            now,
            host: settings.hostname.clone(),
            domain: settings.domain.clone(),
            terms: Arc::clone(&terms),
            message_limit: settings.limits.message,
            relay,
        };
        Arc::new(Services {
            accounts,
            site: Arc::new(site),
            pop3: Arc::new(pop3),
            host: settings.hostname.to_ascii().into(),
            terms,
            metrics,
            certificates,
        })
    }

    /// Who has an account.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.accounts.directory
    }

    /// Where mail is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.accounts.store
    }

    /// The server's own name.
    #[must_use]
    pub fn host(&self) -> &Domain {
        &self.site.host
    }

    /// What has been counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What clients have to keep to.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The certificates that connections show.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Serves a connection, whose TLS has begun where it begins at once, to its end. Boxed for each protocol by itself,
    /// so that an idle connection takes no more memory than its own protocol needs. `stop` ends it when it waits.
    pub(crate) fn serve(
        &self,
        stream: Box<dyn Stream>,
        arrival: Arrival,
        stop: watch::Receiver<bool>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match arrival.protocol {
            Protocol::Smtp(port) => Box::pin(smtp::serve(stream, self.smtp_door(port, arrival, stop))),
            Protocol::Pop3 => Box::pin(pop3::serve(stream, self.pop3_door(arrival, stop))),
            Protocol::Imap => {
                let tally = Arc::clone(&arrival.tally);
                let door = self.imap_door(arrival, stop);
                // The session is made in here: one that was made outside would be kept twice, before and while it is polled.
                Box::pin(async move {
                    if let Err(error) = imap::serve(stream, door).await {
                        tally.end(error);
                    }
                })
            }
        }
    }

    fn smtp_door(&self, port: smtp::Port, arrival: Arrival, stop: watch::Receiver<bool>) -> smtp::Door {
        smtp::Door {
            site: Arc::clone(&self.site),
            port,
            peer: arrival.peer,
            tls: match arrival.encryption {
                Encryption::AtOnce => smtp::Tls::On,
                Encryption::Later => smtp::Tls::CanStart(tls::upgrade(
                    self.certificates.acceptor(),
                    Arc::clone(&arrival.tally),
                )),
                Encryption::Never => smtp::Tls::Unavailable,
            },
            tally: arrival.tally,
            stop,
        }
    }

    fn pop3_door(&self, arrival: Arrival, stop: watch::Receiver<bool>) -> pop3::Door {
        pop3::Door {
            authority: self.visitor(&arrival),
            site: Arc::clone(&self.pop3),
            host: Arc::clone(&self.host),
            peer: arrival.peer,
            passwords: self.passwords(&arrival),
            upgrade: self.upgrade(&arrival),
            terms: Arc::clone(&self.terms),
            tally: arrival.tally,
            stop,
        }
    }

    fn imap_door(&self, arrival: Arrival, stop: watch::Receiver<bool>) -> imap::Door {
        imap::Door {
            authority: self.visitor(&arrival),
            passwords: self.passwords(&arrival),
            upgrade: self.upgrade(&arrival),
            message_limit: usize::try_from(self.site.message_limit).unwrap_or(usize::MAX),
            now: Arc::clone(&self.site.now),
            intake: Arc::clone(&self.site.intake),
            terms: Arc::clone(&self.terms),
            tally: arrival.tally,
            stop,
        }
    }

    fn visitor(&self, arrival: &Arrival) -> Arc<Visitor> {
        Arc::new(Visitor {
            accounts: Arc::clone(&self.accounts),
            peer: arrival.peer,
            tally: Arc::clone(&arrival.tally),
        })
    }

    fn upgrade(&self, arrival: &Arrival) -> Option<imap::Upgrade> {
        match arrival.encryption {
            Encryption::Later => Some(tls::upgrade(
                self.certificates.acceptor(),
                Arc::clone(&arrival.tally),
            )),
            Encryption::AtOnce | Encryption::Never => None,
        }
    }

    fn passwords(&self, arrival: &Arrival) -> Passwords {
        match (arrival.encryption, &self.accounts.mode) {
            (Encryption::AtOnce, _) | (_, Mode::Local { .. }) => Passwords::Allowed,
            (Encryption::Later | Encryption::Never, Mode::Real) => Passwords::Forbidden,
        }
    }
}

/// Who asks the issuer about tokens, where the settings say that it is asked.
fn inquirer(settings: &config::Settings) -> Option<Inquirer> {
    settings.oidc.as_ref()?.introspection.as_ref()?;
    Inquirer::new()
        .map_err(|error| tracing::error!(%error, "no issuer can be asked about tokens"))
        .ok()
}

fn pop3_site(settings: &config::Pop3, directory: Directory, now: Now) -> pop3::Site {
    let seconds = |delay: Duration| u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
    let others = settings.login_delays.iter();
    let others = others.map(|(address, delay)| (address.clone(), seconds(*delay)));
    pop3::Site {
        leases: Arc::default(),
        delays: pop3::Delays::new(
            seconds(settings.login_delay),
            others.collect(),
            Arc::new(directory),
            now,
        ),
        sizes: pop3::Sizes::default(),
        preferred: match settings.language {
            config::Language::English => ::pop3::Language::English,
            config::Language::Chinese => ::pop3::Language::Chinese,
        },
    }
}
