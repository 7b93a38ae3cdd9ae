//! Deleted messages: listed, and brought back.

use message::Header;
use serde::{Deserialize, Serialize};
use store::{Account, StoreError};
use types::Timestamp;

use super::{Reply, Request, State, parse};
use crate::exit::{Code, Exit};

/// Octets of a message that are read for what is said of it.
const LOOKED_AT: u64 = 16 << 10;

/// Whose deleted messages, and since when.
#[derive(Serialize, Deserialize)]
pub(crate) struct Since {
    pub(crate) address: String,
    /// Seconds since 1970.
    pub(crate) since: i64,
}

/// A deleted message that can be brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) mailbox: String,
    /// The uid that it had.
    pub(crate) uid: u32,
    pub(crate) octets: u32,
    /// Seconds since 1970.
    pub(crate) received: i64,
    /// Seconds since 1970.
    pub(crate) deleted: i64,
    pub(crate) from: String,
    pub(crate) subject: String,
}

/// What was brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undeleted {
    pub(crate) messages: u64,
    /// Messages that the account has no room for.
    pub(crate) left: u64,
}

impl State {
    pub(super) async fn undelete(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::Undelete(Since { address, since }) => {
                let account = self.account(&address).await?;
                let undeleted = account
                    .undelete(Timestamp(since))
                    .await
                    .map_err(failed(&address))?;
                Ok(Reply::Undeleted(Undeleted {
                    messages: undeleted.messages,
                    left: undeleted.left,
                }))
            }
            Request::ListDeleted(Since { address, since }) => {
                let account = self.account(&address).await?;
                let found = account
                    .deleted(Timestamp(since))
                    .await
                    .map_err(failed(&address))?;
                let mut listed = Vec::with_capacity(found.len());
                for deleted in found {
                    listed.push(describe(&account, deleted).await);
                }
                Ok(Reply::Deleted(listed))
            }
            _ => Err(crate::admin::unexpected()),
        }
    }

    async fn account(&self, address: &str) -> Result<Account, Exit> {
        // Also one that is disabled: its mail stays, and comes back.
        let id = self.directory.account(&parse(address)?).await?;
        self.store.account(id).await.map_err(failed(address))
    }
}

fn failed(address: &str) -> impl FnOnce(StoreError) -> Exit {
    let address = address.to_owned();
    move |error| match error {
        StoreError::Failed(error) => error.into(),
        error => Exit::new(Code::Data, format!("{address}: {error}")),
    }
}

/// What is said of a message: its bytes may be damaged, and then it is listed without.
async fn describe(account: &Account, deleted: store::Deleted) -> Deleted {
    let bytes = account
        .read_blob(deleted.blob, 0..LOOKED_AT)
        .await
        .unwrap_or_default();
    let header = Header::new(&bytes);
    let field = |name| header.first(name).map(|field| field.text()).unwrap_or_default();
    Deleted {
        mailbox: deleted.mailbox.as_str().to_owned(),
        uid: deleted.uid.0,
        octets: deleted.size,
        received: deleted.received.0,
        deleted: deleted.deleted.0,
        from: field("From"),
        subject: field("Subject"),
    }
}
