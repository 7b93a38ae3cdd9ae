//! Removing messages.

use types::{ChangeNumber, MailboxId, SystemKeyword, Uid};

use crate::StoreError;
use crate::kept::Fate;
use crate::sequencer::{Draft, Verb};

/// Messages that were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expunged {
    /// Their uids, in order.
    pub uids: Vec<Uid>,
    /// The change that removed them, or the mailbox's last change when there were none.
    pub change: ChangeNumber,
}

/// Which messages are to go.
pub(crate) enum Which {
    These(Vec<Uid>),
    /// Those with the deleted mark.
    Deleted,
    /// Those with the deleted mark, among these.
    DeletedAmong(Vec<Uid>),
}

/// A removal.
pub(crate) struct Expunge {
    pub(crate) mailbox: MailboxId,
    pub(crate) which: Which,
}

impl Verb for Expunge {
    type Output = Expunged;

    async fn apply(self, draft: &mut Draft) -> Result<Expunged, StoreError> {
        let mut mailbox = draft.mailbox(self.mailbox)?;
        let rows = match self.which {
            Which::These(uids) => draft.rows(mailbox.id, &uids).await?,
            Which::Deleted if mailbox.deleted == 0 => Vec::new(),
            Which::Deleted => draft.deleted_rows(mailbox.id).await?,
            Which::DeletedAmong(uids) => {
                let mut rows = draft.rows(mailbox.id, &uids).await?;
                rows.retain(|row| row.has(SystemKeyword::Deleted));
                rows
            }
        };
        if rows.is_empty() {
            return Ok(Expunged {
                uids: Vec::new(),
                change: mailbox.change,
            });
        }
        let change = draft.next_change();
        for row in &rows {
            draft.remove_row(&mut mailbox, row, (change, Fate::Expunged));
        }
        draft.set_mailbox(mailbox);
        Ok(Expunged {
            uids: rows.iter().map(|row| row.uid).collect(),
            change,
        })
    }
}
