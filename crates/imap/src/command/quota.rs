//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1). SETQUOTA is for administrators, who have the command line: QUOTASET is not announced.

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::print;

/// `GETQUOTA root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetQuota {
    /// The name of the quota root.
    pub root: Bytes,
}

/// `GETQUOTAROOT mailbox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetQuotaRoot {
    /// The mailbox, which need not exist.
    pub mailbox: MailboxArgument,
}

/// `getquota = "GETQUOTA" SP quota-root-name`, an astring.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<GetQuota, ParseError> {
    cursor.space()?;
    let root = cursor.astring("the name of a quota root")?;
    Ok(GetQuota { root })
}

/// `getquotaroot = "GETQUOTAROOT" SP mailbox`.
pub(super) fn parse_root(cursor: &mut Cursor<'_>) -> Result<GetQuotaRoot, ParseError> {
    cursor.space()?;
    let mailbox = mailbox(cursor)?;
    Ok(GetQuotaRoot { mailbox })
}

pub(super) fn print(out: &mut Vec<u8>, quota: &GetQuota) {
    out.extend_from_slice(b"GETQUOTA ");
    print::astring(out, &quota.root);
}

pub(super) fn print_root(out: &mut Vec<u8>, root: &GetQuotaRoot) {
    out.extend_from_slice(b"GETQUOTAROOT ");
    print_argument(out, &root.mailbox);
}
