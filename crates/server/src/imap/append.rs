//! APPEND (RFC 3501 §6.3.11, RFC 4315 §3).

use std::borrow::Cow;

use bytes::Bytes;
use imap::Refusal;
use imap::command::Append;
use message::repair;
use store::{Account, Appended, BlobSource, NewMessage};
use types::Timestamp;

use super::copy::{no_target, target};
use super::flags::keywords;
use super::stop::Stop;
use crate::facts::facts_of_bytes;

/// Puts a message into a mailbox. Bare CR and LF become line ends before it is stored.
pub(super) async fn append(account: &Account, append: Append, now: Timestamp) -> Result<Appended, Stop> {
    let target = target(account, &append.mailbox)?;
    if append.message.is_empty() {
        return Err(Refusal::EmptyMessage.into());
    }
    let bytes = match repair::crlf(&append.message) {
        Cow::Borrowed(_) => append.message.clone(),
        Cow::Owned(repaired) => Bytes::from(repaired),
    };
    let message = NewMessage {
        facts: facts_of_bytes(&bytes).await,
        source: BlobSource::Bytes(bytes),
        keywords: keywords(&append.flags),
        received: append.received.unwrap_or(now),
    };
    let appended = account.append(target, vec![message]).await.map_err(no_target)?;
    appended.first().copied().ok_or(Refusal::Unavailable.into())
}
