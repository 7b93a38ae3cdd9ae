//! `posthouse domain`: the domains whose mail is kept here. Adding an account adds its domain as well.

use std::io::{self, Write as _};

use clap::Subcommand;

use crate::account::{Data, ask};
use crate::admin::{Admin, unexpected};
use crate::control::people::About;
use crate::control::{Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::quota;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a domain one of the server's.
    Add {
        /// Its name.
        domain: String,
        #[command(flatten)]
        data: Data,
    },
    /// Lists the domains.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Gives a domain up that has no accounts, and its aliases and groups with it.
    Remove {
        /// Its name.
        domain: String,
        #[command(flatten)]
        data: Data,
    },
    /// Says who gets mail to names of a domain that nobody has; without an address nobody does.
    CatchAll {
        /// The domain.
        domain: String,
        /// An address of this server.
        address: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Tells how much each account of a domain may hold that has no limit of its own, and how much all of them together, or
    /// changes it. Example: posthouse domain quota example.org --storage 2G --total-storage 100G
    Quota {
        /// The domain.
        domain: String,
        #[command(flatten)]
        limits: quota::Limits,
        #[command(flatten)]
        totals: quota::Totals,
    },
}

pub(crate) async fn run(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Add { domain, data } => ask(&data, Request::AddDomain(domain), language).await,
        Command::Quota {
            domain,
            limits,
            totals,
        } => {
            let together = totals.change();
            quota::run(About::Domain { domain, together }, limits, language).await
        }
        Command::Remove { domain, data } => ask(&data, Request::RemoveDomain(domain), language).await,
        Command::CatchAll {
            domain,
            address,
            data,
        } => ask(&data, Request::CatchAll { domain, address }, language).await,
        Command::List { data } => {
            let mut admin = Admin::of(data.path(), language).await?;
            let reply = admin.ask(Request::ListDomains).await?;
            admin.end().await?;
            let Reply::Names(names) = reply else {
                return Err(unexpected());
            };
            let mut out = io::stdout().lock();
            let printed = names.iter().try_for_each(|name| writeln!(out, "{name}"));
            printed.map_err(|error| Exit::new(Code::Io, error.to_string()))
        }
    }
}
