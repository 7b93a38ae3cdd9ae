//! Conversations, as text: what a client sends, what it hears, and what is in the mailboxes afterwards.

mod clients;
mod conversation;
mod hostile;
mod rig;
mod utf8;
