//! getmail: mail is taken over POP3 and over IMAP and handed on, what was taken is remembered, and deleted where it is asked.

use std::fs;
use std::path::Path;

use end_to_end::{Conversation, Server, Service, messages, program};

fn getmail(server: &Server, folder: &Path, retriever: &str, delete: &str) {
    let service = match retriever {
        "SimplePOP3SSLRetriever" => Service::Pop3s,
        _ => Service::Imaps,
    };
    let text = format!(
        "[retriever]\ntype = {retriever}\nserver = localhost\nport = {}\nusername = alice@example.org\n\
         password = tin whistle\nca_certs = {}\n\n\
         [destination]\ntype = MDA_external\npath = /bin/sh\narguments = (\"-c\", \"cat > {folder}/mail/$$\")\n\
         allow_root_commands = true\n\n\
         [options]\nread_all = false\ndelete = {delete}\nverbose = 1\n",
        server.port(service),
        server.certificate().display(),
        folder = folder.display(),
    );
    let settings = program::file(folder, "getmailrc", &text);
    let words = [
        "getmail",
        "--getmaildir",
        folder.to_str().unwrap(),
        "--rcfile",
        settings.to_str().unwrap(),
    ];
    program::run(folder, &words, b"").succeeded();
}

#[test]
fn mail_is_taken_once_and_deleted_where_it_is_asked() {
    if !program::is_here("getmail") {
        return;
    }
    let server = Server::with_accounts();
    for retriever in ["SimplePOP3SSLRetriever", "SimpleIMAPSSLRetriever"] {
        let folder = tempfile::tempdir().unwrap();
        // A file for each: its own Maildirs refuse root, who runs tests in a container.
        fs::create_dir(folder.path().join("mail")).unwrap();
        let taken = || fs::read_dir(folder.path().join("mail")).unwrap().count();
        let deliver = |subject: &str| {
            let mut smtp = Conversation::smtp(&server);
            smtp.deliver("alice@example.org", &messages::plain(subject))
                .unwrap();
        };
        deliver("one");
        deliver("two");
        getmail(&server, folder.path(), retriever, "false");
        assert_eq!(taken(), 2, "{retriever}");
        // What was taken is known again by its unique-id.
        getmail(&server, folder.path(), retriever, "false");
        assert_eq!(taken(), 2, "{retriever}");
        deliver("three");
        getmail(&server, folder.path(), retriever, "true");
        assert_eq!(taken(), 3, "{retriever}");
        assert_eq!(
            messages::subjects(&server, "alice", "tin whistle"),
            [""; 0],
            "{retriever}"
        );
    }
}
