//! `posthouse alias`: addresses that lead to others.

use clap::Subcommand;

use crate::account::{Data, ask};
use crate::control::Request;
use crate::exit::Exit;
use crate::language::Language;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes an address lead to others. Example: posthouse alias set team@example.org alice@example.org bob@example.org
    Set {
        /// The alias; its domain must be one of the server's.
        address: String,
        /// Who gets its mail: addresses of this server.
        #[arg(required = true)]
        targets: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Removes an alias.
    Remove {
        /// The alias.
        address: String,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) async fn run(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Set {
            address,
            targets,
            data,
        } => ask(&data, Request::SetAlias { address, targets }, language).await,
        Command::Remove { address, data } => ask(&data, Request::RemoveAlias(address), language).await,
    }
}
