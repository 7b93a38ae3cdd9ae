//! Whoever waits for changes of a mailbox hears of them all.

use super::*;

#[tokio::test]
async fn every_change_of_a_mailbox_wakes_its_watchers_and_is_in_the_view_that_they_find() {
    let store = store();
    let (account, mailbox) = filled(&store, 1).await;
    let target = account.create_mailbox(name("box"), None).await.unwrap().id;
    account
        .copy_messages(mailbox, Named::IfThere(vec![Uid(1)]), target)
        .await
        .unwrap();
    account.view(target).await.unwrap();
    let mut watch = account.watch(target).unwrap();
    watch.mark_unchanged();
    let mut wakes = async |verb: &str| {
        assert!(watch.has_changed().unwrap(), "{verb} wakes nobody");
        let told = *watch.borrow_and_update();
        let shown = account.view(target).await.unwrap().change();
        assert_eq!(shown, told, "{verb}: who waits for it would wait for ever");
    };
    account
        .rename_mailbox(name("box"), name("renamed"))
        .await
        .unwrap();
    wakes("renaming").await;
    account.append(target, vec![message("new")]).await.unwrap();
    wakes("a new message").await;
    let first = || Named::IfThere(vec![Uid(1)]);
    account.copy_messages(mailbox, first(), target).await.unwrap();
    wakes("copying to it").await;
    let seen = KeywordChange {
        action: KeywordAction::Add,
        keywords: Keywords {
            system: SystemKeyword::Seen.bit(),
            names: Vec::new(),
        },
    };
    account.set_keywords(target, vec![Uid(1)], seen).await.unwrap();
    wakes("marking").await;
    account.move_messages(target, first(), mailbox).await.unwrap();
    wakes("moving from it").await;
    account.expunge(target, vec![Uid(2)]).await.unwrap();
    wakes("expunging").await;
}

/// RFC 3501 §5.2: whoever waits has to hear of all changes, and only new messages can be told from the mailbox alone.
#[tokio::test]
async fn a_mailbox_has_only_grown_while_nothing_but_new_messages_came() {
    let store = store();
    let (account, mailbox) = filled(&store, 2).await;
    let target = account.create_mailbox(name("target"), None).await.unwrap().id;
    let start = account.mailbox_by_id(mailbox).unwrap().change;
    assert_eq!(account.grown(mailbox, start), None, "nobody watches it");
    let _watch = account.watch(mailbox).unwrap();
    let grown = |since| account.grown(mailbox, since).map(|mailbox| mailbox.messages);
    account
        .append(mailbox, vec![message("new"), message("new")])
        .await
        .unwrap();
    assert_eq!(grown(start), Some(4));
    let set = |keywords: Keywords| KeywordChange {
        action: KeywordAction::Add,
        keywords,
    };
    let seen = Keywords {
        system: SystemKeyword::Seen.bit(),
        names: Vec::new(),
    };
    account
        .set_keywords(mailbox, vec![Uid(1)], set(seen))
        .await
        .unwrap();
    assert_eq!(grown(start), None, "flags have changed");
    let now = || account.mailbox_by_id(mailbox).unwrap().change;
    let since = now();
    assert_eq!(grown(since), Some(4));
    let named = Keywords {
        system: 0,
        names: vec![KeywordName::check("new").unwrap()],
    };
    account
        .append(
            mailbox,
            vec![NewMessage {
                keywords: named,
                ..message("named")
            }],
        )
        .await
        .unwrap();
    assert_eq!(grown(since), None, "a keyword has to be told first");
    let since = now();
    account
        .copy_messages(mailbox, Named::All(vec![Uid(1)]), mailbox)
        .await
        .unwrap();
    assert_eq!(grown(since), Some(6));
    account
        .move_messages(mailbox, Named::All(vec![Uid(1)]), target)
        .await
        .unwrap();
    assert_eq!(grown(since), None, "one has gone");
    let since = now();
    account
        .move_messages(mailbox, Named::All(vec![Uid(2)]), mailbox)
        .await
        .unwrap();
    assert_eq!(grown(since), None, "one has a new number");
    account.delete_mailbox(name("target")).await.unwrap();
    assert_eq!(account.grown(target, start), None);
}
