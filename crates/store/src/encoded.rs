//! Which messages of a mailbox may be shown otherwise than they are stored: those whose form nobody knows, or that have more than ASCII
//! in a header field. There are few. They are looked for once; after that only what has come since is.

use types::{MailboxId, Uid};

use crate::account::scan_pieces;
use crate::{Account, MessageRow, StoreError, TextForm, key};

/// What is known of a mailbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    /// Messages from here on have not been looked at.
    next: Uid,
    /// Those that were found, some of which may be gone.
    uids: Vec<Uid>,
}

impl Account {
    /// The messages of a mailbox that must be decoded before anybody knows what they say, in order.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn encoded(&self, mailbox: MailboxId) -> Result<Vec<MessageRow>, StoreError> {
        let inner = self.inner();
        let known = inner.state().encoded.get(&mailbox).cloned().unwrap_or_default();
        let mut encoded = self.living(mailbox, &known.uids).await?;
        let mut next = known.next;
        let mut look = |row: MessageRow| {
            next = row.uid.next();
            if row.form == TextForm::Encoded {
                encoded.push(row);
            }
        };
        match inner.kept_view(mailbox) {
            Some(view) => view
                .uids(known.next, Uid(u32::MAX))
                .for_each(|(_, row)| look(*row)),
            None => {
                let range = key::messages_from(mailbox, known.next);
                scan_pieces(inner.engine(), inner.partition(), range, &mut |stored| {
                    let uid = key::uid_of(&stored.key);
                    // One that cannot be read is for others to tell.
                    if let Some(row) = uid.and_then(|uid| MessageRow::parse(uid, &stored.value)) {
                        look(row);
                    }
                })
                .await?;
            }
        }
        let uids = encoded.iter().map(|row| row.uid).collect();
        inner.state().encoded.insert(mailbox, Encoded { next, uids });
        Ok(encoded)
    }

    /// Those of some messages that are there.
    async fn living(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<MessageRow>, StoreError> {
        let inner = self.inner();
        let keys: Vec<_> = uids.iter().map(|uid| key::message(mailbox, *uid)).collect();
        let stored = match keys.is_empty() {
            true => Vec::new(),
            false => inner.engine().get_many(inner.partition(), &keys).await?,
        };
        let rows = uids.iter().zip(stored);
        Ok(rows
            .filter_map(|(uid, value)| MessageRow::parse(*uid, &value?))
            .collect())
    }
}
