//! The mechanisms of SASL, as state machines; no I/O.
