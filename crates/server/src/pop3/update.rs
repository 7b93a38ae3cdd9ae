//! QUIT after a login (RFC 1939 §6): what was marked is deleted, then the maildrop is free.

use pop3::Refusal;

use super::transaction::Opened;

/// So many messages go in one step of the store.
const BATCH: usize = 1000;

impl Opened {
    /// Deletes what was marked; gives how many messages that were.
    pub(super) async fn update(self) -> Result<usize, Refusal> {
        let uids: Vec<_> = self.maildrop.deleted().map(|message| message.place.uid).collect();
        for uids in uids.chunks(BATCH) {
            // What another session has expunged by now is gone, as was wanted.
            if let Err(error) = self.account.expunge(self.inbox, uids.to_vec()).await {
                tracing::error!(account = self.account.id().0, %error, "messages could not be deleted");
                return Err(Refusal::NotAllDeleted);
            }
        }
        Ok(uids.len())
    }
}
