//! RFC 1939 §7: the ids of UIDL are the same after a restart, so that nobody downloads a mailbox twice.

use end_to_end::{Conversation, Server, Service, messages};

/// The answer to UIDL.
fn ids(server: &Server) -> Vec<String> {
    let mut pop = Conversation::open(server, Service::Pop3);
    pop.expect("+OK");
    for line in ["USER alice", "PASS tin whistle", "UIDL"] {
        pop.say(line);
        pop.expect("+OK");
    }
    let lines = std::iter::from_fn(|| Some(pop.line().unwrap()).filter(|line| line != "."));
    lines.collect()
}

#[test]
fn ids_are_the_same_after_a_restart_and_after_a_kill() {
    let mut server = Server::with_accounts();
    for number in 0..3 {
        let mut smtp = Conversation::smtp(&server);
        smtp.deliver("alice@example.org", &messages::plain(&number.to_string()))
            .unwrap();
    }
    let before = ids(&server);
    assert_eq!(before.len(), 3);
    assert!(server.stop().success());
    let mut again = Server::start_in(server.data()).unwrap();
    assert_eq!(ids(&again), before);
    again.kill();
    let last = Server::start_in(server.data()).unwrap();
    assert_eq!(ids(&last), before);
}
