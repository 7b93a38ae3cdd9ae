//! How many connections there may be: in all, and from one address, or network of IPv6. Loopback counts only towards
//! the total.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::Network;

/// Octets that a connection takes while it idles or says little: with TLS, and with some room for what comes.
const CONNECTION: usize = 24 * 1024;

/// What a message of the size that is taken unless somebody says otherwise needs to be looked at, where memory is least.
const LEAST_WORK: usize = 48 << 20;

/// What becomes of the memory that the settings allow. The rest is left for what is not counted: passwords, the log's end, code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Connections, as many as a quarter has room for.
    pub connections: usize,
    /// Octets of messages on their way in.
    pub messages: usize,
    /// Octets of messages that are looked at whole.
    pub work: usize,
    /// Octets of views of mailboxes, and of lists of their messages.
    pub views: usize,
    /// Octets of large answers on their way out.
    pub output: usize,
    /// Octets of rows that wait for the index.
    pub waiting: usize,
}

impl Shares {
    /// How the memory is shared.
    #[must_use]
    pub fn of(limits: &config::Limits) -> Self {
        let quarter = limits.memory / 4;
        Shares {
            connections: quarter / CONNECTION,
            messages: quarter / 4 * 3,
            work: (quarter / 2).max(LEAST_WORK.min(quarter)),
            views: quarter / 8 * 5,
            output: quarter / 4,
            waiting: quarter / 8 * 3,
        }
    }
}

/// The connections that are open.
pub(crate) struct Connections {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<Network, usize>,
}

/// A connection that is counted, until it is dropped.
pub(crate) struct Counted {
    connections: Arc<Connections>,
    address: Option<Network>,
}

impl Connections {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Self {
        Connections {
            most,
            most_per_address,
            open: Mutex::default(),
        }
    }

    /// Counts a connection, unless there are too many.
    pub(crate) fn count(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Counted> {
        let address = peer.and_then(Network::of);
        let mut open = self.open();
        if open.total >= self.most {
            return None;
        }
        if let Some(address) = address {
            let count = open.by_address.entry(address).or_default();
            if *count >= self.most_per_address {
                return None;
            }
            *count += 1;
        }
        open.total += 1;
        Some(Counted {
            connections: Arc::clone(self),
            address,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Serves a connection that is counted as long as it lasts.
    pub(crate) async fn through(self, serving: impl Future<Output = ()>) {
        serving.await;
        drop(self);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.total -= 1;
        let Some(address) = self.address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_in_all_and_by_address() {
        let connections = Arc::new(Connections::new(3, 2));
        let at = |ip: &str| Some(ip.parse().unwrap());
        let one = connections.count(at("192.0.2.1"));
        let two = connections.count(at("192.0.2.1"));
        assert!(one.is_some() && two.is_some());
        assert!(connections.count(at("::ffff:192.0.2.1")).is_none());
        let three = connections.count(at("192.0.2.2"));
        assert!(three.is_some());
        assert!(connections.count(at("127.0.0.1")).is_none());
        drop((one, two, three));
        let loopback: Vec<_> = (0..3).map_while(|_| connections.count(at("127.0.0.1"))).collect();
        assert_eq!(loopback.len(), 3);
        assert!(connections.open().by_address.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let connections = Arc::new(Connections::new(100, 2));
        let at = |ip: &str| Some(ip.parse().unwrap());
        let _two = ["2001:db8::1", "2001:db8::2"].map(|ip| connections.count(at(ip)).unwrap());
        assert!(connections.count(at("2001:db8::3")).is_none());
        assert!(connections.count(at("2001:db8:0:1::1")).is_some());
    }
}
