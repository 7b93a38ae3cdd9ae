//! One direction only, mailboxes that are gone, and folders whose names are not the usual ones.

use std::fs;

use client::imap::{Query, StoreWhat};
use end_to_end::Server;

use super::faults::{here, make, mark, put, run_sync, sync, there, uid_of};
use super::peer::Peer;
use super::{NOTHING, add, client, holds};

#[tokio::test(flavor = "multi_thread")]
async fn one_direction_changes_one_side_and_the_rest_stays_to_be_done() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let url = super::url(&server);
    let mut imap = client(&server).await;
    for subject in ["seen-here", "gone-here", "flagged-there", "gone-there", "both"] {
        add(&mut imap, "INBOX", subject).await;
    }
    sync(folder.path(), &url, &[]);
    mark(&holds(&md, "seen-here"), "S");
    mark(&holds(&md, "both"), "R");
    fs::remove_file(holds(&md, "gone-here")).unwrap();
    put(&md, "new-here");
    make(&md.join(".Here"));
    imap.create("There").await.unwrap();
    imap.select("INBOX").await.unwrap();
    for subject in ["flagged-there", "both"] {
        let uids = uid_of(&mut imap, subject).await;
        imap.store(&uids, StoreWhat::Add, &["\\Flagged"], None)
            .await
            .unwrap();
    }
    let uids = uid_of(&mut imap, "gone-there").await;
    imap.store(&uids, StoreWhat::Add, &["\\Deleted"], None)
        .await
        .unwrap();
    imap.expunge(&uids).await.unwrap();
    add(&mut imap, "INBOX", "new-there").await;
    let (before_here, before_there) = (here(&md), there(&mut imap).await);
    // Twice each: the second time there is nothing more.
    assert_eq!(sync(folder.path(), &url, &["--pull"]), [[1, 1, 2], [0, 0, 0]]);
    assert_eq!(there(&mut imap).await, before_there);
    assert_eq!(sync(folder.path(), &url, &["--pull"]), NOTHING);
    let pulled = here(&md);
    assert!(
        pulled["INBOX"].contains(&"both \\Answered \\Flagged".to_owned()),
        "{pulled:?}"
    );
    assert!(pulled.contains_key("There"));
    assert_ne!(pulled, before_here);
    assert_eq!(sync(folder.path(), &url, &["--push"]), [[0, 0, 0], [1, 1, 2]]);
    assert_eq!(here(&md), pulled);
    assert_eq!(sync(folder.path(), &url, &["--push"]), NOTHING);
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING);
    let inbox = [
        "both \\Answered \\Flagged",
        "flagged-there \\Flagged",
        "new-here",
        "new-there",
        "seen-here \\Seen",
    ];
    assert_eq!(here(&md)["INBOX"], inbox);
    assert_eq!(there(&mut imap).await, here(&md));
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_that_are_gone_are_deleted_only_when_that_is_asked() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let url = super::url(&server);
    let mut imap = client(&server).await;
    for name in ["A", "A/B", "C", "D", "E"] {
        imap.create(name).await.unwrap();
        add(&mut imap, name, &format!("in-{}", name.replace('/', "-"))).await;
    }
    sync(folder.path(), &url, &[]);
    // Gone here: A with what is in it, and D, which has something new there. Gone there: C; and E, which has something new here.
    for gone in [".A", ".A.B", ".D"] {
        fs::remove_dir_all(md.join(gone)).unwrap();
    }
    add(&mut imap, "D", "newer").await;
    put(&md.join(".E"), "newest");
    imap.unselect().await.ok();
    for gone in ["C", "E"] {
        imap.delete(gone).await.unwrap();
    }
    let (before_here, before_there) = (here(&md), there(&mut imap).await);
    let said = run_sync(folder.path(), &url, &[]);
    assert_eq!(said.code, Some(69), "{}", said.out);
    assert_eq!((here(&md), there(&mut imap).await), (before_here, before_there));
    imap.select("INBOX").await.unwrap();
    let said = run_sync(folder.path(), &url, &["--delete-folders"]);
    assert_eq!(said.code, Some(69), "{}", said.out);
    let names = |contents: &super::faults::Contents| contents.keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&here(&md)), "Archive Drafts E INBOX Junk Sent Trash");
    assert_eq!(
        names(&there(&mut imap).await),
        "Archive D Drafts INBOX Junk Sent Trash"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_folder_is_missed_whatever_it_is_called() {
    for peer in Peer::all() {
        names(&peer).await;
    }
}

async fn names(peer: &Peer) {
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let url = format!("imap://alice%40example.org@127.0.0.1:{}?tls=none", peer.port());
    let mut imap = peer.client().await;
    let is_built = matches!(peer, Peer::Built(_));
    imap.create("工作").await.unwrap();
    add(&mut imap, "工作", "there-work").await;
    if is_built {
        imap.create(".hidden").await.unwrap();
        add(&mut imap, ".hidden", "there-hidden").await;
        imap.create("a.b").await.unwrap();
        add(&mut imap, "a.b", "there-dot").await;
    }
    // In UTF-8; folders in folders; a dot within a level; twice the same.
    for (path, subject) in [
        (".工作", "here-work"),
        (".草稿箱.旧", "here-old"),
        ("Lists/rust/2026", "here-list"),
        (".v1\\2e2", "here-dot"),
        (".Two", "here-two"),
        (".INBOX", "here-inbox"),
    ] {
        make(&md.join(path));
        put(&md.join(path), subject);
    }
    let said = run_sync(folder.path(), &url, &[]);
    // The folder .INBOX cannot be told from the inbox, and that is said.
    assert_eq!(said.code, Some(69), "{}", said.out);
    assert!(said.out.contains(".INBOX"), "{}", said.out);
    fs::remove_dir_all(md.join(".INBOX")).unwrap();
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING, "{}", peer.name());
    let found = there(&mut imap).await;
    let dot = if is_built { "v1.2" } else { "v1\u{ff0e}2" };
    for (name, subjects) in [
        ("工作", &["here-work", "there-work"][..]),
        ("草稿箱/旧", &["here-old"]),
        ("Lists/rust/2026", &["here-list"]),
        (dot, &["here-dot"]),
        ("Two", &["here-two"]),
    ] {
        assert_eq!(
            found.get(name).unwrap_or_else(|| panic!("{name} {found:?}")),
            subjects
        );
    }
    if is_built {
        assert_eq!(here(&md)["a.b"], ["there-dot"]);
        assert_eq!(here(&md)[".hidden"], ["there-hidden"]);
        assert_eq!(found.len(), 16);
    }
    // Nothing was made a second time here.
    assert!(!md.join(".&XeVPXA-").exists());
    imap.select("工作").await.unwrap();
    assert_eq!(imap.search(Query::new()).await.unwrap().count(), 2);
    imap.logout().await.unwrap();
}
