//! The examples of the client, which are the steps of the tutorial: what they send is read with Python's `email`. Wants python3.
//!
//! What those that fetch print is checked where the tutorial is (`tutorial.rs`).

use std::fs;

use end_to_end::{Server, Service, program};

use crate::tutorial::built_example;

/// What Python's `email` reads of the last message in bob's maildrop: the header, then the parts, set in by their depth.
const READ: &str = r#"
import email, email.policy, poplib, sys
pop = poplib.POP3("127.0.0.1", int(sys.argv[1]))
pop.user("bob"); pop.pass_("blue door")
octets = b"\r\n".join(pop.retr(pop.stat()[0])[1]) + b"\r\n"
def tell(part, depth):
    words = [part.get_content_type(), part.get_content_disposition(), part.get_filename(), part["Content-ID"]]
    if part.get_content_maintype() == "text":
        words.append(repr(part.get_content().replace("\r\n", "\n")))
    elif not part.is_multipart():
        words.append(part.get_content().hex())
    print("  " * depth + " ".join(word for word in words if word))
    for inner in part.iter_parts():
        tell(inner, depth + 1)
message = email.message_from_bytes(octets, policy=email.policy.default)
print(message["From"], "|", message["To"], "|", message["Subject"])
tell(message, 0)
"#;

/// Runs an example that sends, and says what has arrived.
fn sent(server: &Server, example: &str, url: &str, files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("计划.txt"), "第一\n").unwrap();
    fs::write(folder.path().join("dot.png"), b"\x89PNG\r\n\x1a\n\0\xff").unwrap();
    let example = built_example(example);
    let words = [&[&*example, url], files].concat();
    program::run(folder.path(), &words, b"").succeeded();
    let port = server.port(Service::Pop3).to_string();
    let words = ["python3", "-c", READ, &port];
    program::run(folder.path(), &words, b"").succeeded().text()
}

#[test]
fn what_the_examples_send_is_what_pythons_email_reads() {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    let port = server.port(Service::Submission);
    let url = format!("smtp://alice:tin%20whistle@127.0.0.1:{port}?tls=none");
    let plain = "alice@example.org | bob@example.org |";
    for (example, files, expected) in [
        (
            "send_text",
            &[][..],
            format!("{plain} Hello from Rust\ntext/plain 'Hello, Bob!\\n'\n"),
        ),
        (
            "send_named",
            &[],
            "爱丽丝 <alice@example.org> | 鲍勃 <bob@example.org> | 来自 Rust 的问候\ntext/plain '你好，鲍勃！\\n'\n".to_owned(),
        ),
        (
            "send_html",
            &[],
            format!(
                "{plain} A page from Rust\ntext/html '<h1>Hello, 鲍勃</h1><p>sent by \
                 <a href=\"https://www.rust-lang.org\">Rust</a></p>\\n'\n"
            ),
        ),
        (
            "send_attachment",
            &["dot.png", "计划.txt"],
            format!(
                "{plain} Files from Rust\nmultipart/mixed\n  text/plain 'They are attached.\\n'\n  \
                 image/png attachment dot.png 89504e470d0a1a0a00ff\n  text/plain attachment 计划.txt '第一\\n'\n"
            ),
        ),
        (
            "send_inline",
            &["dot.png"],
            format!(
                "{plain} A picture from Rust\nmultipart/related\n  \
                 text/html '<h1>Look</h1><p><img src=\"cid:dot@example.org\"></p>\\n'\n  \
                 image/png inline dot.png <dot@example.org> 89504e470d0a1a0a00ff\n"
            ),
        ),
        (
            "send_alternative",
            &[],
            format!(
                "{plain} Both from Rust\nmultipart/alternative\n  text/plain 'Hello, Bob!\\n'\n  \
                 text/html '<h1>Hello, Bob!</h1>\\n'\n"
            ),
        ),
    ] {
        assert_eq!(sent(&server, example, &url, files), expected, "{example}");
    }
}

/// RFC 8314 §3: the certificate is checked, and without the one that signed it nothing is sent.
#[test]
fn the_example_of_starttls_trusts_only_the_certificate_it_is_told_of() {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    let port = server.port(Service::Submission);
    let bare = format!("smtp://alice:tin%20whistle@localhost:{port}");
    let folder = tempfile::tempdir().unwrap();
    let refused = program::run(folder.path(), &[&*built_example("send_starttls"), &bare], b"");
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("SelfSigned"), "{}", refused.err);
    let trusting = format!("{bare}?ca={}", server.certificate().display());
    let arrived = sent(&server, "send_starttls", &trusting, &[]);
    assert_eq!(
        arrived,
        "alice@example.org | bob@example.org | Sealed by Rust\ntext/plain 'Nobody in between can read this.\\n'\n"
    );
}
