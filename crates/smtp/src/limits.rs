//! Every limit of the protocol, with its reason.

/// A command line, line end included. RFC 5321 §4.5.3.1.4 asks for 512, the parameters of RFC 1870 §3 and RFC 4954 §3
/// for 526 more; a token as AUTH's initial response is as long as a line of the exchange (RFC 4954 §4).
pub const COMMAND_LINE: usize = AUTH_LINE;

/// A line of an AUTH exchange (RFC 4954 §4: 12288 octets are enough for every mechanism).
pub const AUTH_LINE: usize = 12_288;

/// Recipients of one transaction, unless a setting says otherwise. RFC 5321 §4.5.3.1.8 asks for 100 at least.
pub const RECIPIENTS: usize = 1000;

/// `Received` fields before a message is taken to go round in circles, unless a setting says otherwise (RFC 5321 §6.3: at least 100).
pub const RECEIVED_FIELDS: usize = 100;

/// The header of a message, in octets, unless a setting says otherwise: what is kept of it for listing must be small, and no program writes so much.
pub const HEADER: usize = 1 << 20;

/// Refused commands on one connection before it is closed: nobody errs so often, whoever guesses addresses does.
pub const ERRORS: u32 = 100;

/// The name in EHLO (RFC 5321 §4.5.3.1.2).
pub const CLIENT_NAME: usize = 255;
