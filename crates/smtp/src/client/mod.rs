//! The client's side: what a server announces, the replies it gives, and the commands that begin a transaction.

mod envelope;
mod extensions;
mod reply;

pub use envelope::{BodyType, MailCommand, Notify, NotifyOn, RcptCommand, Return};
pub use extensions::Extensions;
pub use reply::{Garbled, MAX_REPLY, ReplyReader};
