//! Those who mean harm: bounded memory, clear refusals, and others are served all the while.

use std::thread;
use std::time::{Duration, Instant};

use end_to_end::{Conversation, Server, Service, messages};
use rustix::process::{Resource, getrlimit, setrlimit};

/// What one that misbehaves may cost, in KiB, in a build that is not optimised.
const ONE: u64 = 40_000;

/// Somebody else sends and reads mail now, and does not wait long.
fn others_are_served(server: &Server, subject: &str) {
    let began = Instant::now();
    let mut smtp = Conversation::smtp(server);
    let reply = smtp
        .deliver("bob@example.org", &messages::plain(subject))
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    assert!(messages::subjects(server, "bob", "blue door").contains(&subject.to_owned()));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "others wait: {:?}",
        began.elapsed()
    );
}

/// As many files as the system gives; gives how many.
fn use_all_files() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    limit
        .maximum
        .map_or(usize::MAX, |most| usize::try_from(most).unwrap())
}

#[test]
fn ten_thousand_idle_connections_take_little_memory() {
    let most = use_all_files();
    let wanted = 10_000.min(most.saturating_sub(500));
    if wanted < 10_000 {
        println!("only {wanted} connections: the system gives no more files");
    }
    let server = Server::with_accounts();
    others_are_served(&server, "before");
    let before = server.memory();
    let services = [Service::Imap, Service::Pop3, Service::Smtp];
    let mut open = Vec::with_capacity(wanted);
    for number in 0..wanted {
        let mut connection = Conversation::try_open(server.port(services[number % 3])).unwrap();
        connection.line().unwrap();
        open.push(connection);
    }
    others_are_served(&server, "during");
    let each = (server.memory() - before) * 1024 / u64::try_from(wanted).unwrap();
    println!("{each} octets for each of {wanted} connections");
    assert!(each < 40_000, "{each} octets for each connection");
    drop(open);
    others_are_served(&server, "after");
}

#[test]
fn a_line_without_end_is_refused_in_little_memory() {
    let server = Server::with_accounts();
    others_are_served(&server, "before");
    let before = server.memory();
    let services = [
        Service::Smtp,
        Service::Submission,
        Service::Imap,
        Service::Pop3,
        Service::Lmtp,
    ];
    thread::scope(|scope| {
        for service in services {
            let server = &server;
            scope.spawn(move || {
                let mut connection = Conversation::open(server, service);
                let chunk = [b'a'; 65_536];
                // 32 MiB, or until the server has had enough.
                let taken = (0..512).take_while(|_| connection.send(&chunk).is_ok()).count();
                println!("{service:?}: {taken} chunks taken");
            });
        }
    });
    let grown = server.memory().saturating_sub(before);
    assert!(grown < ONE, "{grown} KiB more");
    others_are_served(&server, "after");
}

#[test]
fn a_slow_writer_keeps_nobody_waiting() {
    let server = Server::with_accounts();
    let mut slow: Vec<Conversation> = (0..300)
        .map(|_| Conversation::open(&server, Service::Smtp))
        .collect();
    for letter in b"EHLO slow" {
        for connection in &mut slow {
            connection.send(&[*letter]).unwrap();
        }
    }
    others_are_served(&server, "during");
}

#[test]
fn a_giant_literal_is_refused_before_it_is_sent() {
    let server = Server::with_accounts();
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    for command in [
        "a LOGIN {99999999}",
        "b LOGIN {99999999999999999999}",
        "c LOGIN alice {4294967295}",
    ] {
        imap.say(command);
        let reply = imap.line().unwrap();
        let refused = [" BAD ", " NO ", "* BYE "]
            .iter()
            .any(|word| reply.contains(word));
        assert!(refused, "{command}: {reply}");
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    let lines = imap.command("APPEND INBOX {999999999}").unwrap();
    assert!(lines[0].contains(" NO "), "{lines:?}");
    others_are_served(&server, "after");
}

#[test]
fn parentheses_without_end_and_nul_octets_are_refused() {
    let server = Server::with_accounts();
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("SELECT INBOX");
    let deep = "(".repeat(5_000);
    for command in [
        format!("SEARCH {deep}"),
        format!("FETCH 1 {deep}"),
        "NOOP\0".to_owned(),
    ] {
        let lines = imap.command(&command).unwrap();
        let last = lines.last().unwrap();
        assert_eq!(last.split(' ').nth(1), Some("BAD"), "{last}");
    }
    imap.ok("NOOP");
    let mut smtp = Conversation::smtp(&server);
    smtp.say("MAIL\0 FROM:<a@example.net>");
    assert!(smtp.reply().unwrap().starts_with('5'));
    smtp.say("NOOP");
    smtp.expect("250");
}

/// RFC 3207 §4.2: what came before the handshake is forgotten.
#[test]
fn what_is_sent_behind_starttls_is_not_obeyed() {
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    smtp.send(b"STARTTLS\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<bob@example.org>\r\n")
        .unwrap();
    smtp.expect("220");
    // No plain reply follows: the server waits for a handshake, or has closed.
    smtp.send(b"not a handshake\r\n").unwrap();
    let rest = smtp.rest().unwrap();
    assert!(!rest.contains("250"), "{rest}");
}

/// RFC 5321 §4.1.1.4: only CRLF.CRLF ends a message.
#[test]
fn a_message_cannot_be_smuggled_into_another() {
    let server = Server::with_accounts();
    for end in ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r"] {
        let mut smtp = Conversation::smtp(&server);
        let inner =
            "MAIL FROM:<evil@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";
        let letter = format!("Subject: outer\r\n\r\nx{end}{inner}");
        let reply = smtp.deliver("bob@example.org", &letter).unwrap();
        assert!(reply.starts_with("550"), "{end:?}: {reply}");
    }
    assert_eq!(messages::subjects(&server, "bob", "blue door"), [""; 0]);
}
