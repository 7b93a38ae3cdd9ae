//! Accounts' mailboxes and messages, in the words of mail: no protocol's name appears here.
//!
//! A [`Store`] stands on an engine. An [`Account`] gives its mailboxes, views of them, and the verbs that
//! change them; a verb is one transaction, and what it answers to with `Ok` is on stable storage.
//!
//! **Invariants**: uids, uid validities and change numbers only grow. A message's bytes never change. All
//! verbs of an account go through its one sequencer, which makes one batch of those that wait.

mod account;
mod check;
mod encoded;
mod error;
mod forget;
mod kept;
mod key;
mod known;
mod memory;
mod note;
mod pool;
mod quota;
mod reading;
mod row;
mod salvage;
mod sequencer;
mod state;
mod store;
mod sweep;
mod text;
mod undelete;
mod verb;
mod view;

pub use account::Account;
pub use check::{AccountReport, CheckFault, CheckFinding};
pub use error::{Refusal, StoreError};
pub use forget::Remembered;
pub use memory::Charge;
pub use pool::{SharedQuota, Together};
pub use quota::{Allowed, QuotaFuture, Quotas, Room, SharingFuture};
pub use row::{FactsRow, MessageRow, TextForm};
pub use salvage::Salvage;
pub use state::{Mailbox, Quota, Usage};
pub use store::{Delivery, Now, Store};
pub use sweep::{Expired, Swept};
pub use text::{TextBlock, TextBlocks, TextEntry};
pub use undelete::{Deleted, Undeleted};
pub use verb::{
    Appended, BlobSource, Brought, BroughtId, Copied, Expunged, Facts, KeywordAction, KeywordChange,
    Keywords, Moved, Named, NewMessage, Origin,
};
pub use view::View;
