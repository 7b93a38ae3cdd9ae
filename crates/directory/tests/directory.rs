//! What a directory promises, over an engine in memory.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::memory::MemoryEngine;
use posthouse_directory::{Cost, Directory, DirectoryError, LoginRefusal, NewAccount, Refusal, Resolution};
use sasl::Secret;
use types::{AccountId, Address, Domain};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn domain(text: &str) -> Domain {
    Domain::check(text).unwrap()
}

fn new(text: &str, password: &str) -> NewAccount {
    NewAccount {
        address: address(text),
        password: Secret::from(password),
    }
}

fn directory() -> Directory {
    Directory::new(
        Arc::new(MemoryEngine::default()),
        domain("example.org"),
        Cost::LEAST,
    )
}

/// `alice` is account 1, `bob` account 2.
async fn alice_and_bob() -> Directory {
    let directory = directory();
    for (number, name) in [(1, "alice"), (2, "bob")] {
        let added = directory
            .add_account(new(&format!("{name}@example.org"), name))
            .await
            .unwrap();
        assert_eq!(added, AccountId(number));
    }
    directory
}

async fn resolves(directory: &Directory, to: &str, wanted: &[u64]) {
    let wanted = match wanted {
        [] => Resolution::NoSuchUser,
        ids => Resolution::Accounts(ids.iter().copied().map(AccountId).collect()),
    };
    assert_eq!(directory.resolve(&address(to)).await.unwrap(), wanted, "{to}");
}

async fn logs_in(directory: &Directory, name: &str, password: &str) -> Option<u64> {
    match directory.login(name, &Secret::from(password), None).await {
        Ok(login) => Some(login.account.0),
        Err(LoginRefusal::Wrong) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn addresses_lead_to_accounts_in_any_case_and_with_a_tag() {
    let directory = alice_and_bob().await;
    resolves(&directory, "alice@example.org", &[1]).await;
    resolves(&directory, "ALICE@Example.Org", &[1]).await;
    resolves(&directory, "alice+tag@example.org", &[1]).await;
    resolves(&directory, "carol@example.org", &[]).await;
    resolves(&directory, "carol+alice@example.org", &[]).await;
    let elsewhere = directory.resolve(&address("alice@example.com")).await.unwrap();
    assert_eq!(elsewhere, Resolution::NotLocal);
}

#[tokio::test]
async fn an_address_with_a_plus_of_its_own_comes_before_the_tag() {
    let directory = alice_and_bob().await;
    directory
        .add_account(new("alice+work@example.org", "x"))
        .await
        .unwrap();
    resolves(&directory, "alice+work@example.org", &[3]).await;
    resolves(&directory, "alice+home@example.org", &[1]).await;
}

#[tokio::test]
async fn aliases_lead_to_several_accounts_each_once_and_may_name_each_other() {
    let directory = alice_and_bob().await;
    let team = [
        "bob@example.org",
        "alice@example.org",
        "all@example.org",
        "gone@example.org",
    ]
    .map(address);
    directory
        .set_alias(&address("team@example.org"), team.to_vec())
        .await
        .unwrap();
    let all = ["team@example.org", "alice@example.org"].map(address);
    directory
        .set_alias(&address("all@example.org"), all.to_vec())
        .await
        .unwrap();
    resolves(&directory, "team@example.org", &[2, 1]).await;
    resolves(&directory, "Team+x@example.org", &[2, 1]).await;
    resolves(&directory, "all@example.org", &[2, 1]).await;
    let same = ["bob+lists@example.org", "alice@example.org", "Bob@example.org"].map(address);
    directory
        .set_alias(&address("tagged@example.org"), same.to_vec())
        .await
        .unwrap();
    resolves(&directory, "tagged@example.org", &[2, 1]).await;
    assert!(
        directory
            .owns(AccountId(1), &address("team@example.org"))
            .await
            .unwrap()
    );
    assert!(
        !directory
            .owns(AccountId(1), &address("bob@example.org"))
            .await
            .unwrap()
    );
    directory
        .remove_alias(&address("team@example.org"))
        .await
        .unwrap();
    resolves(&directory, "team@example.org", &[]).await;
    let taken = directory
        .set_alias(&address("bob@example.org"), all.to_vec())
        .await;
    assert!(matches!(taken, Err(DirectoryError::Refused(Refusal::Exists(_)))));
}

#[tokio::test]
async fn a_catch_all_takes_what_nobody_else_has() {
    let directory = alice_and_bob().await;
    directory
        .set_catch_all(&domain("example.org"), Some(address("bob@example.org")))
        .await
        .unwrap();
    resolves(&directory, "anybody@example.org", &[2]).await;
    resolves(&directory, "alice@example.org", &[1]).await;
    directory
        .add_account(new("carol@example.org", "carol"))
        .await
        .unwrap();
    resolves(&directory, "carol@example.org", &[3]).await;
    resolves(&directory, "anybody@example.org", &[2]).await;
    directory
        .set_catch_all(&domain("example.org"), None)
        .await
        .unwrap();
    resolves(&directory, "anybody@example.org", &[]).await;
}

/// RFC 5321 §4.5.1.
#[tokio::test]
async fn postmaster_is_always_somebody() {
    let directory = directory();
    directory.add_domain(&domain("example.org")).await.unwrap();
    directory.add_domain(&domain("example.net")).await.unwrap();
    // Nobody is there yet: it waits for the first.
    resolves(&directory, "postmaster@example.org", &[1]).await;
    directory
        .add_account(new("alice@example.org", "x"))
        .await
        .unwrap();
    directory.add_account(new("bob@example.net", "x")).await.unwrap();
    resolves(&directory, "PostMaster@example.org", &[1]).await;
    resolves(&directory, "postmaster+x@example.net", &[2]).await;
    directory
        .remove_account(&address("bob@example.net"))
        .await
        .unwrap();
    resolves(&directory, "postmaster@example.net", &[1]).await;
    let gone = vec![address("gone@example.org")];
    directory
        .set_alias(&address("postmaster@example.org"), gone)
        .await
        .unwrap();
    resolves(&directory, "postmaster@example.org", &[1]).await;
    directory
        .add_account(new("postmaster@example.net", "x"))
        .await
        .unwrap();
    resolves(&directory, "postmaster@example.net", &[3]).await;
    // Who has the name comes before the first of the domain.
    let other = vec![address("postmaster@example.net")];
    directory
        .set_alias(&address("postmaster@example.org"), other.clone())
        .await
        .unwrap();
    resolves(&directory, "postmaster@example.org", &[3]).await;
    // Where nobody has it, also for whoever leads there; and a catch-all does not get it.
    directory
        .remove_alias(&address("postmaster@example.org"))
        .await
        .unwrap();
    let there = vec![address("postmaster@example.org")];
    directory
        .set_alias(&address("abuse@example.org"), there)
        .await
        .unwrap();
    resolves(&directory, "abuse@example.org", &[1]).await;
    let catch_all = other.into_iter().next();
    directory
        .set_catch_all(&domain("example.org"), catch_all)
        .await
        .unwrap();
    resolves(&directory, "nobody@example.org", &[3]).await;
    resolves(&directory, "postmaster@example.org", &[1]).await;
}

#[tokio::test]
async fn a_login_is_the_address_or_its_local_part_with_the_right_password() {
    let directory = alice_and_bob().await;
    for name in ["alice", "alice@example.org", "ALICE@EXAMPLE.ORG"] {
        assert_eq!(logs_in(&directory, name, "alice").await, Some(1), "{name}");
        assert_eq!(logs_in(&directory, name, "alice").await, Some(1), "{name} again");
        assert_eq!(logs_in(&directory, name, "bob").await, None, "{name}");
    }
    for name in ["carol", "alice+tag", "alice@example.com", "", "@", "\0"] {
        assert_eq!(logs_in(&directory, name, "alice").await, None, "{name:?}");
    }
}

#[tokio::test]
async fn a_change_holds_at_once() {
    let directory = alice_and_bob().await;
    assert_eq!(logs_in(&directory, "alice", "alice").await, Some(1));
    directory
        .set_password(&address("alice@example.org"), Secret::from("new"))
        .await
        .unwrap();
    assert_eq!(logs_in(&directory, "alice", "alice").await, None);
    assert_eq!(logs_in(&directory, "alice", "new").await, Some(1));
    directory
        .remove_account(&address("alice@example.org"))
        .await
        .unwrap();
    assert_eq!(logs_in(&directory, "alice", "new").await, None);
    resolves(&directory, "alice@example.org", &[]).await;
    // The last number is gone too: what follows it is not what is left.
    directory
        .remove_account(&address("bob@example.org"))
        .await
        .unwrap();
    let again = directory
        .add_account(new("alice@example.org", "alice"))
        .await
        .unwrap();
    assert_eq!(again, AccountId(3), "a number is not given out twice");
}

#[tokio::test]
async fn accounts_added_together_have_outcomes_of_their_own() {
    let directory = alice_and_bob().await;
    let many = vec![
        new("c@x.example", "c"),
        new("bob@example.org", "b"),
        new("C@X.example", "c"),
        new("d@y.example", ""),
    ];
    let outcomes = directory.add_accounts(many).await;
    let words: Vec<_> = outcomes
        .into_iter()
        .map(|o| o.map_err(|e| e.to_string()))
        .collect();
    let wanted = [
        Ok(AccountId(3)),
        Err("bob@example.org exists already".to_owned()),
        Err("C@x.example exists already".to_owned()),
        Err("a password may not be empty".to_owned()),
    ];
    assert_eq!(words, wanted);
    let listed = directory.accounts(AccountId(0), 10).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|a| (a.id.0, a.address.to_string())).collect();
    let wanted = [
        (1, "alice@example.org"),
        (2, "bob@example.org"),
        (3, "c@x.example"),
    ];
    assert_eq!(listed, wanted.map(|(id, name)| (id, name.to_owned())));
    let next = directory.accounts(AccountId(1), 1).await.unwrap();
    assert_eq!(next.iter().map(|a| a.id.0).collect::<Vec<_>>(), [2]);
    let domains = directory.domains().await.unwrap();
    assert_eq!(domains.len(), 2, "{domains:?}");
    let used = directory.remove_domain(&domain("x.example")).await;
    assert!(matches!(
        used,
        Err(DirectoryError::Refused(Refusal::DomainInUse(_)))
    ));
}

#[tokio::test]
async fn the_aliases_of_a_domain_go_with_it() {
    let directory = alice_and_bob().await;
    directory.add_domain(&domain("X.example")).await.unwrap();
    let to_alice = || vec![address("alice@example.org")];
    for number in 0..600 {
        let alias = address(&format!("team{number}@x.example"));
        directory.set_alias(&alias, to_alice()).await.unwrap();
    }
    let other = address("x.example@example.org");
    directory.set_alias(&other, to_alice()).await.unwrap();
    directory.remove_domain(&domain("x.example")).await.unwrap();
    directory.add_domain(&domain("x.example")).await.unwrap();
    for number in 0..600 {
        resolves(&directory, &format!("team{number}@x.example"), &[]).await;
    }
    resolves(&directory, "x.example@example.org", &[1]).await;
}

#[tokio::test]
async fn after_ten_wrong_passwords_from_one_address_the_right_one_is_not_looked_at() {
    let directory = alice_and_bob().await;
    let peer = Some("192.0.2.1".parse().unwrap());
    tokio::time::pause();
    for _ in 0..10 {
        let refused = directory.login("alice", &Secret::from("x"), peer).await;
        assert!(matches!(refused, Err(LoginRefusal::Wrong)));
    }
    let refused = directory
        .login("alice@example.org", &Secret::from("alice"), peer)
        .await;
    assert!(matches!(refused, Err(LoginRefusal::TooMany)));
    assert!(directory.login("bob", &Secret::from("bob"), peer).await.is_ok());
    assert_eq!(logs_in(&directory, "alice", "alice").await, Some(1));
}

#[tokio::test]
async fn a_name_that_nobody_has_takes_as_long_as_a_wrong_password() {
    let cost = Cost {
        memory_kib: 8192,
        passes: 2,
    };
    let directory = Directory::new(Arc::new(MemoryEngine::default()), domain("example.org"), cost);
    directory
        .add_account(new("alice@example.org", "alice"))
        .await
        .unwrap();
    let mut best = [Duration::MAX; 2];
    // Others use the machine as well: until the best of both agree, and of what differs they never do.
    for round in 0..100 {
        for (best, name) in best.iter_mut().zip(["alice", "nobody"]) {
            let start = Instant::now();
            assert_eq!(logs_in(&directory, name, "wrong").await, None);
            *best = (*best).min(start.elapsed());
        }
        let [known, unknown] = best.map(|time| time.as_secs_f64());
        if round >= 6 && (0.6..1.6).contains(&(known / unknown)) {
            return;
        }
    }
    let [known, unknown] = best;
    panic!("a wrong password takes {known:?}, a name that nobody has {unknown:?}");
}

#[tokio::test]
async fn a_remembered_login_takes_microseconds() {
    let directory = Directory::new(
        Arc::new(MemoryEngine::default()),
        domain("example.org"),
        Cost::default(),
    );
    directory
        .add_account(new("alice@example.org", "alice"))
        .await
        .unwrap();
    let password = Secret::from("alice");
    directory.login("alice", &password, None).await.unwrap();
    let start = Instant::now();
    for number in 1..=10_000 {
        directory.login("alice", &password, None).await.unwrap();
        let taken = start.elapsed();
        assert!(
            taken < Duration::from_millis(500),
            "{number} logins took {taken:?}"
        );
    }
    println!("a remembered login takes {:?}", start.elapsed() / 10_000);
}

#[tokio::test]
async fn numbers_under_which_mail_of_somebody_unknown_is_kept_are_not_given_out() {
    let directory = alice_and_bob().await;
    directory.skip_numbers(AccountId(7)).await.unwrap();
    directory.skip_numbers(AccountId(3)).await.unwrap();
    let added = directory.add_account(new("carol@example.org", "carol")).await;
    assert_eq!(added.unwrap(), AccountId(8));
}

#[tokio::test]
async fn an_account_returns_with_its_password_into_another_directory() {
    let (old, directory) = (alice_and_bob().await, directory());
    let alice = address("alice@example.org");
    let hash = old.kept_account(&alice).await.unwrap().unwrap();
    assert_eq!(
        directory.return_account(&alice, hash.clone()).await.unwrap(),
        AccountId(1)
    );
    assert_eq!(logs_in(&directory, "alice", "alice").await, Some(1));
    assert_eq!(logs_in(&directory, "alice", "other").await, None);
    let twice = directory.return_account(&alice, hash).await;
    assert!(matches!(twice, Err(DirectoryError::Refused(Refusal::Exists(_)))));
    let none = directory
        .return_account(
            &address("carol@example.org"),
            posthouse_directory::KeptAccount {
                hash: "secret".into(),
                ..old.kept_account(&alice).await.unwrap().unwrap()
            },
        )
        .await;
    assert!(matches!(none, Err(DirectoryError::Refused(Refusal::UnknownHash))));
    assert!(
        old.kept_account(&address("carol@example.org"))
            .await
            .unwrap()
            .is_none()
    );
}
