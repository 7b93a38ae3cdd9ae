//! SRV records of mail services: RFC 6186, RFC 8314 §5.1; the order among them is RFC 2782's.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use types::Address;

use super::Trouble;
use super::candidate::{Candidate, Source, Standing, host_name, is_within};
use crate::{Protocol, Security};

/// What is asked for. RFC 6186 §3, RFC 8314 §5.1; without TLS from the first octet it begins with STARTTLS or STLS, or not at all.
const SERVICES: [(&str, Protocol, Security); 6] = [
    ("_submissions._tcp", Protocol::Smtp, Security::Tls),
    ("_submission._tcp", Protocol::Smtp, Security::StartTls),
    ("_imaps._tcp", Protocol::Imap, Security::Tls),
    ("_imap._tcp", Protocol::Imap, Security::StartTls),
    ("_pop3s._tcp", Protocol::Pop3, Security::Tls),
    ("_pop3._tcp", Protocol::Pop3, Security::StartTls),
];

/// Nobody has more servers than this for one service.
const MAX_RECORDS: usize = 16;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Srv {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

/// What the domain's records say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) candidates: Vec<Candidate>,
    pub(super) absent: Vec<Protocol>,
}

/// Asks for every service.
pub(super) async fn find(
    address: &Address,
    server: Option<SocketAddr>,
    time: Duration,
) -> Result<Said, Trouble> {
    let resolver = resolver(server, time).map_err(|error| Trouble::Dns(error.to_string().into()))?;
    let domain = address.domain.to_ascii().into_owned();
    let mut asked = tokio::task::JoinSet::new();
    for (number, (service, ..)) in SERVICES.into_iter().enumerate() {
        let (resolver, name) = (resolver.clone(), format!("{service}.{domain}."));
        asked.spawn(async move {
            (
                number,
                tokio::time::timeout(time, records(&resolver, &name)).await,
            )
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    let mut said = Said::default();
    let mut offered = Vec::new();
    for ((_, answer), (_, protocol, security)) in answers.into_iter().zip(SERVICES) {
        let answer = answer.map_err(|_| Trouble::Dns("no answer in time".into()))?;
        let records = order(answer?, random_below);
        // RFC 6186 §3.4: the target "." says that there is no such service.
        let is_refusal = |record: &Srv| record.target.is_empty();
        if !records.is_empty() {
            offered.push((protocol, !records.iter().all(is_refusal)));
        }
        for record in records.into_iter().filter(|record| !is_refusal(record)) {
            said.candidates
                .extend(candidate(record, protocol, security, (address, &domain)));
        }
    }
    for protocol in [Protocol::Smtp, Protocol::Imap, Protocol::Pop3] {
        let mut of = offered.iter().filter(|(other, _)| *other == protocol).peekable();
        if of.peek().is_some() && of.all(|(_, is_there)| !is_there) {
            said.absent.push(protocol);
        }
    }
    Ok(said)
}

fn candidate(
    record: Srv,
    protocol: Protocol,
    security: Security,
    (address, domain): (&Address, &str),
) -> Option<Candidate> {
    let host = host_name(&record.target)?;
    // RFC 6186 §6, RFC 8314 §5.1: without DNSSEC, a target that is not in the domain is for a person to judge.
    let standing = match is_within(&host, domain) {
        true => Standing::Vouched,
        false => Standing::Unconfirmed,
    };
    Some(Candidate {
        protocol,
        host,
        port: record.port,
        security,
        // RFC 6186 §4: first the whole address.
        login: address.to_string(),
        source: Source::Srv,
        standing,
    })
}

fn resolver(server: Option<SocketAddr>, time: Duration) -> Result<TokioResolver, impl std::error::Error> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(server) => {
            let connection = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(connection);
            let server = NameServerConfig::new(server.ip(), true, connections.into());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    builder.options_mut().timeout = time / 2;
    builder.options_mut().attempts = 2;
    builder.build()
}

async fn records(resolver: &TokioResolver, name: &str) -> Result<Vec<Srv>, Trouble> {
    let answer = match resolver.lookup(name, RecordType::SRV).await {
        Ok(answer) => answer,
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(Vec::new()),
        Err(error) => return Err(Trouble::Dns(error.to_string().into())),
    };
    let records = answer.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) => Some(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii().trim_end_matches('.').to_owned(),
        }),
        _ => None,
    });
    Ok(records.take(MAX_RECORDS).collect())
}

/// RFC 2782: the lowest priority first; among the same, by chance, as often as the weight says, zeros seldom.
fn order(mut records: Vec<Srv>, mut random: impl FnMut(u32) -> u32) -> Vec<Srv> {
    // "arrange all SRV RRs (that have not been ordered yet) in any order, except that all those with weight 0 are placed at the beginning".
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::new();
    while let Some(priority) = records.first().map(|record| record.priority) {
        let same = records.iter().take_while(|record| record.priority == priority);
        let total: u32 = same.map(|record| u32::from(record.weight)).sum();
        let chosen = random(total + 1);
        let mut sum = 0;
        let at = records.iter().position(|record| {
            sum += u32::from(record.weight);
            sum >= chosen
        });
        ordered.push(records.remove(at.unwrap_or(0)));
    }
    ordered
}

/// A number from 0 to below `end`. That some are more likely by one in a million does not matter here.
fn random_below(end: u32) -> u32 {
    getrandom::u32().unwrap_or(0) % end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            port: 993,
            target: target.to_owned(),
        }
    }

    #[test]
    fn the_lowest_priority_comes_first_and_weights_decide_among_the_same() {
        let records = [srv(10, 5, "c"), srv(0, 1, "a"), srv(0, 3, "b"), srv(0, 0, "z")];
        let check = |chance: &[u32], wanted: &[&str]| {
            let mut chance = chance.iter().copied();
            let mut ends = Vec::new();
            let ordered = order(records.to_vec(), |end| {
                ends.push(end);
                chance.next().unwrap()
            });
            let targets: Vec<&str> = ordered.iter().map(|record| record.target.as_str()).collect();
            assert_eq!(targets, wanted);
            ends
        };
        assert_eq!(check(&[0, 0, 0, 0], &["z", "a", "b", "c"]), [5, 5, 4, 6]);
        assert_eq!(check(&[1, 1, 0, 5], &["a", "b", "z", "c"]), [5, 4, 1, 6]);
        assert_eq!(check(&[4, 1, 0, 0], &["b", "a", "z", "c"]), [5, 2, 1, 6]);
    }
}
