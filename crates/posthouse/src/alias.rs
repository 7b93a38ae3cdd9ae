//! `posthouse alias`: addresses that lead to others.

use clap::Subcommand;

use crate::account::{Data, ask, print_json, written};
use crate::admin::Admin;
use crate::control::Request;
use crate::exit::Exit;
use crate::group;
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
    /// Lists the aliases and where they lead.
    List {
        /// As JSON: one array of objects with address and leads_to.
        #[arg(long)]
        json: bool,
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
        } => {
            let set = (address.clone(), targets.clone());
            group::ask_and_warn(&data, Request::SetAlias { address, targets }, set, language).await
        }
        Command::List { json, data } => {
            let mut admin = Admin::of(data.path(), language).await?;
            let listed = group::leading(&mut admin, Request::ListAliases).await;
            admin.end().await?;
            let listed = listed?;
            written(match json {
                true => print_json(&listed),
                false => group::print_leading(&listed, language),
            })
        }
        Command::Remove { address, data } => ask(&data, Request::RemoveAlias(address), language).await,
    }
}
