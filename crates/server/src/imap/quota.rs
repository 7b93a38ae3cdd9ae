//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1): an account is one quota root, whose name is empty.

use imap::Refusal;
use imap::command::{GetQuota, GetQuotaRoot};
use imap::response::mailbox::{self as print, Resource};
use store::Account;

/// The quota root of every mailbox.
const ROOT: &str = "";
/// RFC 9208 §5.1: storage is told in units of so many octets.
const UNIT: u64 = 1024;

/// Tells what the account holds and may hold.
pub(super) fn quota(account: &Account, out: &mut Vec<u8>, asked: &GetQuota) -> Result<(), Refusal> {
    if asked.root != ROOT.as_bytes() {
        return Err(Refusal::QuotaRoot);
    }
    print::quota(out, ROOT, &resources(account));
    Ok(())
}

/// Tells which quota root a mailbox has, or would have, and the same of it.
pub(super) fn quota_root(account: &Account, out: &mut Vec<u8>, asked: &GetQuotaRoot) -> Result<(), Refusal> {
    let name = asked.mailbox.name()?;
    print::quota_root(out, (name.as_str(), asked.mailbox.mode), ROOT);
    print::quota(out, ROOT, &resources(account));
    Ok(())
}

/// What is limited (RFC 9208 §4.2.1).
fn resources(account: &Account) -> Vec<Resource> {
    let (quota, usage) = (account.quota(), account.usage());
    let storage = quota.octets.map(|limit| Resource {
        name: "STORAGE",
        usage: usage.octets.0.div_ceil(UNIT),
        limit: limit.0 / UNIT,
    });
    let messages = quota.messages.map(|limit| Resource {
        name: "MESSAGE",
        usage: usage.messages,
        limit,
    });
    storage.into_iter().chain(messages).collect()
}
