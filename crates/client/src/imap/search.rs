//! Searching: by uid, with ESEARCH where the server has it, which names ranges and not every message (RFC 9051 §6.4.4).

use ::imap::client::{Data, Line, Query, Ranges, Response};

use super::client::Client;
use crate::error::Error;

impl Client {
    /// The uids of the messages that the query holds for, in the mailbox that is open.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn search(&mut self, query: Query) -> Result<Ranges, Error> {
        let tag = self.tag();
        let returning = if self.has("ESEARCH") { "(ALL)" } else { "" };
        let line = Line::search(&tag, returning, query.key(), self.mode);
        let mut found = Ranges::default();
        self.command("SEARCH", line, |response| match response {
            // Servers may say it in several responses.
            Response::Data(Data::Search(more, _)) => {
                found.0.extend(more.0);
                None
            }
            Response::Data(Data::ESearch(more)) => {
                found.0.extend(more.all.unwrap_or_default().0);
                None
            }
            other => Some(other),
        })
        .await?;
        Ok(found)
    }
}
