//! Groups, disabled accounts, quotas, and logins that end, over an engine in memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use engine::memory::MemoryEngine;
use posthouse_directory::{
    Access, Cost, Directory, DirectoryError, Limit, Limits, Login, LoginRefusal, NewAccount, Of, Quota,
    QuotaChange, Refusal, Resolution,
};
use sasl::Secret;
use types::{AccountId, Address, Domain};

fn address(text: &str) -> Address {
    Address::parse(&match text.contains('@') {
        true => text.to_owned(),
        false => format!("{text}@example.org"),
    })
    .unwrap()
}

fn addresses(names: &[&str]) -> Vec<Address> {
    names.iter().map(|name| address(name)).collect()
}

/// `alice` is account 1, `bob` 2, `carol` 3; passwords are names.
async fn three() -> Directory {
    let directory = Directory::new(
        Arc::new(MemoryEngine::default()),
        Domain::check("example.org").unwrap(),
        Cost::LEAST,
    );
    for name in ["alice", "bob", "carol"] {
        add(&directory, name).await;
    }
    directory
}

async fn add(directory: &Directory, name: &str) {
    let new = NewAccount {
        address: address(name),
        password: Secret::from(name),
    };
    directory.add_account(new).await.unwrap();
}

fn accounts(ids: &[u64]) -> Vec<AccountId> {
    ids.iter().copied().map(AccountId).collect()
}

async fn resolves(directory: &Directory, to: &str, wanted: Resolution) {
    assert_eq!(directory.resolve(&address(to)).await.unwrap(), wanted, "{to}");
}

async fn reaches(directory: &Directory, to: &str, ids: &[u64]) {
    resolves(directory, to, Resolution::Accounts(accounts(ids))).await;
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) -> Refusal {
    match outcome {
        Err(DirectoryError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn log_in(directory: &Directory, name: &str, password: &str) -> Result<Arc<Login>, LoginRefusal> {
    directory.login(name, &Secret::from(password), None).await
}

#[tokio::test]
async fn everybody_in_a_group_is_reached_once_through_groups_and_aliases() {
    let directory = three().await;
    let team = addresses(&["bob", "alice"]);
    directory.add_group(&address("team"), team).await.unwrap();
    directory
        .set_alias(&address("al"), addresses(&["alice"]))
        .await
        .unwrap();
    let all = addresses(&["al", "Team", "carol+x", "BOB"]);
    directory.add_group(&address("all"), all).await.unwrap();
    reaches(&directory, "all", &[1, 2, 3]).await;
    reaches(&directory, "ALL+tag", &[1, 2, 3]).await;
    let twice = addresses(&["carol", "Carol"]);
    directory.add_members(&address("team"), twice).await.unwrap();
    reaches(&directory, "team", &[2, 1, 3]).await;
    let gone = addresses(&["BOB"]);
    directory.remove_members(&address("team"), &gone).await.unwrap();
    let listed = directory.members_of(&address("team")).await.unwrap();
    assert_eq!(listed, addresses(&["alice", "carol"]));
    let outcome = directory.remove_members(&address("team"), &gone).await;
    assert_eq!(refused(outcome), Refusal::NoMember(address("BOB")));
    directory.remove_group(&address("team")).await.unwrap();
    resolves(&directory, "team", Resolution::NoSuchUser).await;
    reaches(&directory, "all", &[1, 3, 2]).await;
}

#[tokio::test]
async fn a_group_that_would_be_in_itself_is_refused_when_a_member_is_added() {
    let directory = three().await;
    let (a, b) = (address("a"), address("b"));
    directory.add_group(&a, addresses(&["alice"])).await.unwrap();
    directory.add_group(&b, addresses(&["a", "bob"])).await.unwrap();
    directory
        .set_alias(&address("to-b"), vec![b.clone()])
        .await
        .unwrap();
    for member in ["a", "A+x", "b", "to-b"] {
        let outcome = directory.add_members(&a, addresses(&["carol", member])).await;
        assert_eq!(refused(outcome), Refusal::Loop(address(member)), "{member}");
    }
    assert_eq!(directory.members_of(&a).await.unwrap(), addresses(&["alice"]));
    // An alias that is changed later makes a loop all the same.
    directory
        .set_alias(&address("late"), addresses(&["carol"]))
        .await
        .unwrap();
    directory.add_members(&a, addresses(&["late"])).await.unwrap();
    directory
        .set_alias(&address("late"), addresses(&["b", "late"]))
        .await
        .unwrap();
    reaches(&directory, "b", &[1, 2]).await;
}

#[tokio::test]
async fn what_mail_does_not_reach_is_no_member_and_who_is_elsewhere_is_kept() {
    let directory = three().await;
    let group = address("friends");
    let outcome = directory.add_group(&group, addresses(&["alcie"])).await;
    assert_eq!(refused(outcome), Refusal::Nobody(address("alcie")));
    let members = addresses(&["alice", "Dora@Example.COM"]);
    directory.add_group(&group, members.clone()).await.unwrap();
    assert_eq!(directory.members_of(&group).await.unwrap(), members);
    let beyond = Resolution::Beyond {
        accounts: accounts(&[1]),
        elsewhere: addresses(&["Dora@Example.COM"]),
    };
    resolves(&directory, "friends", beyond.clone()).await;
    // Nor is what an alias leads to elsewhere passed over.
    let friends = addresses(&["friends", "dora@example.com"]);
    directory.set_alias(&address("f"), friends).await.unwrap();
    resolves(&directory, "f", beyond).await;
}

/// RFC 6409 §6.1: a server may hold senders to the addresses that are theirs.
#[tokio::test]
async fn an_alias_is_its_owners_to_send_under_and_a_group_is_nobodys() {
    let directory = three().await;
    let owns = async |id, name| directory.owns(AccountId(id), &address(name)).await.unwrap();
    directory
        .set_alias(&address("al"), addresses(&["alice"]))
        .await
        .unwrap();
    directory
        .add_group(&address("team"), addresses(&["alice", "bob"]))
        .await
        .unwrap();
    directory
        .set_alias(&address("work"), addresses(&["team", "carol"]))
        .await
        .unwrap();
    for own in ["alice", "Alice+tag", "al"] {
        assert!(owns(1, own).await, "{own}");
        assert!(!owns(2, own).await, "{own}");
    }
    assert!(!owns(1, "team").await && !owns(2, "team").await);
    // Of an alias for a group and somebody it is that one's.
    assert!(owns(3, "work").await && !owns(1, "work").await);
    assert!(!owns(1, "bob").await && !owns(1, "nobody").await);
    directory
        .set_access(&address("alice"), Access::Disabled)
        .await
        .unwrap();
    assert!(!owns(1, "al").await);
}

#[tokio::test]
async fn names_are_taken_once() {
    let directory = three().await;
    directory.add_group(&address("team"), Vec::new()).await.unwrap();
    directory
        .set_alias(&address("al"), addresses(&["alice"]))
        .await
        .unwrap();
    for taken in ["team", "al", "alice"] {
        let outcome = directory.add_group(&address(taken), Vec::new()).await;
        assert_eq!(refused(outcome), Refusal::Exists(address(taken)));
    }
    let outcome = directory.set_alias(&address("team"), addresses(&["alice"])).await;
    assert_eq!(refused(outcome), Refusal::Exists(address("team")));
    let outcome = directory.remove_alias(&address("team")).await;
    assert_eq!(refused(outcome), Refusal::NoAlias(address("team")));
    let outcome = directory.remove_group(&address("al")).await;
    assert_eq!(refused(outcome), Refusal::NoGroup(address("al")));
    let elsewhere = address("team@example.com");
    let outcome = directory.add_group(&elsewhere, Vec::new()).await;
    assert_eq!(refused(outcome), Refusal::NoDomain(elsewhere.domain));
}

#[tokio::test]
async fn a_group_has_a_thousand_members_and_more_are_never_passed_over() {
    let directory = three().await;
    let many = |from: u32, count: u32| {
        let name = |number| address(&format!("n{number}@example.com"));
        (from..from + count).map(name).collect::<Vec<_>>()
    };
    directory
        .add_group(&address("full"), many(0, 1000))
        .await
        .unwrap();
    let outcome = directory
        .add_members(&address("full"), addresses(&["alice"]))
        .await;
    assert_eq!(refused(outcome), Refusal::Members);
    let Resolution::Beyond { elsewhere, .. } = directory.resolve(&address("full")).await.unwrap() else {
        panic!("a thousand are reached")
    };
    assert_eq!(elsewhere.len(), 1000);
    directory
        .add_group(&address("other"), many(1000, 10))
        .await
        .unwrap();
    directory
        .add_group(&address("over"), addresses(&["other"]))
        .await
        .unwrap();
    directory
        .set_alias(&address("both"), addresses(&["full", "over"]))
        .await
        .unwrap();
    resolves(&directory, "both", Resolution::TooMany).await;
}

#[tokio::test]
async fn who_gets_an_address_after_somebody_is_in_none_of_their_groups() {
    let directory = three().await;
    let (team, alice) = (address("team"), address("alice"));
    directory
        .add_group(&team, addresses(&["alice", "bob"]))
        .await
        .unwrap();
    directory.remove_account(&alice).await.unwrap();
    assert_eq!(directory.members_of(&team).await.unwrap(), addresses(&["bob"]));
}

#[tokio::test]
async fn groups_and_aliases_are_listed_in_pages() {
    let directory = three().await;
    for number in 0..300 {
        let (alias, group) = (address(&format!("a{number}")), address(&format!("g{number}")));
        directory.set_alias(&alias, addresses(&["alice"])).await.unwrap();
        directory.add_group(&group, addresses(&["bob"])).await.unwrap();
    }
    let (mut groups, mut aliases, mut next) = (Vec::new(), Vec::new(), None);
    loop {
        let page = directory.groups(next).await.unwrap();
        assert!(
            page.entries
                .iter()
                .all(|group| group.leads_to == addresses(&["bob"]))
        );
        groups.extend(page.entries.into_iter().map(|group| group.address));
        aliases.extend(directory.aliases(next).await.unwrap().entries);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    groups.sort();
    groups.dedup();
    assert_eq!((groups.len(), aliases.len()), (300, 300));
    assert_eq!(groups.first().map(|name| &**name), Some("g0@example.org"));
}

#[tokio::test]
async fn a_disabled_account_takes_no_mail_and_is_passed_over_in_groups() {
    let directory = three().await;
    directory
        .add_group(&address("team"), addresses(&["alice", "bob"]))
        .await
        .unwrap();
    directory
        .set_access(&address("alice"), Access::Disabled)
        .await
        .unwrap();
    resolves(&directory, "alice+tag", Resolution::Disabled).await;
    reaches(&directory, "team", &[2]).await;
    // RFC 5321 §4.5.1: the postmaster is reached, if not there then with the next.
    reaches(&directory, "postmaster", &[2]).await;
    directory
        .set_access(&address("bob"), Access::Disabled)
        .await
        .unwrap();
    resolves(&directory, "team", Resolution::Disabled).await;
    reaches(&directory, "postmaster", &[3]).await;
    directory
        .set_access(&address("alice"), Access::Enabled)
        .await
        .unwrap();
    reaches(&directory, "alice", &[1]).await;
    let outcome = directory.set_access(&address("nobody"), Access::Disabled).await;
    assert_eq!(refused(outcome), Refusal::NoAccount(address("nobody")));
}

#[tokio::test]
async fn nobody_logs_in_to_a_disabled_account_by_any_secret() {
    let directory = three().await;
    let app = directory
        .add_app_password(&address("alice"), "phone")
        .await
        .unwrap();
    // Remembered by now.
    log_in(&directory, "alice", "alice").await.unwrap();
    directory
        .set_access(&address("alice"), Access::Disabled)
        .await
        .unwrap();
    for secret in [&Secret::from("alice"), &app] {
        let outcome = directory.login("alice", secret, None).await;
        assert!(matches!(outcome, Err(LoginRefusal::Wrong)), "{outcome:?}");
    }
    assert!(directory.login_of("alice").await.unwrap().is_none());
    directory
        .set_access(&address("alice"), Access::Enabled)
        .await
        .unwrap();
    for secret in [&Secret::from("alice"), &app] {
        directory.login("alice", secret, None).await.unwrap();
    }
}

#[tokio::test]
async fn logins_end_with_the_password_that_they_were_made_with() {
    let directory = three().await;
    let alice = address("alice");
    directory.add_app_password(&alice, "phone").await.unwrap();
    let bob = log_in(&directory, "bob", "bob").await.unwrap();
    let again = || async {
        log_in(&directory, "alice", "alice")
            .await
            .unwrap()
            .standing
            .clone()
    };
    let mut standing = again().await;
    directory
        .set_password(&alice, Secret::from("alice"))
        .await
        .unwrap();
    standing.ended().await;
    standing = again().await;
    assert!(!standing.has_ended());
    directory.set_access(&alice, Access::Disabled).await.unwrap();
    standing.ended().await;
    directory.set_access(&alice, Access::Enabled).await.unwrap();
    standing = again().await;
    directory.revoke_app_password(&alice, "phone").await.unwrap();
    standing.ended().await;
    standing = again().await;
    directory.remove_account(&alice).await.unwrap();
    standing.ended().await;
    assert!(!bob.standing.has_ended());
}

#[tokio::test]
async fn an_account_has_limits_of_its_own_or_those_of_its_domain() {
    let directory = three().await;
    let (alice, domain) = (address("alice"), address("alice").domain);
    let of_alice = || async { directory.limits_of(AccountId(1)).await.unwrap().account };
    let quota = |octets, messages| Quota { octets, messages };
    let change = |octets, messages| QuotaChange { octets, messages };
    assert_eq!(of_alice().await, quota(None, None));
    let of_domain = change(Some(Limit::Of(100)), Some(Limit::Of(7)));
    directory
        .set_domain_quota(&domain, Of::Each, of_domain)
        .await
        .unwrap();
    assert_eq!(of_alice().await, quota(Some(100), Some(7)));
    let own = change(Some(Limit::Of(200)), None);
    assert_eq!(directory.set_quota(&alice, own).await.unwrap(), AccountId(1));
    assert_eq!(of_alice().await, quota(Some(200), Some(7)));
    directory
        .set_quota(&alice, change(None, Some(Limit::None)))
        .await
        .unwrap();
    assert_eq!(of_alice().await, quota(Some(200), None));
    let (_, own, holds) = directory.quota(&alice).await.unwrap();
    assert_eq!((own.octets, own.messages), (Limit::Of(200), Limit::None));
    assert_eq!(holds, quota(Some(200), None));
    directory
        .set_quota(&alice, change(Some(Limit::Default), None))
        .await
        .unwrap();
    directory
        .set_domain_quota(&domain, Of::Each, change(Some(Limit::None), None))
        .await
        .unwrap();
    assert_eq!(of_alice().await, quota(None, None));
    assert_eq!(
        directory.domain_quota(&domain, Of::Each).await.unwrap(),
        quota(None, Some(7))
    );
    assert_eq!(
        directory.limits_of(AccountId(9)).await.unwrap(),
        Limits::default()
    );
    // Another password changes nothing about it.
    directory.set_password(&alice, Secret::from("x")).await.unwrap();
    assert_eq!(directory.quota(&alice).await.unwrap().1.messages, Limit::None);
}

#[tokio::test]
async fn all_accounts_of_a_domain_have_limits_together() {
    let directory = three().await;
    let domain = address("alice").domain;
    let change = |octets, messages| QuotaChange { octets, messages };
    let of_alice = || async { directory.limits_of(AccountId(1)).await.unwrap() };
    assert_eq!(of_alice().await.domain, None);
    let limits = change(Some(Limit::Of(100)), None);
    directory
        .set_domain_quota(&domain, Of::All, limits)
        .await
        .unwrap();
    let quota = Quota {
        octets: Some(100),
        messages: None,
    };
    let wanted = Limits {
        account: Quota::default(),
        domain: Some((domain.clone(), quota)),
    };
    assert_eq!(of_alice().await, wanted);
    assert_eq!(directory.domain_quota(&domain, Of::All).await.unwrap(), quota);
    assert_eq!(
        directory.domain_quota(&domain, Of::Each).await.unwrap(),
        Quota::default()
    );
    let none = change(Some(Limit::None), None);
    directory.set_domain_quota(&domain, Of::All, none).await.unwrap();
    assert_eq!(of_alice().await, Limits::default());
    let some = directory.accounts_of(&domain, AccountId(1), 2).await.unwrap();
    assert_eq!(some, [AccountId(2), AccountId(3)]);
    assert_eq!(directory.accounts_of(&domain, AccountId(3), 2).await.unwrap(), []);
}

#[tokio::test]
async fn an_account_comes_back_disabled_with_its_limits_and_its_app_passwords() {
    let directory = three().await;
    let alice = address("alice");
    let app = directory.add_app_password(&alice, "phone").await.unwrap();
    let limits = QuotaChange {
        octets: Some(Limit::Of(5)),
        messages: Some(Limit::None),
    };
    directory.set_quota(&alice, limits).await.unwrap();
    directory.set_access(&alice, Access::Disabled).await.unwrap();
    let kept = directory.kept_account(&alice).await.unwrap().unwrap();
    directory.remove_account(&alice).await.unwrap();
    let back = directory.return_account(&alice, kept.clone()).await.unwrap();
    assert_ne!(back, AccountId(1));
    assert!(directory.resolve(&alice).await.unwrap() == Resolution::Disabled);
    let (_, own, _) = directory.quota(&alice).await.unwrap();
    assert_eq!((own.octets, own.messages), (Limit::Of(5), Limit::None));
    directory.set_access(&alice, Access::Enabled).await.unwrap();
    assert!(directory.login("alice", &app, None).await.is_ok());
    // And a second time, with the number that it had at first.
    let again = directory.kept_account(&alice).await.unwrap().unwrap();
    directory.remove_account(&alice).await.unwrap();
    directory.return_account(&alice, again).await.unwrap();
    assert!(directory.login("alice", &app, None).await.is_ok());
    // Elsewhere the tag would fit nothing.
    let other = three().await;
    other.remove_account(&alice).await.unwrap();
    other.return_account(&alice, kept).await.unwrap();
    assert_eq!(other.app_passwords(&alice).await.unwrap(), []);
}
