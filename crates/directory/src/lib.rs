//! Who has an account, which addresses lead to it, and whether a password is right.
//!
//! Read first: [`Directory`]. [`Directory::resolve`] follows sub-addresses, aliases, groups and catch-alls to accounts,
//! [`Directory::login`] verifies; the verbs that change something are in `account`, `domain`, `group` and `quota`.
//!
//! **Invariants**: what a verb has answered `Ok` to is on stable storage, and the next question sees it. The number of
//! an account is never given out twice. Names are compared in one spelling (NFC, lower case) and found by a hash of it,
//! so no row needs to be in memory. A wrong password, a name that nobody has and a disabled account take the same time and
//! read the same. A login ends when the account's password changes, or the account is disabled or removed ([`Standing`]).

mod account;
mod app_password;
mod domain;
mod error;
mod foreign;
mod group;
mod login;
mod name;
mod password;
mod quota;
mod resolve;
mod returning;
mod row;
mod scram;
mod standing;
mod throttle;
mod verified;

use std::sync::Arc;

use engine::Engine;
use tokio::sync::{Mutex, OnceCell};
use types::Domain;

pub use account::{Access, Account, ImportedAccount, NewAccount};
pub use app_password::AppPassword;
pub use error::{DirectoryError, Refusal};
pub use group::{Cursor, Listed, Page};
pub use login::{Login, LoginRefusal};
pub use password::{Cores, Cost};
pub use quota::{Allowance, Limit, Limits, Of, Quota, QuotaChange};
pub use resolve::Resolution;
pub use returning::KeptAccount;
pub use scram::{Rounds, Scram};
pub use standing::Standing;
pub use throttle::Guessing;

use password::Hasher;
use standing::Standings;
use throttle::Throttle;
use verified::Verified;

/// Domains, accounts and addresses of a data folder. A clone is another handle to the same directory.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    default_domain: Domain,
    hasher: Hasher,
    verified: Verified,
    standings: Standings,
    throttle: Throttle,
    scram: Scram,
    /// What tags and salts are made with, once it has been wanted.
    secret: OnceCell<[u8; 32]>,
    /// Held from the first read of a change to its commit: one change at a time.
    changing: Mutex<()>,
}

/// How a directory hashes, and what slows those who guess.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What a hash costs.
    pub cost: Cost,
    /// The cores that hash.
    pub cores: Cores,
    /// The SCRAM keys that are kept.
    pub scram: Scram,
    /// The limits for those who guess.
    pub guessing: Guessing,
}

impl Directory {
    /// The directory of a server. A login name without a domain is looked for in `default_domain`.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, default_domain: Domain, cost: Cost) -> Self {
        let options = Options {
            cost,
            ..Options::default()
        };
        Self::with_options(engine, default_domain, options)
    }

    /// The same with other choices.
    #[must_use]
    pub fn with_options(engine: Arc<dyn Engine>, default_domain: Domain, options: Options) -> Self {
        let Options {
            cost,
            cores,
            scram,
            guessing,
        } = options;
        Directory {
            shared: Arc::new(Shared {
                engine,
                default_domain,
                hasher: Hasher::new(cost, cores),
                verified: Verified::new(),
                standings: Standings::default(),
                throttle: Throttle::new(guessing),
                scram,
                secret: OnceCell::new(),
                changing: Mutex::new(()),
            }),
        }
    }

    /// The domain of login names that have none.
    #[must_use]
    pub fn default_domain(&self) -> &Domain {
        &self.shared.default_domain
    }
}
