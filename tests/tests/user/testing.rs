//! The module that gives tests of other programs a server of their own.

use client::smtp::{Client, Envelope};
use client::testing::{Local, TestError};
use client::{Address, Protocol};

#[tokio::test]
async fn a_test_of_mail_is_three_lines() {
    let mail = Local::start().await.unwrap();
    let envelope = Envelope::from(Address::parse("shop@example.org").unwrap())
        .to(Address::parse("bob@example.org").unwrap());
    Client::connect(&mail.smtp())
        .await
        .unwrap()
        .send(&envelope, &b"Subject: Your order\r\n\r\n7 pears\r\n"[..])
        .await
        .unwrap();
    let message = mail
        .wait_for("bob", |message| message.subject() == "Your order")
        .await
        .unwrap();
    assert!(message.ends_with(b"7 pears\r\n"));
}

#[tokio::test]
async fn accounts_can_be_added_and_a_message_that_does_not_come_is_said() {
    let mail = Local::start()
        .await
        .unwrap()
        .patience(std::time::Duration::from_millis(50));
    mail.account("carol").unwrap();
    assert!(matches!(mail.account("carol"), Err(TestError::Account(_))));
    let mut smtp = Client::connect(&mail.of("carol", Protocol::Smtp)).await.unwrap();
    let carol = Address::parse("carol@example.org").unwrap();
    smtp.send(
        &Envelope::from(carol.clone()).to(carol),
        &b"Subject: other\r\n\r\n"[..],
    )
    .await
    .unwrap();
    let error = mail
        .wait_for("carol", |message| message.subject() == "this")
        .await
        .unwrap_err();
    let TestError::NoMessage { subjects, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(subjects, ["other"]);
    let data = mail.data();
    drop(mail);
    assert!(!data.exists(), "nothing is left behind");
}
