//! What the directory refuses, and how it fails.

use engine::EngineError;
use thiserror::Error;
use types::Address;

/// What was asked for cannot be had; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nobody has the name.
    #[error("there is no account {0}")]
    NoAccount(Address),
    /// Somebody has it, or an alias has.
    #[error("{0} exists already")]
    Exists(Address),
    /// A password needs an octet.
    #[error("a password may not be empty")]
    EmptyPassword,
    /// A password is not so long.
    #[error("a password has at most {} octets", crate::password::MAX_PASSWORD)]
    LongPassword,
    /// A hash of another program that nobody here can verify, or that costs too much.
    #[error(
        "not a hash that can be imported: {{SHA512-CRYPT}}, {{BLF-CRYPT}}, or a PHC string of Argon2, PBKDF2 or scrypt"
    )]
    UnknownHash,
    /// An app password is called by its name.
    #[error(
        "the name of an app password has 1 to {} characters, and no control characters",
        crate::app_password::MAX_NAME
    )]
    AppPasswordName,
    /// There is one of that name.
    #[error("there is an app password {0} already")]
    AppPasswordExists(Box<str>),
    /// There is none of that name.
    #[error("there is no app password {0}")]
    NoAppPassword(Box<str>),
    /// Everybody has a limit.
    #[error(
        "an account has at most {} app passwords",
        crate::app_password::MAX_APP_PASSWORDS
    )]
    TooManyAppPasswords,
    /// An alias without anybody behind it.
    #[error("an alias needs 1 to {} addresses", crate::domain::MAX_TARGETS)]
    Targets,
    /// There is no alias of that name.
    #[error("there is no alias {0}")]
    NoAlias(Address),
    /// There is no group of that name.
    #[error("there is no group {0}")]
    NoGroup(Address),
    /// The group does not have that member.
    #[error("{0} is not a member of the group")]
    NoMember(Address),
    /// More is a mailing list.
    #[error("a group has at most {} members", crate::group::MAX_MEMBERS)]
    Members,
    /// A member in a domain of ours that mail does not reach: a slip of the pen, whose mail would be lost.
    #[error("nobody here has the address {0}")]
    Nobody(Address),
    /// A group would be its own member.
    #[error("{0} leads back to the group: a group cannot be a member of itself")]
    Loop(Address),
    /// The domain is not ours.
    #[error("{0} is not a domain of this server")]
    NoDomain(types::Domain),
    /// The domain has accounts.
    #[error("{0} has accounts")]
    DomainInUse(types::Domain),
    /// Two names with one hash: it does not happen by accident.
    #[error("{0} cannot be kept beside another name")]
    HashTaken(Address),
}

/// Why a question was not answered or a change not made.
#[derive(Clone, Debug, Error)]
pub enum DirectoryError {
    /// The caller asked for what it cannot have.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine below could not do it; try again later.
    #[error(transparent)]
    Failed(#[from] EngineError),
    /// A stored row does not have the form it must have.
    #[error("a row of the directory's table {table} is unreadable; run a check of the data folder")]
    UnreadableRow {
        /// Which table, as a word.
        table: &'static str,
    },
    /// Too many passwords wait to be verified; try again later.
    #[error("too many passwords wait to be verified")]
    Busy,
    /// The hash could not be computed, for want of memory or randomness.
    #[error("a password could not be hashed: {0}")]
    Hash(&'static str),
}
