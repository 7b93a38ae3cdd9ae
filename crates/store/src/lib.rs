//! Accounts' mailboxes and messages, in the words of mail.
