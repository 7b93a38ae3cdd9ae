//! Reading through the sequencer, so that no commit comes in between; and the recent mark.

use std::sync::Arc;

use types::MailboxId;

use crate::sequencer::{Draft, Verb};
use crate::{Refusal, StoreError, View};

/// Loads a mailbox's view as of the last commit.
pub(crate) struct LoadView {
    pub(crate) mailbox: MailboxId,
}

impl Verb for LoadView {
    type Output = Arc<View>;

    async fn apply(self, draft: &mut Draft) -> Result<Arc<View>, StoreError> {
        if !draft.account().state().mailboxes.contains_key(&self.mailbox) {
            return Err(Refusal::NoMailbox.into());
        }
        draft.account().load_view(self.mailbox).await
    }
}

/// Ends the account: verbs after it are refused. Its rows are deleted by the store.
pub(crate) struct DeleteAccount;

impl Verb for DeleteAccount {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        draft.end();
        Ok(())
    }
}

/// Stores the recent mark, which has moved in memory.
pub(crate) struct StoreRecent {
    pub(crate) mailbox: MailboxId,
}

impl Verb for StoreRecent {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        let mailbox = draft.mailbox(self.mailbox)?;
        draft.set_mailbox(mailbox);
        Ok(())
    }
}
