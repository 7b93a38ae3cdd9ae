//! Internationalised mail for clients that have not said UTF8 (RFC 6856 §2.1): a surrogate of each message
//! (`message::downgrade`), whose size is known from the login on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use message::Message;
use message::downgrade::Surrogate;
use store::{Account, StoreError, TextForm, View};
use types::{BlobId, Octets};

use super::transaction::{Form, Place};
use crate::facts::aside;
use crate::workspace::{Space, Workspace};

/// Sizes that are remembered: 16 octets each. All are forgotten when there are more, and measured again.
const MANY: usize = 100_000;

/// So many octets are read at one login to measure surrogates; what is left is listed with its own size, as RFC 6858 §4
/// allows, and measured at the next login.
const MEASURED: u64 = 256 << 20;

/// So many octets are read at once.
const BATCH: u64 = 4 << 20;

/// The sizes of surrogates, of all accounts: the bytes of a message never change, so neither do they.
#[derive(Debug, Default)]
pub struct Sizes {
    known: Mutex<HashMap<BlobId, Octets>>,
}

impl Sizes {
    fn find(&self, blob: BlobId) -> Option<Octets> {
        self.known().get(&blob).copied()
    }

    fn remember(&self, blob: BlobId, size: Octets) {
        let mut known = self.known();
        if known.len() >= MANY {
            known.clear();
        }
        known.insert(blob, size);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<BlobId, Octets>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages of a view as clients that do not know UTF-8 are given them.
    pub(super) async fn measured(
        &self,
        (account, workspace): (&Account, &Workspace),
        view: &View,
    ) -> Result<Vec<pop3::Message<Place>>, StoreError> {
        let mut messages: Vec<_> = view.iter().map(|(_, row)| Place::of(row)).collect();
        let mut unknown = Vec::new();
        for (message, (_, row)) in messages.iter_mut().zip(view.iter()) {
            if row.form != TextForm::Encoded {
                continue;
            }
            message.place.form = Form::Surrogate;
            match self.find(row.blob) {
                Some(size) => message.size = size,
                None => unknown.push((message, row.blob)),
            }
        }
        let mut left = MEASURED;
        let mut rest = unknown.as_mut_slice();
        while let Some(count) = batch(rest, &mut left) {
            let (now, later) = std::mem::take(&mut rest).split_at_mut(count);
            rest = later;
            // Where there is no memory they are measured at the next login.
            let octets = now.iter().map(|(message, _)| message.size.0).sum();
            let Ok(_space) = workspace.take(octets).await else {
                break;
            };
            let read = account.read_blobs(now.iter().map(|(_, blob)| *blob)).await?;
            for ((message, blob), bytes) in now.iter_mut().zip(read) {
                // What cannot be read is refused at RETR.
                let Ok(bytes) = bytes else { continue };
                message.size = measure(bytes).await;
                self.remember(*blob, message.size);
            }
        }
        Ok(messages)
    }
}

/// How many of the messages are read next; nothing when none is left, or no patience.
fn batch(rest: &[(&mut pop3::Message<Place>, BlobId)], left: &mut u64) -> Option<usize> {
    let mut octets = 0;
    let mut count = 0;
    for (message, _) in rest {
        if count > 0 && octets + message.size.0 > BATCH {
            break;
        }
        octets += message.size.0;
        count += 1;
    }
    *left = left.checked_sub(octets)?;
    (count > 0).then_some(count)
}

/// The octets of a message's surrogate.
async fn measure(bytes: Bytes) -> Octets {
    let size = aside(bytes.len(), move || {
        let surrogate = Surrogate::of(&Message::parse(&bytes));
        surrogate.map_or(bytes.len(), |surrogate| surrogate.octets(bytes.len()))
    });
    Octets(u64::try_from(size.await).unwrap_or(u64::MAX))
}

/// What of a message is written anew, if anything is. The memory is given back as soon as it is known.
pub(super) async fn surrogate_of(bytes: Bytes, space: Space) -> Option<Surrogate> {
    aside(bytes.len(), move || {
        let _space = space;
        Surrogate::of(&Message::parse(&bytes))
    })
    .await
}
