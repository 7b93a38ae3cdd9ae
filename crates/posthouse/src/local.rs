//! `posthouse local`: a playground that needs no configuration (DESIGN §8).

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use config::Settings;
use directory::{Cores, Directory, NewAccount};
use sasl::Secret;
use server::listen::{Encryption, ListenError, Listener, Protocol, Reach};
use server::smtp::Port;
use server::tls::{Certificates, Files};
use server::{Mode, Services};
use types::{AccountId, Address, Domain};

use crate::control::short_path;
use crate::exit::{Code, Exit};
use crate::folder::{Folder, Open};
use crate::language::Language;
use crate::log::Log;
use crate::{run, salvage, samples, table};

/// The data folder unless another is given.
pub(crate) const DATA: &str = "./posthouse-data";
/// The domain of the playground (RFC 2606 §3: nobody else's).
const DOMAIN: &str = "example.org";
/// Who lives there; their passwords are their names.
pub(crate) const PEOPLE: [&str; 2] = ["alice", "bob"];
/// The LMTP socket in the data folder.
const LMTP_SOCKET: &str = "lmtp.sock";

/// What listens where, before the offset.
pub(crate) const PORTS: [(u16, Protocol, Encryption); 8] = [
    (25, Protocol::Smtp(Port::Relay), Encryption::Later),
    (587, Protocol::Smtp(Port::Submission), Encryption::Later),
    (465, Protocol::Smtp(Port::Submission), Encryption::AtOnce),
    (24, Protocol::Smtp(Port::Lmtp), Encryption::Never),
    (143, Protocol::Imap, Encryption::Later),
    (993, Protocol::Imap, Encryption::AtOnce),
    (110, Protocol::Pop3, Encryption::Later),
    (995, Protocol::Pop3, Encryption::AtOnce),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where mail and accounts are kept.
    #[arg(long, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
    /// Added to every standard port: SMTP is 25 + N.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    port_offset: u16,
    /// No accounts and no sample messages.
    #[arg(long)]
    empty: bool,
    /// Puts mail to other domains, whoever sends it, into the mailbox of this address.
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| Address::parse(text))]
    catch: Option<Address>,
}

/// The settings of a playground.
pub(crate) fn settings() -> Settings {
    let name = |text| Domain::check(text).expect("a constant");
    Settings::new(name("localhost"), name(DOMAIN))
}

/// An address of the playground.
pub(crate) fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@{DOMAIN}")).expect("a constant")
}

pub(crate) fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let log = Log::start(&config::Log::default(), language)?;
    run::block_on(serve(arguments, log, language))
}

async fn serve(arguments: &Arguments, log: Log, language: Language) -> Result<(), Exit> {
    let folder = Folder::open(&arguments.data, Open::OrCreate, language)?;
    folder.report_damage(language);
    let listeners = listen(arguments, language)?;
    let settings = settings();
    let files = Files::self_signed(&arguments.data.join("tls"), names());
    let tls = files.and_then(Certificates::read);
    let tls = tls.map_err(|error| run::no_certificate(&error, language))?;
    let mode = Mode::Local {
        catch: arguments.catch.clone(),
    };
    let state = folder.state(&settings, Cores::AllButOne);
    salvage::salvage(&folder, &state, language).await?;
    let services = Services::new(&settings, (state.store, state.directory), tls, mode);
    run::answer_commands(&arguments.data, &folder, &services, language)?;
    settle(&services, arguments).await?;
    let logins = logins(services.directory()).await?;
    let open: Vec<u16> = listeners.iter().filter_map(Listener::port).collect();
    table::print(&table::Start {
        data: &arguments.data,
        offset: arguments.port_offset,
        open: &open,
        logins: &logins,
        language,
    });
    let watchers = run::Watchers {
        log,
        http: Vec::new(),
        integrity: folder.integrity(),
    };
    let _sweeping = folder.disk().begin_sweeping(services.store(), settings.undelete);
    run::until_stopped(listeners, services, watchers, run::HangUp::Stop).await?;
    folder.close().await
}

/// Opens every port, on IPv6 as well where there is any; and the socket for LMTP.
fn listen(arguments: &Arguments, language: Language) -> Result<Vec<Listener>, Exit> {
    let mut listeners = Vec::new();
    for (port, protocol, encryption) in PORTS {
        let port = with_offset(port, arguments.port_offset, language)?;
        for ip in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ] {
            match Listener::tcp(SocketAddr::new(ip, port), protocol, encryption) {
                Ok(listener) => listeners.push(listener),
                // There is the socket as well, and few come over TCP: no reason not to start.
                Err(error) if is_spare(protocol, &error) => {
                    tracing::warn!("{error}: LMTP is taken in on the socket only");
                    break;
                }
                Err(error) if ip.is_ipv6() && error.cause.kind() != io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(run::cannot_listen(&error, language)),
            }
        }
    }
    let folder =
        File::open(&arguments.data).map_err(|error| Exit::file(&arguments.data, &error, language))?;
    let path = short_path(&folder, LMTP_SOCKET);
    let socket = Listener::unix(&path, Protocol::Smtp(Port::Lmtp), Reach::Owner);
    listeners.push(socket.map_err(|error| run::cannot_listen(&error, language))?);
    Ok(listeners)
}

/// Whether a listener can be done without.
fn is_spare(protocol: Protocol, error: &ListenError) -> bool {
    matches!(protocol, Protocol::Smtp(Port::Lmtp)) && error.cause.kind() == io::ErrorKind::AddrInUse
}

/// A port with the offset.
pub(crate) fn with_offset(port: u16, offset: u16, language: Language) -> Result<u16, Exit> {
    port.checked_add(offset).ok_or_else(|| {
        let words = language.pick(
            format!("--port-offset {offset}: port {port} + {offset} is above 65535"),
            format!("--port-offset {offset}：端口 {port} + {offset} 大于 65535"),
        );
        Exit::new(Code::Usage, words)
    })
}

/// Whom the certificate is for.
fn names() -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if Domain::check(&host).is_ok() && host.is_ascii() && !names.contains(&host) {
        names.push(host);
    }
    names
}

/// The domain, and on the first start the people and their mail.
async fn settle(services: &Services, arguments: &Arguments) -> Result<(), Exit> {
    let directory = services.directory();
    directory.add_domain(directory.default_domain()).await?;
    if arguments.empty || !directory.accounts(AccountId(0), 1).await?.is_empty() {
        return Ok(());
    }
    let people = PEOPLE.map(|name| NewAccount {
        address: address(name),
        password: Secret::from(name),
    });
    let mut accounts = Vec::new();
    for added in directory.add_accounts(people.into()).await {
        accounts.push(added?);
    }
    samples::deliver(services.store(), &accounts).await
}

/// The people whose passwords are still their names.
async fn logins(directory: &Directory) -> Result<Vec<&'static str>, Exit> {
    let (alice, bob) = tokio::join!(knows(directory, PEOPLE[0]), knows(directory, PEOPLE[1]));
    let known = [alice?, bob?];
    Ok(PEOPLE
        .into_iter()
        .zip(known)
        .filter_map(|(name, known)| known.then_some(name))
        .collect())
}

async fn knows(directory: &Directory, name: &str) -> Result<bool, Exit> {
    let address = address(name);
    if !directory.has_account(&address).await? {
        return Ok(false);
    }
    Ok(directory.login(name, &Secret::from(name), None).await.is_ok())
}
