//! The IMAP client against servers that break: cut at every octet, lies about sizes, words without an end.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails a test")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

use posthouse_client::imap::{Client, Got, Item, Query, Ranges};
use posthouse_client::{Cause, Error, Login, Server, TimeOuts};
use types::Uid;

/// A server that sends all it ever will at once, and hears everything.
struct Parrot(String);

impl Parrot {
    fn says(words: Vec<u8>) -> Parrot {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("imap://{}?tls=none", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hears = stream.try_clone().unwrap();
            thread::spawn(move || {
                let mut heard = Vec::new();
                let _ = hears.read_to_end(&mut heard);
            });
            // A client that has heard enough may be gone.
            let _ = stream.write_all(&words);
            let _ = stream.shutdown(Shutdown::Write);
        });
        Parrot(url)
    }

    async fn client(&self) -> Result<Client, Error> {
        let server = Server::parse(&self.0)
            .unwrap()
            .time_outs(TimeOuts::all(Duration::from_secs(20)));
        Client::connect(&server.login(Login::password("alice", "secret"))).await
    }
}

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 ENABLE ID CONDSTORE ESEARCH LITERAL+ UIDPLUS] hi\r\n\
    p1 OK [CAPABILITY IMAP4rev1 ENABLE ID CONDSTORE ESEARCH LITERAL+ UIDPLUS MOVE COMPRESS=DEFLATE] in\r\n\
    * ID NIL\r\np2 OK\r\n* ENABLED CONDSTORE\r\np3 OK\r\n";

const SESSION: &str = "* LIST (\\HasChildren) \"/\" {5}\r\nINBOX\r\np4 OK\r\n\
    * 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\np5 OK [READ-WRITE] open\r\n\
    * ESEARCH (TAG \"p6\") UID ALL 1:2\r\np6 OK\r\n\
    * 1 FETCH (UID 1 ENVELOPE (NIL {2}\r\nhi NIL NIL NIL NIL NIL NIL NIL NIL) BODY[] {4}\r\nab\r\n)\r\n\
    * 2 FETCH (UID 2 FLAGS () BODY[] \"x\")\r\np7 OK\r\np8 OK [COPYUID 9 1 4] done\r\n";

async fn session(parrot: &Parrot) -> Result<usize, Error> {
    go_on(parrot.client().await?).await
}

async fn go_on(mut client: Client) -> Result<usize, Error> {
    let listed = client.list("*").await?;
    client.select("INBOX").await?;
    let found = client.search(Query::new()).await?;
    let mut fetch = client.fetch(&found, &[Item::Envelope, Item::Flags, Item::message()]);
    let mut messages = 0;
    while fetch.whole(1000).await?.is_some() {
        messages += 1;
    }
    client
        .copy(&[Uid(1)].into_iter().collect::<Ranges>(), "x")
        .await?;
    Ok(messages + listed.len())
}

#[tokio::test]
async fn a_connection_that_is_cut_anywhere_is_said_to_be() {
    let words = format!("{GREETING}{SESSION}").into_bytes();
    assert_eq!(session(&Parrot::says(words.clone())).await.unwrap(), 3);
    for length in 0..words.len() {
        let error = session(&Parrot::says(words[..length].to_vec()))
            .await
            .unwrap_err();
        assert!(
            matches!(error.cause(), Cause::Closed),
            "after {length} octets: {error}"
        );
    }
}

#[tokio::test]
async fn words_without_an_end_are_given_up() {
    let endless = |begin: &str, fill: &str, octets: usize| {
        let mut words = begin.as_bytes().to_vec();
        while words.len() < octets {
            words.extend_from_slice(fill.as_bytes());
        }
        Parrot::says(words)
    };
    let error = endless("* OK ", "hello ", 1 << 20).client().await.err().unwrap();
    assert!(matches!(error.cause(), Cause::TooLong(_)), "{error}");
    let error = endless("* OK hi\r\n", "* CAPABILITY X\r\n", 1 << 20)
        .client()
        .await
        .err()
        .unwrap();
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
    let error = endless("* OK hi\r\n* CAPABILITY {99999999}\r\n", "x", 1 << 20)
        .client()
        .await
        .err()
        .unwrap();
    assert!(matches!(error.cause(), Cause::TooLong(_)), "{error}");
    let error = endless("220 smtp.example.org ESMTP\r\n", "x", 100)
        .client()
        .await
        .err()
        .unwrap();
    assert!(matches!(error.cause(), Cause::Garbled(_)), "{error}");
    let error = endless("", "\r\n", 1 << 20).client().await.err().unwrap();
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
}

async fn fetched(body: &str) -> Result<u64, Error> {
    let parrot = Parrot::says(format!("{GREETING}{body}").into_bytes());
    let mut client = parrot.client().await?;
    let mut fetch = client.fetch(&[Uid(1)].into_iter().collect(), &[Item::message()]);
    let mut octets = 0;
    while let Some(got) = fetch.next().await? {
        if let Got::Body(_) = got {
            octets += fetch.copy_to(&mut tokio::io::sink()).await?;
        }
    }
    Ok(octets)
}

#[tokio::test]
async fn lies_about_sizes_are_found_out() {
    let error = fetched("* 1 FETCH (UID 1 BODY[] {100}\r\nshort)\r\np4 OK\r\n")
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
    let error = fetched("* 1 FETCH (UID 1 BODY[] {18446744073709551615}\r\nshort)\r\np4 OK\r\n")
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
    let error = fetched("* 1 FETCH (UID 1 BODY[] {3}\r\nlonger)\r\np4 OK\r\n")
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::Garbled(_)), "{error}");
    let error = fetched("* 1 FETCH (UID 1 ENVELOPE (NIL {99999999}\r\nx")
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::TooLong(_)), "{error}");
    let error = fetched("p9 OK what is this\r\n").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Garbled(_)), "{error}");
}

#[tokio::test]
async fn silence_ends_with_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imap://{}?tls=none", listener.local_addr().unwrap());
    let server = Server::parse(&url)
        .unwrap()
        .time_outs(TimeOuts::all(Duration::from_millis(100)));
    let error = Client::connect(&server).await.err().unwrap();
    assert!(matches!(error.cause(), Cause::TimedOut(_)), "{error}");
}

/// RFC 4978: everything behind the OK is packed.
#[tokio::test]
async fn a_compressed_connection_is_read_and_may_be_cut_too() {
    let mut packed = Vec::with_capacity(10_000);
    let tagged = (4..9).rev().fold(SESSION.to_owned(), |text, n| {
        text.replace(&format!("p{n}"), &format!("p{}", n + 1))
    });
    let mut packer = flate2::Compress::new(flate2::Compression::fast(), false);
    packer
        .compress_vec(tagged.as_bytes(), &mut packed, flate2::FlushCompress::Sync)
        .unwrap();
    let words = [format!("{GREETING}p4 OK packed\r\n").as_bytes(), &packed].concat();
    let compressed = async |words: &[u8]| {
        let mut client = Parrot::says(words.to_vec()).client().await?;
        client.compress().await?;
        go_on(client).await
    };
    assert_eq!(compressed(&words).await.unwrap(), 3);
    // The last octets are those of the flush, behind the last line.
    for length in (words.len() - packed.len() - 5..words.len() - 10).step_by(3) {
        let error = compressed(&words[..length]).await.unwrap_err();
        assert!(
            matches!(error.cause(), Cause::Closed),
            "after {length} octets: {error}"
        );
    }
    let garbage = [format!("{GREETING}p4 OK packed\r\n").as_bytes(), &[0xff; 100]].concat();
    let error = compressed(&garbage).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Connection(_)), "{error}");
}
