//! The grammar of POP3: commands, replies, states; no I/O.
