//! Whatever is in blocks, what is found is what looking at every message by itself finds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::memory::MemoryEngine;
use engine::{Batch, Engine};
use imap::command::Search;
use imap::command::search::SearchKey;
use imap::grammar::set::Numbering;
use proptest::prelude::*;
use store::{BlobSource, Keywords, NewMessage, Store};
use types::{AccountId, MailboxName, Timestamp};

use super::*;
use crate::facts::facts_of;
use crate::imap::search::search;
use crate::imap::selected::{Access, Selected};
use crate::imap::texts::{Needle, Place, Texts};

const NOW: Timestamp = Timestamp(1_000_000_000);

/// What mail and searches are put together from.
const WORDS: [&str; 26] = [
    "你好，世界",
    "驿站快马",
    "邮",
    "Straße",
    "STRASSE",
    "ẞ",
    "İstanbul",
    "istanbul",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "ﬁn",
    "ｶﾞ",
    "e\u{301}t",
    "ÉT",
    "한국어",
    "각",
    "\u{1100}\u{1161}",
    "こんにちは",
    "hello",
    "HELLO there",
    "\u{301}",
    "<\u{338}",
    ":x",
    "a-b@c.d",
    " ",
    "i̇",
];
const BETWEEN: [&str; 5] = ["", " ", "\r\n", "\r\n ", "，"];
const CHARSETS: [&str; 6] = [
    "utf-8",
    "gb18030",
    "iso-2022-jp",
    "iso-8859-1",
    "x-nobody-knows",
    "",
];

/// A message to be written.
#[derive(Clone, Debug)]
struct Draft {
    subject: Vec<(usize, usize)>,
    body: Vec<(usize, usize)>,
    charset: usize,
    encoding: usize,
    shape: usize,
    /// How many octets of it are cut off at its end.
    cut: usize,
    junk: Vec<u8>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let words = |count| prop::collection::vec((0..WORDS.len(), 0..BETWEEN.len()), 0..count);
    let junk = prop::collection::vec(any::<u8>(), 0..4);
    (
        words(4),
        words(8),
        0..CHARSETS.len(),
        0..4_usize,
        0..5_usize,
        0..6_usize,
        junk,
    )
        .prop_map(|(subject, body, charset, encoding, shape, cut, junk)| Draft {
            subject,
            body,
            charset,
            encoding,
            shape,
            cut,
            junk,
        })
}

fn text(words: &[(usize, usize)]) -> String {
    words
        .iter()
        .flat_map(|(word, between)| [WORDS[*word], BETWEEN[*between]])
        .collect()
}

impl Draft {
    fn label(&self) -> &'static str {
        CHARSETS[self.charset]
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        let encoding = encoding_rs::Encoding::for_label(self.label().as_bytes());
        encoding.unwrap_or(encoding_rs::UTF_8).encode(text).0.into_owned()
    }

    /// The words as encoded words, each by itself, or as they are.
    fn subject(&self) -> Vec<u8> {
        let mut field = b"Subject:".to_vec();
        for (word, between) in &self.subject {
            let octets = self.encode(WORDS[*word]);
            match self.encoding {
                0 => {
                    field.extend_from_slice(b" ");
                    field.extend(octets);
                }
                _ => field.extend(
                    format!("\r\n =?{}?b?{}?=", self.label(), BASE64_STANDARD.encode(octets)).into_bytes(),
                ),
            }
            field.extend_from_slice(BETWEEN[*between].trim_ascii().as_bytes());
        }
        field.extend_from_slice(b"\r\n");
        field
    }

    fn part(&self) -> Vec<u8> {
        let mut octets = self.encode(&text(&self.body));
        octets.extend_from_slice(&self.junk);
        let kind = if self.shape == 3 { "html" } else { "plain" };
        let mut part = format!("Content-Type: text/{kind}; charset=\"{}\"\r\n", self.label()).into_bytes();
        match self.encoding {
            0 | 1 => part.extend_from_slice(b"\r\n"),
            2 => {
                part.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
                let lines = BASE64_STANDARD.encode(octets);
                octets = lines.as_bytes().chunks(20).collect::<Vec<_>>().join(&b"\r\n"[..]);
            }
            _ => {
                part.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
                let octet = |(n, octet): (usize, &u8)| match n % 9 {
                    8 => format!("={octet:02X}=\r\n"),
                    _ => format!("={octet:02X}"),
                };
                octets = octets
                    .iter()
                    .enumerate()
                    .map(octet)
                    .collect::<String>()
                    .into_bytes();
            }
        }
        part.extend(octets);
        part
    }

    fn print(&self) -> Vec<u8> {
        let mut out = self.subject();
        match self.shape {
            1 => {
                out.extend_from_slice(b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n");
                out.extend(self.part());
                out.extend_from_slice(b"\r\n--b\r\n\r\nhel");
                out.extend_from_slice(b"\r\n--b--\r\n");
            }
            2 => {
                out.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
                out.extend(self.subject());
                out.extend(self.part());
            }
            4 => out.extend_from_slice(b"\r\nplain hello there\r\n"),
            _ => out.extend(self.part()),
        }
        out.truncate(out.len().saturating_sub(self.cut));
        out
    }
}

/// A text to look for: words, of which the first characters are left out.
fn needle() -> impl Strategy<Value = String> {
    let words = prop::collection::vec((0..WORDS.len(), 0..BETWEEN.len()), 1..3);
    (words, 0..3_usize, 0..2_usize).prop_map(|(words, first, last)| {
        let text = text(&words);
        let count = text.chars().count();
        text.chars()
            .take(count.saturating_sub(last))
            .skip(first)
            .collect()
    })
}

struct World {
    engine: Arc<MemoryEngine>,
    account: Account,
    selected: Selected,
    messages: Vec<Vec<u8>>,
}

impl World {
    async fn new(messages: Vec<Vec<u8>>) -> World {
        let engine = Arc::new(MemoryEngine::default());
        let store = Store::new(Arc::clone(&engine) as Arc<dyn Engine>, Arc::new(|| NOW));
        let account = store.account(AccountId(1)).await.unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
        for bytes in &messages {
            let message = NewMessage {
                facts: facts_of(bytes),
                source: BlobSource::Bytes(bytes.clone().into()),
                keywords: Keywords::default(),
                received: NOW,
            };
            account.append(inbox.id, vec![message]).await.unwrap();
        }
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
        let selected = Selected::open((&account, &Arc::default()), &inbox, &[], Access::ReadOnly).unwrap();
        World {
            engine,
            account,
            selected,
            messages,
        }
    }

    async fn all(&self) -> Vec<Wanted> {
        let inbox = self.account.mailbox(&MailboxName::inbox()).unwrap();
        let view = self.account.view(inbox.id).await.unwrap();
        view.iter().map(|(at, row)| Wanted::new(at, row)).collect()
    }

    async fn search(&mut self, key: SearchKey) -> Vec<u32> {
        let search_for = Search {
            numbering: Numbering::Positions,
            charset: None,
            key,
        };
        search(&mut self.selected, search_for, (imap::Mode::Ascii, NOW))
            .await
            .unwrap()
            .numbers
    }

    /// What looking at every message by itself finds of a text: in the subject, anywhere, in the body.
    async fn find(&self, text: &str) -> [Vec<u32>; 3] {
        let mut texts = Texts::default();
        texts.in_fields(b"Subject", Needle::new(text.to_owned()));
        texts.in_header(Needle::new(text.to_owned()));
        texts.in_body(Needle::new(text.to_owned()));
        let texts = Arc::new(texts);
        let mut found = [vec![], vec![], vec![]];
        for (position, message) in (1..).zip(&self.messages) {
            let mut has = Vec::new();
            for place in [Place::Fields, Place::Header, Place::Body] {
                let found = match place {
                    Place::Fields | Place::Header => texts.find_in_head(place, message),
                    Place::Body => texts.find_in_body_within(message, u64::MAX).unwrap(),
                };
                has.push(found[0]);
            }
            for (found, has) in found.iter_mut().zip([has[0], has[1] || has[2], has[2]]) {
                found.extend(has.then_some(position));
            }
        }
        found
    }

    async fn compare(&mut self, needles: &[String], when: &str) {
        for text in needles {
            let wanted = self.find(text).await;
            let octets: Bytes = text.clone().into();
            let subject = SearchKey::Header {
                field: Bytes::from_static(b"subject"),
                text: octets.clone(),
            };
            let keys = [subject, SearchKey::Text(octets.clone()), SearchKey::Body(octets)];
            for (key, wanted) in keys.into_iter().zip(wanted) {
                let found = self.search(key.clone()).await;
                assert_eq!(found, wanted, "{when}: {key:?} {text:?}");
            }
        }
    }

    async fn build(&self) {
        let split = split(&self.account, self.all().await).await;
        build(&self.account, split.in_no_block).await.unwrap();
    }

    /// Puts something else into all blocks.
    async fn damage(&self) {
        let partition = Store::partition(AccountId(1));
        let range = Bytes::from_static(&[9])..Bytes::from_static(&[10]);
        let rows = self.engine.scan(partition, range, usize::MAX).await.unwrap();
        assert!(!rows.is_empty());
        let mut batch = Batch::new(partition);
        for row in rows {
            batch.put(&row.key, row.value.get(..row.value.len() / 2).unwrap());
        }
        self.engine.commit(batch).await.unwrap();
    }
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_the_same_with_and_without_blocks(
        drafts in prop::collection::vec(draft(), 40..60),
        needles in prop::collection::vec(needle(), 1..8),
    ) {
        run(async {
            let mut world = World::new(drafts.iter().map(Draft::print).collect()).await;
            world.compare(&needles, "without blocks").await;
            world.build().await;
            let encoded: Vec<_> = world.all().await.into_iter().filter(|m| m.form != TextForm::Ascii).collect();
            if encoded.len() >= ENOUGH {
                let split = split(&world.account, encoded).await;
                assert!(split.unread.is_empty() && !split.in_blocks.is_empty(), "all are in blocks");
                world.compare(&needles, "with blocks").await;
                world.damage().await;
                world.compare(&needles, "with damaged blocks").await;
            }
        });
    }
}

fn chinese(count: usize) -> Vec<Vec<u8>> {
    let message = |n| format!("Subject: 第{n}封\r\n\r\n驿站快马{n}\r\n").into_bytes();
    (0..count).map(message).collect()
}

#[test]
fn texts_of_messages_that_went_are_thrown_away_and_so_are_other_versions() {
    run(async {
        let world = World::new(chinese(100)).await;
        world.build().await;
        let (account, inbox) = (
            &world.account,
            world.account.mailbox(&MailboxName::inbox()).unwrap(),
        );
        let entry = TextEntry {
            blob: BlobId(u64::MAX),
            lengths: Some((1, 0)),
        };
        account
            .put_text_block(VERSION + 1, vec![entry], b"x")
            .await
            .unwrap();
        let found = account.text_blocks(VERSION).await.unwrap();
        assert_eq!((found.blocks.len(), found.useless.len()), (1, 1));
        // Most of them stay: so does the block.
        let uids: Vec<_> = (1..40).map(types::Uid).collect();
        account.expunge(inbox.id, uids).await.unwrap();
        build(account, Vec::new()).await.unwrap();
        let found = account.text_blocks(VERSION).await.unwrap();
        assert_eq!((found.blocks.len(), found.useless.len()), (1, 0));
        let uids: Vec<_> = (40..60).map(types::Uid).collect();
        account.expunge(inbox.id, uids).await.unwrap();
        build(account, Vec::new()).await.unwrap();
        assert_eq!(
            account.text_blocks(VERSION).await.unwrap(),
            store::TextBlocks::default()
        );
        // What stays is put into a block again.
        world.build().await;
        assert_eq!(
            account.text_blocks(VERSION).await.unwrap().blocks[0]
                .messages
                .len(),
            41
        );
    });
}

#[test]
fn a_search_that_had_to_decode_many_has_blocks_made() {
    run(async {
        let long = "驿站快马".repeat(2000);
        let message = |n| format!("Subject: {n}\r\n\r\n{long}\r\n").into_bytes();
        let mut world = World::new((0..40).map(message).collect()).await;
        let key = SearchKey::Body(Bytes::from_static("快马驿".as_bytes()));
        let wanted: Vec<u32> = (1..=40).collect();
        assert_eq!(world.search(key.clone()).await, wanted);
        let made = async {
            while world
                .account
                .text_blocks(VERSION)
                .await
                .unwrap()
                .blocks
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), made).await.unwrap();
        assert_eq!(world.search(key).await, wanted);
    });
}

#[test]
fn a_text_that_is_too_long_is_not_kept_and_found_all_the_same() {
    run(async {
        let mut messages = chinese(40);
        // One character of which folding makes eighteen.
        messages.push(format!("\r\n{}驿\r\n", "\u{fdfa}".repeat(40_000)).into_bytes());
        let mut world = World::new(messages).await;
        world.build().await;
        let blocks = world.account.text_blocks(VERSION).await.unwrap().blocks;
        let kept: Vec<_> = blocks.iter().flat_map(|block| &block.messages).collect();
        assert_eq!(kept.len(), 41);
        assert_eq!(kept[40].lengths, None);
        world
            .compare(&["驿".to_owned(), "صلى".to_owned()], "too long")
            .await;
    });
}

#[test]
fn a_deleted_account_takes_its_texts_with_it() {
    run(async {
        let world = World::new(chinese(40)).await;
        world.build().await;
        let store = Store::new(Arc::clone(&world.engine) as Arc<dyn Engine>, Arc::new(|| NOW));
        assert_eq!(store.check_account(AccountId(1)).await.unwrap().text_blocks, 1);
        store.delete_account(AccountId(1)).await.unwrap();
        let range = Bytes::from_static(&[0])..Bytes::from_static(&[255]);
        let rows = world
            .engine
            .scan(Store::partition(AccountId(1)), range, 10)
            .await
            .unwrap();
        assert_eq!(rows, []);
    });
}
