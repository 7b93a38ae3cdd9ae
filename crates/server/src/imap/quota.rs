//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1): an account is a quota root, whose name is empty. Where all accounts of a domain have
//! a limit together, it is another one, which has the domain's name.
//!
//! Whoever is in the domain is told what all hold together, which is why their mail may be refused; of other domains nothing is told,
//! not even that they have a limit.

use imap::Refusal;
use imap::command::{GetQuota, GetQuotaRoot};
use imap::response::mailbox::{self as print, Resource};
use store::{Account, Quota, SharedQuota, Usage};
use types::Domain;

/// The quota root of every mailbox.
const ROOT: &str = "";
/// RFC 9208 §5.1: storage is told in units of so many octets.
const UNIT: u64 = 1024;

/// Tells what the account holds and may hold, or all of its domain.
pub(super) fn quota(account: &Account, out: &mut Vec<u8>, asked: &GetQuota) -> Result<(), Refusal> {
    if asked.root == ROOT.as_bytes() {
        print_own(account, out);
        return Ok(());
    }
    let shared = account.shared_quota();
    let shared = shared.filter(|shared| asked.root.eq_ignore_ascii_case(root_of(shared).as_bytes()));
    print_shared(&shared.ok_or(Refusal::QuotaRoot)?, out);
    Ok(())
}

/// Tells which quota roots a mailbox has, or would have, and the same of them.
pub(super) fn quota_root(account: &Account, out: &mut Vec<u8>, asked: &GetQuotaRoot) -> Result<(), Refusal> {
    let name = asked.mailbox.name()?;
    let shared = account.shared_quota();
    let domain = shared.as_ref().map(root_of);
    let roots: Vec<&str> = [ROOT].into_iter().chain(domain.as_deref()).collect();
    print::quota_root(out, (name.as_str(), asked.mailbox.mode), &roots);
    print_own(account, out);
    if let Some(shared) = shared {
        print_shared(&shared, out);
    }
    Ok(())
}

fn print_own(account: &Account, out: &mut Vec<u8>) {
    print::quota(out, ROOT, &resources(account.quota(), account.usage()));
}

fn print_shared(shared: &SharedQuota, out: &mut Vec<u8>) {
    print::quota(out, &root_of(shared), &resources(shared.quota, shared.usage));
}

/// The name of the domain's root: in ASCII, so that every session can be told it.
fn root_of(shared: &SharedQuota) -> String {
    Domain::check(&shared.name).map_or_else(
        |_| shared.name.to_string(),
        |domain| domain.to_ascii().into_owned(),
    )
}
/// What is limited (RFC 9208 §4.2.1).
fn resources(quota: Quota, usage: Usage) -> Vec<Resource> {
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
