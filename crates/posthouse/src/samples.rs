//! The messages that a playground begins with: Chinese text, an attachment, HTML.

use bytes::Bytes;
use server::facts::facts_of;
use store::{BlobSource, Delivery, Keywords, NewMessage, Store};
use types::{AccountId, MailboxName};

use crate::exit::{Code, Exit};

/// As they lie in the source, with LF.
const SAMPLES: [&str; 3] = [
    include_str!("samples/chinese.eml"),
    include_str!("samples/attachment.eml"),
    include_str!("samples/html.eml"),
];

/// Delivers all samples to all accounts.
pub(crate) async fn deliver(store: &Store, accounts: &[AccountId]) -> Result<(), Exit> {
    let inboxes: Vec<_> = accounts
        .iter()
        .map(|account| Delivery {
            account: *account,
            mailbox: MailboxName::inbox(),
        })
        .collect();
    let now = server::system_clock();
    for sample in SAMPLES {
        let octets = Bytes::from(sample.replace('\n', "\r\n"));
        let message = NewMessage {
            facts: facts_of(&octets),
            source: BlobSource::Bytes(octets),
            keywords: Keywords::default(),
            received: now(),
        };
        for delivered in store.deliver(&inboxes, message).await {
            delivered.map_err(|error| Exit::new(Code::Io, error.to_string()))?;
        }
    }
    Ok(())
}
