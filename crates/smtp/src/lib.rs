//! The grammar of SMTP, submission and LMTP: commands, replies, states; no I/O.
