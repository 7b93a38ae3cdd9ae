//! Domains, accounts, addresses, aliases and passwords.
