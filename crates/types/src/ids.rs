//! Numbers with a meaning. DESIGN's dictionary says what each is called in each protocol.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                $name(value)
            }
        }
    };
}

number!(
    /// An account: the owner of mailboxes, and a partition of the engine. Never reused.
    AccountId(u64)
);
number!(
    /// A mailbox of an account. It stays the same when the mailbox is renamed, and is never reused.
    MailboxId(u32)
);
number!(
    /// The number of a message in a mailbox; grows with every arrival, never reused (RFC 3501 §2.3.1.1).
    Uid(u32)
);
number!(
    /// Tells one life of a mailbox name from another; only grows (RFC 3501 §2.3.1.1).
    UidValidity(u32)
);
number!(
    /// Counts the changes of an account; only grows. What RFC 7162 calls a mod-sequence.
    ChangeNumber(u64)
);
number!(
    /// One copy of a message in one mailbox. Unique in its account, never reused; POP3's UIDL.
    EntryId(u64)
);
number!(
    /// The content of a message: the same for all copies of it within an account.
    ContentId(u64)
);
number!(
    /// The conversation a message belongs to, within an account.
    ThreadId(u64)
);
number!(
    /// Stored bytes: the sequence number of the log record that brought them.
    BlobId(u64)
);
number!(
    /// A size in octets.
    Octets(u64)
);

impl Uid {
    /// The lowest uid there can be: zero is none (RFC 3501 §9, `nz-number`).
    pub const FIRST: Uid = Uid(1);

    /// The uid after this one; the highest stays as it is.
    #[must_use]
    pub fn next(self) -> Uid {
        Uid(self.0.saturating_add(1))
    }
}
