//! Mailboxes are made, renamed and deleted, and what happens to their messages at that moment.

use super::*;

#[tokio::test]
async fn renaming_the_inbox_moves_its_messages_with_those_that_arrive_at_that_moment() {
    let store = store();
    let (account, mailbox) = filled(&store, 2).await;
    let cards = Bytes::from_static(b"cards");
    let late = NewMessage {
        facts: Facts {
            cards: cards.clone(),
            ..Facts::default()
        },
        ..message("late")
    };
    let rename = account.rename_mailbox(MailboxName::inbox(), name("old/mail"));
    let (arrived, renamed) = tokio::join!(account.append(mailbox, vec![late]), rename);
    renamed.unwrap();
    let content = arrived.unwrap()[0].content;
    let target = account.mailbox(&name("old/mail")).unwrap();
    assert_eq!(uids(&account, target.id).await, [1, 2, 3]);
    assert_eq!(uids(&account, mailbox).await, Vec::<u32>::new());
    let facts = account
        .facts_of(target.id, &[Uid(3)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(
        (facts.content, facts.cards),
        (content, cards),
        "facts of the same batch are found"
    );
    assert!(
        account.mailbox(&MailboxName::inbox()).is_some(),
        "the inbox stays"
    );
    assert!(
        account.mailbox(&name("old")).is_some(),
        "what is above is created"
    );
    check(&store, ALICE).await;
}

#[tokio::test]
async fn hierarchies_are_made_renamed_and_deleted() {
    let store = store();
    let account = store.account(ALICE).await.unwrap();
    let deep = account.create_mailbox(name("工作/项目/甲"), None).await.unwrap();
    assert!(account.mailbox(&name("工作/项目")).is_some());
    let again = account.create_mailbox(name("工作"), None).await;
    assert_eq!(refusal(again), Refusal::MailboxExists);
    let below = account.rename_mailbox(name("工作"), name("工作/内")).await;
    assert_eq!(refusal(below), Refusal::BelowItself);
    account.rename_mailbox(name("工作"), name("Work")).await.unwrap();
    let moved = account.mailbox(&name("Work/项目/甲")).unwrap();
    assert_eq!(
        (moved.id, moved.validity),
        (deep.id, deep.validity),
        "a rename keeps the mailbox"
    );
    let deleted = account.delete_mailbox(name("Work/项目/甲")).await;
    assert_eq!(deleted.unwrap(), moved.id);
    assert_eq!(refusal(account.view(moved.id).await), Refusal::NoMailbox);
    let reborn = account.create_mailbox(name("Work/项目/甲"), None).await.unwrap();
    assert!(
        reborn.validity > deep.validity,
        "a new life has a higher validity (RFC 3501 §2.3.1.1)"
    );
    let stays = account.delete_mailbox(MailboxName::inbox()).await;
    assert_eq!(refusal(stays), Refusal::InboxStays);
}

#[tokio::test]
async fn what_somebody_renames_at_the_same_moment_is_not_deleted() {
    let store = store();
    let account = store.account(ALICE).await.unwrap();
    account.create_mailbox(name("old"), None).await.unwrap();
    let (renamed, deleted) = tokio::join!(
        account.rename_mailbox(name("old"), name("new")),
        account.delete_mailbox(name("old"))
    );
    renamed.unwrap();
    assert_eq!(refusal(deleted), Refusal::NoMailbox);
    assert!(account.mailbox(&name("new")).is_some());
}
