//! The grammar of IMAP4rev1: commands, responses, states; no I/O.
