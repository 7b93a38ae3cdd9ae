//! Sending mail: SMTP, submission and LMTP.
