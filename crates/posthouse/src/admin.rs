//! The way from a command to accounts: through the running server, or into the folder of a stopped one.

use std::path::Path;

use bytes::Bytes;
use config::Settings;
use directory::Cores;

use crate::control::{Client, Reply, Request, State};
use crate::exit::{Code, Exit};
use crate::folder::{Folder, Open};
use crate::language::Language;
use crate::salvage;

/// Answers requests.
pub(crate) enum Admin {
    /// The server runs.
    Live(Client),
    /// It does not; the folder is ours as long as this lives.
    Stopped(State, Box<Folder>),
}

impl Admin {
    /// Finds the server of a data folder, or takes the folder.
    pub(crate) async fn of(data: &Path, language: Language) -> Result<Self, Exit> {
        let live = Client::connect(data)
            .await
            .map_err(|error| Exit::file(data, &error, language))?;
        if let Some(client) = live {
            return Ok(Admin::Live(client));
        }
        let folder = Folder::open(data, Open::Existing, language)?;
        folder.report_damage(language);
        let settings = crate::local::settings();
        let state = folder.state(&settings, Cores::All);
        salvage::salvage(&folder, &state, language).await?;
        Ok(Admin::Stopped(state, Box::new(folder)))
    }

    /// The same for a folder that may not be there yet, with the settings of its server.
    pub(crate) async fn of_new(data: &Path, settings: &Settings, language: Language) -> Result<Self, Exit> {
        let live = match data.exists() {
            true => Client::connect(data).await,
            false => Ok(None),
        };
        if let Some(client) = live.map_err(|error| Exit::file(data, &error, language))? {
            return Ok(Admin::Live(client));
        }
        let folder = Folder::open(data, Open::OrCreate, language)?;
        folder.report_damage(language);
        let state = folder.state(settings, Cores::All);
        Ok(Admin::Stopped(state, Box::new(folder)))
    }

    /// Asks; a refusal is an error.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Reply, Exit> {
        self.ask_with(request, Bytes::new()).await
    }

    /// The same, with the octets that follow the request.
    pub(crate) async fn ask_with(&mut self, request: Request, body: Bytes) -> Result<Reply, Exit> {
        let reply = match self {
            Admin::Live(client) => client
                .ask(&request, &body)
                .await
                .map_err(|error| Exit::new(Code::Temporary, format!("the server did not answer: {error}")))?,
            Admin::Stopped(state, _) => state.answer(request, body).await,
        };
        match reply {
            Reply::Refused(refused) => Err(refused.into()),
            reply => Ok(reply),
        }
    }

    /// Gives the folder back.
    pub(crate) async fn end(self) -> Result<(), Exit> {
        match self {
            Admin::Live(_) => Ok(()),
            Admin::Stopped(state, folder) => {
                drop(state);
                folder.close().await
            }
        }
    }
}

/// The server said something that is no answer to what it was asked: it is another version.
pub(crate) fn unexpected() -> Exit {
    Exit::new(Code::Unavailable, "the server is of another version; restart it")
}
