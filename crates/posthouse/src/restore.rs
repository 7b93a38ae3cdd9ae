//! `posthouse restore`: a backup becomes a data folder again, or one account's mail comes back into one that is in use.
//!
//! A folder that was restored is not the one that was backed up: that one has gone on, and clients have seen more of it. So every
//! mailbox gets a higher UIDVALIDITY and every number leaps; the ids of UIDL stay, so that nobody downloads anything twice.

mod account;
mod whole;

use std::path::{Path, PathBuf};

use crate::backup::manifest::Manifest;
use crate::backup::share;
use crate::exit::Exit;
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the backup.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The data folder: a new one, or with --account that of a server, running or stopped.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
    /// Only this account, into the data folder as it is: mailboxes and messages that are missing there come back.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<String>,
    /// With --account: puts its mailboxes below this one, and not where they were.
    #[arg(long, value_name = "MAILBOX", requires = "account")]
    into: Option<String>,
    /// Restores also a backup that is damaged, as far as it can be read. What is missing is said.
    #[arg(long, conflicts_with = "account")]
    damaged: bool,
}

/// What is done about a file of the backup that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Refused,
    Accepted,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let Arguments {
        folder,
        data,
        account,
        into,
        damaged,
    } = arguments;
    let _lock = share(folder, language)?;
    let backup = Backup {
        folder,
        manifest: Manifest::read(folder, language)?,
    };
    match account {
        Some(address) => {
            let target = account::Target {
                data,
                address,
                into: into.as_deref(),
            };
            account::restore(&backup, &target, language).await
        }
        None => {
            let damage = match damaged {
                true => Damage::Accepted,
                false => Damage::Refused,
            };
            whole::restore(&backup, data, damage, language).await
        }
    }
}

/// A backup that is read.
struct Backup<'b> {
    folder: &'b Path,
    manifest: Manifest,
}
