//! Every transcript of `tests/transcripts/`, against the built program over TCP.
//!
//! What moves the clock is left to the tests in memory: nobody waits half an hour here.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::{Conversation, Server, Service, server};
use tokio::net::TcpStream;
use transcript::{Given, Stream, Transcript, World};

#[allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::fn_params_excessive_bools,
    reason = "shared with the tests of the server"
)]
#[path = "../../crates/server/tests/transcript/mod.rs"]
mod transcript;

/// A server, and the passwords of those who have accounts.
struct Program {
    server: Server,
    passwords: Vec<(String, String)>,
    service: Service,
}

impl Program {
    fn password(&self, account: &str) -> &str {
        let found = self.passwords.iter().find(|(name, _)| name == account);
        found.map(|(_, password)| password.as_str()).unwrap()
    }

    /// Appends over IMAP, without opening the mailbox: its messages stay recent.
    fn fill(&self, account: &str, mailbox: &str, messages: &[(String, Vec<String>)]) {
        let mut imap = Conversation::imap(&self.server, account, self.password(account));
        // RFC 6855 §4: some of the messages have UTF-8 in their header fields.
        imap.ok("ENABLE UTF8=ACCEPT");
        let listed = imap.ok(&format!("LIST \"\" \"{mailbox}\""));
        if listed.len() == 1 {
            imap.ok(&format!("CREATE \"{mailbox}\""));
        }
        for (file, flags) in messages {
            let text = fs::read(folder().join("messages").join(file)).unwrap();
            let octets = text.len();
            imap.send(format!("f APPEND \"{mailbox}\" ({}) {{{octets}+}}\r\n", flags.join(" ")).as_bytes())
                .unwrap();
            imap.send(&text).unwrap();
            imap.send(b"\r\n").unwrap();
            let reply = imap.line().unwrap();
            assert!(reply.starts_with("f OK"), "{file}: {reply}");
        }
    }
}

impl World for Program {
    async fn give(&mut self, given: &Given) {
        match given {
            Given::Account { name, password } => {
                self.server.add(&format!("{name}@example.org"), password);
                self.passwords.push((name.clone(), password.clone()));
            }
            Given::Mailbox {
                account,
                name,
                messages,
            } => self.fill(account, name, messages),
            Given::Quota {
                account,
                octets,
                messages,
            } => {
                let limit = |limit: &Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
                let address = format!("{account}@example.org");
                let set = server::posthouse(&["account", "quota", &address])
                    .args([
                        "--storage",
                        &limit(octets),
                        "--messages",
                        &limit(messages),
                        "--data",
                    ])
                    .arg(self.server.data())
                    .output()
                    .unwrap();
                assert!(set.status.success(), "{set:?}");
            }
            Given::Setting { .. } => unreachable!("transcripts that set something are not run here"),
            Given::Session { .. } => unreachable!("the runner makes sessions"),
        }
    }

    fn log_in(&self, account: &str, mailbox: Option<&str>) -> Vec<(String, String)> {
        let password = self.password(account);
        if self.service == Service::Pop3 {
            let lines = [format!("USER {account}"), format!("PASS {password}")];
            return lines.map(|line| (line, "+OK".to_owned())).into();
        }
        let mut lines = vec![(format!("l1 LOGIN {account} \"{password}\""), "l1 OK".to_owned())];
        if let Some(mailbox) = mailbox {
            lines.push((format!("l2 SELECT \"{mailbox}\""), "l2 OK".to_owned()));
        }
        lines
    }

    async fn connect(&mut self) -> Box<dyn Stream> {
        let at = (Ipv4Addr::LOCALHOST, self.server.port(self.service));
        Box::new(TcpStream::connect(at).await.unwrap())
    }

    async fn pass(&mut self, _: Duration) {
        unreachable!("transcripts that move the clock are not run here");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// Runs one; gives why it failed.
fn run(path: &Path, service: Service) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let transcript = Transcript::parse(&text)?;
    let mut program = Program {
        server: Server::start(),
        passwords: Vec::new(),
        service,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ran = runtime.block_on(transcript::run(&mut program, &transcript));
    ran.map_err(|failure| failure.to_string())
}

#[test]
fn the_built_program_speaks_as_the_transcripts_of_imap_say() {
    run_all("imap", Service::Imap);
}

#[test]
fn the_built_program_speaks_as_the_transcripts_of_pop3_say() {
    run_all("pop3", Service::Pop3);
}

fn run_all(protocol: &str, service: Service) {
    let mut ran = 0;
    let mut failures = Vec::new();
    for path in transcript::files(&folder().join(protocol)) {
        if fs::read_to_string(&path)
            .unwrap()
            .lines()
            .any(|line| line.starts_with("T:") || line.starts_with("given setting "))
        {
            continue;
        }
        ran += 1;
        if let Err(why) = run(&path, service) {
            failures.push(format!(
                "{}\n{why}",
                path.strip_prefix(folder()).unwrap().display()
            ));
        }
    }
    println!("{ran} transcripts");
    assert!(
        ran > 0 && failures.is_empty(),
        "{} of {ran} fail\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
