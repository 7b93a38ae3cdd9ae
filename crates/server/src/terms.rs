//! What clients have to keep to, as the settings say.

use std::time::Duration;

use config::{Limits, Settings, Timeouts};

use crate::limits::Shares;
use crate::outlet::Outlet;
use crate::workspace::Workspace;

/// The same for all connections of a server.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How long somebody is waited for.
    pub times: Timeouts,
    /// So much and no more.
    pub limits: Limits,
    /// Wrong passwords on one connection before it is closed.
    pub login_tries: u32,
    /// The memory for large answers.
    pub outlet: Outlet,
    /// The memory for messages that are looked at whole.
    pub workspace: Workspace,
    /// How often the files of certificates are looked at.
    pub reload: Duration,
}

impl Terms {
    /// Those of some settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Terms {
            times: settings.timeouts.clone(),
            limits: settings.limits.clone(),
            outlet: Outlet::new(Shares::of(&settings.limits).output),
            workspace: Workspace::new(Shares::of(&settings.limits).work),
            login_tries: settings.logins.tries_per_connection,
            reload: settings.tls.reload,
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            times: Timeouts::default(),
            limits: Limits::default(),
            outlet: Outlet::new(Shares::of(&Limits::default()).output),
            workspace: Workspace::new(Shares::of(&Limits::default()).work),
            login_tries: config::Logins::default().tries_per_connection,
            reload: config::Tls::default().reload,
        }
    }
}
