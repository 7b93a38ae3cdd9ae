//! Conversations, as text.
