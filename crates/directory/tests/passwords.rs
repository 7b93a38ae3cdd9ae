//! SCRAM keys, app passwords and hashes of other programs, over an engine in memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use engine::memory::MemoryEngine;
use posthouse_directory::{
    Cost, Directory, DirectoryError, ImportedAccount, LoginRefusal, NewAccount, Options, Refusal, Rounds,
    Scram,
};
use sasl::scram::client::Binding;
use sasl::scram::server::Proof;
use sasl::server::{Exchange, Step};
use sasl::{Claim, Credentials, Mechanism, Secret};
use tokio::time::Instant;
use types::{Address, Domain};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn over(engine: &Arc<MemoryEngine>, scram: Scram) -> Directory {
    let engine = Arc::clone(engine) as Arc<dyn engine::Engine>;
    let domain = Domain::check("example.org").unwrap();
    let options = Options {
        cost: Cost::LEAST,
        scram,
        ..Options::default()
    };
    Directory::with_options(engine, domain, options)
}

/// `alice` with the password `alice`.
async fn alice(engine: &Arc<MemoryEngine>, scram: Scram) -> Directory {
    let directory = over(engine, scram);
    let alice = NewAccount {
        address: address("alice@example.org"),
        password: Secret::from("alice"),
    };
    directory.add_account(alice).await.unwrap();
    directory
}

async fn logs_in(directory: &Directory, name: &str, password: &Secret) -> bool {
    match directory.login(name, password, None).await {
        Ok(_) => true,
        Err(LoginRefusal::Wrong) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The client's proof against what the directory keeps.
async fn proof(directory: &Directory, login: &str, password: &Secret) -> Proof {
    let credentials = Credentials {
        act_as: None,
        login: login.to_owned(),
        password: password.clone(),
    };
    let mut client = sasl::client::Exchange::scram(credentials, "client", Binding::Cannot);
    let initial = client.initial().unwrap();
    let Ok(Step::Keys(first)) = Exchange::begin(Mechanism::ScramSha256, initial.as_deref()) else {
        panic!("no first message")
    };
    let kept = directory.scram(first.login()).await.unwrap();
    let Ok(Step::Challenge(exchange, challenge)) = first.answer(kept, "server", None) else {
        panic!("no challenge")
    };
    let Ok(Step::Verify(Claim::Proof(proof))) = exchange.respond(&client.respond(&challenge).unwrap()) else {
        panic!("no proof")
    };
    proof
}

async fn proves(directory: &Directory, login: &str, password: &Secret) -> bool {
    let proof = proof(directory, login, password).await;
    match directory.login_by_proof(&proof, None).await {
        Ok(_) => true,
        Err(LoginRefusal::Wrong) => false,
        Err(error) => panic!("{error}"),
    }
}

const ON: fn() -> Scram = || Scram::On(Rounds::default());

#[tokio::test]
async fn a_password_is_proven_where_keys_are_kept_and_only_while_it_is_the_password() {
    let engine = Arc::default();
    let directory = alice(&engine, ON()).await;
    let (old, new) = (Secret::from("alice"), Secret::from("new"));
    assert!(proves(&directory, "alice", &old).await);
    assert!(proves(&directory, "ALICE@Example.Org", &old).await);
    assert!(!proves(&directory, "alice", &new).await);
    assert!(!proves(&directory, "nobody", &old).await);
    let begun = proof(&directory, "alice", &old).await;
    directory
        .set_password(&address("alice@example.org"), new.clone())
        .await
        .unwrap();
    assert!(!proves(&directory, "alice", &old).await);
    assert!(proves(&directory, "alice", &new).await);
    // What was proven before somebody removed the account.
    directory
        .remove_account(&address("alice@example.org"))
        .await
        .unwrap();
    assert!(directory.login_by_proof(&begun, None).await.is_err());
}

#[tokio::test]
async fn keys_are_made_at_the_first_login_after_they_were_turned_on_and_forgotten_with_the_password() {
    let engine = Arc::default();
    let (old, new) = (Secret::from("alice"), Secret::from("new"));
    let off = alice(&engine, Scram::Off).await;
    assert!(logs_in(&off, "alice", &old).await);
    let on = over(&engine, ON());
    assert!(!proves(&on, "alice", &old).await);
    assert!(logs_in(&on, "alice", &old).await);
    assert!(proves(&on, "alice", &old).await);
    // A command without settings changes the password of a stopped server.
    let off = over(&engine, Scram::Off);
    off.set_password(&address("alice@example.org"), new.clone())
        .await
        .unwrap();
    let on = over(&engine, ON());
    assert!(!proves(&on, "alice", &old).await);
    assert!(logs_in(&on, "alice", &new).await);
    assert!(proves(&on, "alice", &new).await);
    // Other rounds: the keys are made anew.
    let more = over(&engine, Scram::On(Rounds::check(100_001).unwrap()));
    assert!(!proves(&more, "alice", &new).await);
    assert!(logs_in(&more, "alice", &new).await);
    assert!(proves(&more, "alice", &new).await);
}

/// RFC 5802 §9, and no user enumeration.
#[tokio::test]
async fn a_name_that_nobody_has_looks_like_one_that_somebody_has() {
    let engine = Arc::default();
    let directory = alice(&engine, ON()).await;
    let again = over(&engine, ON());
    let mut salts = Vec::new();
    for name in ["alice", "nobody", "nobody@example.com", "not an address@", ""] {
        let kept = directory.scram(name).await.unwrap();
        assert_eq!((kept.salt.len(), kept.rounds), (16, 100_000), "{name}");
        assert_eq!(kept.keys.len(), usize::from(name == "alice"));
        // Stable, also over a restart.
        assert_eq!(again.scram(name).await.unwrap(), kept, "{name}");
        assert!(!salts.contains(&kept.salt), "{name}");
        salts.push(kept.salt);
    }
    let same = directory.scram("NOBODY@example.org").await.unwrap();
    assert_eq!(Some(&same.salt), salts.get(1));
}

#[test]
fn rounds_are_many_and_not_too_many() {
    assert_eq!(Rounds::check(99_999), None);
    assert!(Rounds::check(100_000).is_some());
    assert!(Rounds::check(10_000_000).is_some());
    assert_eq!(Rounds::check(10_000_001), None);
}

#[tokio::test]
async fn an_app_password_logs_in_until_it_is_revoked_and_its_last_use_is_seen() {
    let engine = Arc::default();
    let directory = alice(&engine, Scram::Off).await;
    let of = address("alice@example.org");
    let phone = directory.add_app_password(&of, "phone").await.unwrap();
    let laptop = directory.add_app_password(&of, "laptop 笔记本").await.unwrap();
    assert!(phone.expose().len() >= 24);
    assert_ne!(phone, laptop);
    let listed = directory.app_passwords(&of).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|listed| listed.last_used.is_none()));
    assert!(logs_in(&directory, "alice", &phone).await);
    assert!(logs_in(&directory, "alice", &Secret::from("alice")).await);
    // SCRAM keys although people's own passwords have none.
    assert!(proves(&directory, "alice", &laptop).await);
    assert!(!proves(&directory, "alice", &Secret::from("alice")).await);
    let listed = directory.app_passwords(&of).await.unwrap();
    assert!(
        listed.iter().all(|listed| listed.last_used.is_some()),
        "{listed:?}"
    );
    // A change of the account's own password does not touch them, nor does a restart.
    directory.set_password(&of, Secret::from("new")).await.unwrap();
    let directory = over(&engine, ON());
    assert!(logs_in(&directory, "alice", &phone).await);
    let begun = proof(&directory, "alice", &phone).await;
    directory.revoke_app_password(&of, "phone").await.unwrap();
    assert!(!logs_in(&directory, "alice", &phone).await);
    assert!(directory.login_by_proof(&begun, None).await.is_err());
    assert!(proves(&directory, "alice", &laptop).await);
    assert_eq!(directory.app_passwords(&of).await.unwrap().len(), 1);
    // One account's is not another's, and nothing comes back with an account that does.
    let bob = NewAccount {
        address: address("bob@example.org"),
        password: Secret::from("bob"),
    };
    directory.add_account(bob).await.unwrap();
    assert!(!logs_in(&directory, "bob", &laptop).await);
    directory.remove_account(&of).await.unwrap();
    assert!(!logs_in(&directory, "alice", &laptop).await);
}

#[tokio::test]
async fn app_passwords_are_refused_with_a_reason() {
    let engine = Arc::default();
    let directory = alice(&engine, Scram::Off).await;
    let of = address("alice@example.org");
    let add = async |name: &str| match directory.add_app_password(&of, name).await {
        Ok(_) => None,
        Err(DirectoryError::Refused(refusal)) => Some(refusal),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(add("").await, Some(Refusal::AppPasswordName));
    assert_eq!(add("a\nb").await, Some(Refusal::AppPasswordName));
    assert_eq!(add(&"张".repeat(65)).await, Some(Refusal::AppPasswordName));
    assert_eq!(add(&"张".repeat(64)).await, None);
    assert_eq!(add("a").await, None);
    assert_eq!(add("a").await, Some(Refusal::AppPasswordExists("a".into())));
    for number in 2..50 {
        assert_eq!(add(&number.to_string()).await, None);
    }
    assert_eq!(add("b").await, Some(Refusal::TooManyAppPasswords));
    let gone = directory.revoke_app_password(&of, "b").await;
    assert!(matches!(
        gone,
        Err(DirectoryError::Refused(Refusal::NoAppPassword(_)))
    ));
    let nobody = directory.add_app_password(&address("x@example.org"), "a").await;
    assert!(matches!(
        nobody,
        Err(DirectoryError::Refused(Refusal::NoAccount(_)))
    ));
}

/// crypt(3) of `pencil`.
const BCRYPT: &str = "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuu/FyAyuZSl3DbPdvio4KrIBdz2k2yhV2";

async fn import(directory: &Directory, name: &str, hash: &str) -> Option<Refusal> {
    let account = ImportedAccount {
        address: address(name),
        hash: hash.into(),
    };
    match directory.import_accounts(vec![account]).await.pop().unwrap() {
        Ok(_) => None,
        Err(DirectoryError::Refused(refusal)) => Some(refusal),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn another_programs_hash_is_replaced_at_the_first_login() {
    let engine: Arc<MemoryEngine> = Arc::default();
    let directory = over(&engine, ON());
    assert_eq!(import(&directory, "alice@example.org", BCRYPT).await, None);
    assert_eq!(
        import(&directory, "bob@example.org", "pencil").await,
        Some(Refusal::UnknownHash)
    );
    let again = import(&directory, "alice@example.org", BCRYPT).await;
    assert!(matches!(again, Some(Refusal::Exists(_))));
    let (right, wrong) = (Secret::from("pencil"), Secret::from("pen"));
    let stored = async || {
        let key = bytes::Bytes::from([&b"a"[..], &1_u64.to_be_bytes()].concat());
        let rows = engine::Engine::get_many(&*engine, engine::Partition::DIRECTORY, &[key]).await;
        String::from_utf8_lossy(rows.unwrap().first().unwrap().as_ref().unwrap()).into_owned()
    };
    assert!(!logs_in(&directory, "alice", &wrong).await);
    assert!(stored().await.contains("$2y$"));
    assert!(!proves(&directory, "alice", &right).await);
    assert!(logs_in(&directory, "alice", &right).await);
    assert!(stored().await.contains("$argon2id$"));
    assert!(!stored().await.contains("$2y$"));
    let restarted = over(&engine, ON());
    assert!(logs_in(&restarted, "alice", &right).await);
    assert!(!logs_in(&restarted, "alice", &wrong).await);
    assert!(proves(&restarted, "alice", &right).await);
}

/// The clock stands still but for what is waited for.
#[tokio::test(start_paused = true)]
async fn where_hashes_were_imported_wrong_passwords_take_whole_seconds_whoever_they_are_for() {
    let engine = Arc::default();
    let directory = alice(&engine, Scram::Off).await;
    let time = async |name: &str, password: &str| {
        let begin = Instant::now();
        let right = logs_in(&directory, name, &Secret::from(password)).await;
        (right, begin.elapsed())
    };
    assert_eq!(time("nobody", "x").await, (false, Duration::ZERO));
    assert_eq!(import(&directory, "carol@example.org", BCRYPT).await, None);
    for name in ["nobody", "alice", "carol", "not an address@"] {
        assert_eq!(time(name, "x").await, (false, Duration::from_secs(1)), "{name}");
    }
    assert_eq!(time("alice", "alice").await, (true, Duration::ZERO));
    assert_eq!(time("carol", "pencil").await, (true, Duration::ZERO));
}

/// A backup may bring such a hash into a directory that never had one.
#[tokio::test(start_paused = true)]
async fn an_account_that_returns_with_another_programs_hash_is_as_one_that_was_imported() {
    let (old, new) = (Arc::default(), Arc::default());
    let old = alice(&old, Scram::Off).await;
    assert_eq!(import(&old, "carol@example.org", BCRYPT).await, None);
    let carol = address("carol@example.org");
    let kept = old.kept_account(&carol).await.unwrap().unwrap();
    let directory = alice(&new, Scram::Off).await;
    directory.return_account(&carol, kept).await.unwrap();
    for name in ["nobody", "alice", "carol"] {
        let begin = Instant::now();
        assert!(!logs_in(&directory, name, &Secret::from("x")).await);
        assert_eq!(begin.elapsed(), Duration::from_secs(1), "{name}");
    }
    assert!(logs_in(&directory, "carol", &Secret::from("pencil")).await);
}

#[tokio::test]
async fn a_hash_of_another_cost_is_replaced_as_well() {
    let engine = Arc::default();
    let dear = Cost {
        memory_kib: 16,
        passes: 2,
    };
    let directory = alice(&engine, Scram::Off).await;
    assert!(logs_in(&directory, "alice", &Secret::from("alice")).await);
    let shared = Arc::clone(&engine) as Arc<dyn engine::Engine>;
    let dearer = Directory::new(shared, Domain::check("example.org").unwrap(), dear);
    assert!(logs_in(&dearer, "alice", &Secret::from("alice")).await);
    let key = bytes::Bytes::from([&b"a"[..], &1_u64.to_be_bytes()].concat());
    let rows = engine::Engine::get_many(&*engine, engine::Partition::DIRECTORY, &[key])
        .await
        .unwrap();
    let row = String::from_utf8_lossy(rows.first().unwrap().as_ref().unwrap()).into_owned();
    assert!(row.contains("$argon2id$v=19$m=16,t=2,p=1$"), "{row}");
}
