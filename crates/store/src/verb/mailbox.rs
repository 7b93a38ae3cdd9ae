//! Creating, deleting, renaming and subscribing to mailboxes.

use types::{ChangeNumber, MailboxId, MailboxName, Octets, Role, SEPARATOR, Uid, UidValidity};

use super::copy::Copy;
use crate::row::MailboxRow;
use crate::sequencer::{Draft, Subscribed, Verb};
use crate::state::MAX_MAILBOXES;
use crate::{Mailbox, Refusal, StoreError};

/// What every account begins with: the inbox, and the roles of RFC 6154 §2 that clients look for.
pub(super) const FIRST: [(&str, Option<Role>); 6] = [
    ("INBOX", None),
    ("Drafts", Some(Role::Drafts)),
    ("Sent", Some(Role::Sent)),
    ("Archive", Some(Role::Archive)),
    ("Junk", Some(Role::Junk)),
    ("Trash", Some(Role::Trash)),
];

/// Creates what every account begins with, if it has no inbox yet.
pub(crate) struct FirstMailboxes;

impl Verb for FirstMailboxes {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        if draft.by_name(&MailboxName::inbox()).is_some() {
            return Ok(());
        }
        for (name, role) in FIRST {
            let name = MailboxName::check(name).expect("a constant");
            // After a salvage it may be the inbox alone that is missing.
            if draft.by_name(&name).is_none() {
                create(draft, &name, role)?;
            }
            draft.set_subscription(name, Subscribed::Yes);
        }
        Ok(())
    }
}

/// Creates a mailbox and those above it.
pub(crate) struct CreateMailbox {
    pub(crate) name: MailboxName,
    pub(crate) role: Option<Role>,
}

impl Verb for CreateMailbox {
    type Output = Mailbox;

    async fn apply(self, draft: &mut Draft) -> Result<Mailbox, StoreError> {
        let row = create(draft, &self.name, self.role)?;
        Ok(Mailbox::from(&row))
    }
}

/// Creates one mailbox, after those above it that are missing (RFC 3501 §6.3.3).
pub(super) fn create(
    draft: &mut Draft,
    name: &MailboxName,
    role: Option<Role>,
) -> Result<MailboxRow, StoreError> {
    if draft.by_name(name).is_some() {
        return Err(Refusal::MailboxExists.into());
    }
    let missing = missing_above(draft, name);
    if draft.all_mailboxes().len() + missing.len() >= MAX_MAILBOXES {
        return Err(Refusal::TooManyMailboxes.into());
    }
    for above in missing {
        add(draft, above, None);
    }
    Ok(add(draft, name.clone(), role))
}

/// The names above a name that are not there, the highest first.
fn missing_above(draft: &Draft, name: &MailboxName) -> Vec<MailboxName> {
    let above = std::iter::successors(name.parent(), MailboxName::parent);
    let mut missing: Vec<_> = above.filter(|name| draft.by_name(name).is_none()).collect();
    missing.reverse();
    missing
}

fn add(draft: &mut Draft, name: MailboxName, role: Option<Role>) -> MailboxRow {
    let counters = draft.counters();
    let id = MailboxId(counters.next_mailbox);
    counters.next_mailbox += 1;
    let row = empty(draft, id, name, role);
    draft.set_mailbox(row.clone());
    row
}

/// A validity that no mailbox of the account has had.
pub(super) fn next_validity(draft: &mut Draft) -> UidValidity {
    let now = super::append::saved_at(draft.now());
    let counters = draft.counters();
    // From the clock, so that it is higher than any before it even where the counter was lost.
    let validity = UidValidity(now.max(counters.last_validity.0.saturating_add(1)).max(1));
    counters.last_validity = validity;
    validity
}

/// The row of a mailbox that nothing has come into.
pub(super) fn empty(draft: &mut Draft, id: MailboxId, name: MailboxName, role: Option<Role>) -> MailboxRow {
    let change = draft.next_change();
    let validity = next_validity(draft);
    MailboxRow {
        id,
        name,
        role,
        validity,
        next_uid: Uid::FIRST,
        change,
        messages: 0,
        unseen: 0,
        deleted: 0,
        octets: Octets(0),
        recent: Uid::FIRST,
        deleted_at: None,
        forgotten: ChangeNumber(0),
        keywords: Vec::new(),
    }
}

/// Deletes a mailbox; its rows stay for undelete.
pub(crate) struct DeleteMailbox {
    pub(crate) name: MailboxName,
}

impl Verb for DeleteMailbox {
    type Output = MailboxId;

    async fn apply(self, draft: &mut Draft) -> Result<MailboxId, StoreError> {
        if self.name.is_inbox() {
            return Err(Refusal::InboxStays.into());
        }
        let mut row = draft.by_name(&self.name).ok_or(Refusal::NoMailbox)?;
        let mailbox = row.id;
        row.change = draft.next_change();
        row.deleted_at = Some(draft.now());
        draft.set_mailbox(row);
        Ok(mailbox)
    }
}

/// Renames a mailbox with all below it.
pub(crate) struct RenameMailbox {
    pub(crate) from: MailboxName,
    pub(crate) to: MailboxName,
}

impl Verb for RenameMailbox {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        if self.from == self.to || draft.by_name(&self.to).is_some() {
            return Err(Refusal::MailboxExists.into());
        }
        if self.from.is_inbox() {
            return rename_inbox(draft, &self.to).await;
        }
        if self.to.is_below(&self.from) {
            return Err(Refusal::BelowItself.into());
        }
        let mut renamed = Vec::new();
        for mut row in draft.all_mailboxes() {
            if row.name == self.from || row.name.is_below(&self.from) {
                row.name = self.new_name(&row.name)?;
                renamed.push(row);
            }
        }
        if renamed.is_empty() {
            return Err(Refusal::NoMailbox.into());
        }
        if renamed.iter().any(|row| draft.by_name(&row.name).is_some()) {
            return Err(Refusal::MailboxExists.into());
        }
        let missing = missing_above(draft, &self.to);
        if draft.all_mailboxes().len() + missing.len() > MAX_MAILBOXES {
            return Err(Refusal::TooManyMailboxes.into());
        }
        for above in missing {
            add(draft, above, None);
        }
        for mut row in renamed {
            row.change = draft.next_change();
            draft.set_mailbox(row);
        }
        Ok(())
    }
}

impl RenameMailbox {
    /// The new name of a mailbox at or below the one renamed; refused where it becomes too long.
    fn new_name(&self, old: &MailboxName) -> Result<MailboxName, Refusal> {
        let below = old.as_str().get(self.from.as_str().len()..).unwrap_or_default();
        debug_assert!(below.is_empty() || below.starts_with(SEPARATOR), "at or below");
        MailboxName::check(&format!("{}{below}", self.to)).map_err(|_| Refusal::NameTooLong)
    }
}

/// RFC 3501 §6.3.5: the inbox's messages go to the new mailbox; the mailboxes below it stay.
async fn rename_inbox(draft: &mut Draft, to: &MailboxName) -> Result<(), StoreError> {
    let inbox = draft.by_name(&MailboxName::inbox()).ok_or(Refusal::NoMailbox)?;
    // What may fail comes first: a target stays only where the messages have come.
    let rows = draft.all_rows(inbox.id).await?;
    let facts = Copy::find_facts(draft, &inbox, rows).await?;
    let target = create(draft, to, None)?;
    Copy::check(inbox, target, facts)?.make_and_remove(draft);
    Ok(())
}

/// Subscribes to a name, or no longer.
pub(crate) struct Subscribe {
    pub(crate) name: MailboxName,
    pub(crate) subscribed: Subscribed,
}

impl Verb for Subscribe {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        let (has, count) = {
            let state = draft.account().state();
            (
                state.subscriptions.contains(&self.name),
                state.subscriptions.len(),
            )
        };
        if self.subscribed == Subscribed::Yes && !has && count >= MAX_MAILBOXES {
            return Err(Refusal::TooManySubscriptions.into());
        }
        if has != (self.subscribed == Subscribed::Yes) {
            draft.set_subscription(self.name, self.subscribed);
        }
        Ok(())
    }
}
