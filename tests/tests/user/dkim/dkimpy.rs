//! Signed mail is verified by dkimpy, which knows the public keys as OpenSSL prints them: nothing of Posthouse is asked. Wants Debian's python3-dkim.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use end_to_end::{Server, Service, program, server};
use tempfile::TempDir;

use super::keys;
use crate::{run, said, url};

/// Verifies every signature of a message; the arguments are domains, selectors, and files of private keys.
const VERIFY: &str = r#"
import base64, dkim, subprocess, sys
records = {}
for domain, selector, key in zip(*[iter(sys.argv[1:])] * 3):
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    kind, octets = ("ed25519", der[-32:]) if key.startswith("ed25519") else ("rsa", der)
    name = "%s._domainkey.%s." % (selector, domain)
    records[name.encode()] = ("v=DKIM1; k=%s; p=%s" % (kind, base64.b64encode(octets).decode())).encode()
message = dkim.DKIM(sys.stdin.buffer.read(), minkey=2048)
count = len([name for name, value in message.headers if name.lower() == b"dkim-signature"])
for number in range(count):
    try:
        verified = message.verify(number, dnsfunc=lambda name, timeout=5: records[name])
    except dkim.ValidationError:
        verified = False
    except dkim.DKIMException as error:
        verified = str(error)
    print(message.signature_fields[b"s"].decode() if message.signature_fields else "?", verified)
"#;

/// What dkimpy says of each signature: its selector, and whether it verifies.
fn verified(folder: &Path, records: &[[&str; 3]], message: &[u8]) -> String {
    let words = [&["/usr/bin/python3", "-c", VERIFY][..], records.as_flattened()].concat();
    let said = program::run(folder, &words, message).succeeded();
    said.text().trim_end().replace('\n', ", ")
}

const SIGNERS: [(&str, &str); 2] = [("rsa.pem", "s1"), ("ed25519.pem", "s2.mail")];

/// Whether Python's library is there; xtask leaves these tests out where it is not.
fn is_here() -> bool {
    program::is_here("dkimverify")
}

/// The same octets with a piece of them altered.
fn altered(message: &str, from: &str, to: &str) -> Vec<u8> {
    assert!(message.contains(from), "{from:?} in\n{message}");
    message.replacen(from, to, 1).into_bytes()
}

#[test]
fn a_composed_mail_verifies_until_it_is_altered() {
    if !is_here() {
        return;
    }
    let folder = keys();
    let path = folder.path();
    fs::write(path.join("计划.bin"), [0_u8, 13, 10, 255].repeat(5000)).unwrap();
    for (key, selector) in SIGNERS {
        let words = [
            "send",
            "--dry-run",
            "--from",
            "艾丽丝 <alice@example.org>",
            "--to",
            "bob@example.org",
            "--bcc",
            "carol@example.org",
            "--subject",
            "你好，世界：a long subject that must be folded because it is longer than a line",
            "--text",
            "你好！ \n.\nFrom me\n\n\n",
            "--html",
            "<p>你好！</p>",
            "--attach",
            "计划.bin",
            "--dkim-key",
            key,
            "--dkim-selector",
            selector,
        ];
        let message = run(path, &words, b"").well();
        let record = [["example.org", selector, key]];
        let check = |message: &[u8]| verified(path, &record, message);
        assert_eq!(check(message.as_bytes()), format!("{selector} True"), "{message}");
        let no = format!("{selector} False");
        assert_eq!(
            check(&altered(&message, "AA0K/wANCv8", "AA0K/wANCv9")),
            no,
            "the file"
        );
        assert_eq!(
            check(&altered(&message, "\r\nSubject: ", "\r\nSubject: Re: ")),
            no
        );
        assert_eq!(
            check(&altered(&message, "\r\nTo: ", "\r\nCc: c@example.org\r\nTo: ")),
            no,
            "added"
        );
        assert_eq!(
            check(&altered(
                &message,
                "\r\nFrom: ",
                "\r\nFrom: x@example.org\r\nFrom: "
            )),
            no,
            "added"
        );
        assert_eq!(
            check(&[message.as_bytes(), b"more\r\n"].concat()),
            no,
            "RFC 6376 §8.2"
        );
        // RFC 6376 §3.4.2: other fields may come in front, and fields may be folded in other places.
        let passed_on = altered(
            &message,
            "DKIM-Signature: ",
            "Received: by x\r\nDKIM-Signature:\r\n ",
        );
        assert_eq!(check(&passed_on), format!("{selector} True"));
    }
}

/// As sendmail takes it: Bcc is gone and line ends are mended before it is signed.
#[test]
fn a_message_from_standard_input_verifies_until_it_is_altered() {
    if !is_here() {
        return;
    }
    let folder = keys();
    let path = folder.path();
    let input = "From: 李 <alice@example.org>\nTo: bob@example.org,\n\tcarol@example.org\nBcc: secret@example.org\n\
                 Subject:  two  blanks\nX-Other: y\n\nline \n.\n你好\n\n\n";
    for (key, selector) in SIGNERS {
        let words = [
            "send",
            "--dry-run",
            "-t",
            "-i",
            "--dkim-key",
            key,
            "--dkim-selector",
            selector,
        ];
        let message = run(path, &words, input.as_bytes()).well();
        assert!(
            message.contains("\r\n.\r\n你好\r\n") && !message.contains("secret"),
            "{message}"
        );
        let check = |message: &[u8]| verified(path, &[["example.org", selector, key]], message);
        assert_eq!(check(message.as_bytes()), format!("{selector} True"), "{message}");
        let no = format!("{selector} False");
        assert_eq!(check(&altered(&message, "你好", "您好")), no);
        assert_eq!(check(&altered(&message, "carol@", "karol@")), no);
        // A message that is signed gets another signature, and the first one stays good.
        let again = [
            "send",
            "--dry-run",
            "-t",
            "-i",
            "--dkim-key",
            "rsa.pem",
            "--dkim-selector",
            "again",
        ];
        let again = run(path, &again, message.as_bytes()).well();
        let records = [
            ["example.org", selector, key],
            ["example.org", "again", "rsa.pem"],
        ];
        assert_eq!(
            verified(path, &records, again.as_bytes()),
            format!("again True, {selector} True")
        );
    }
}

#[test]
fn a_profile_signs_and_options_go_before_it() {
    if !is_here() {
        return;
    }
    let folder = keys();
    let path = folder.path();
    let profiles = "[profiles.work]\naddress = \"alice@post.example.org\"\n\
                    dkim = { key = \"~/ed25519.pem\", selector = \"own\", domain = \"example.org\" }\n\
                    [profiles.bare]\naddress = \"alice@bücher.example\"\n\
                    dkim = { key = \"~/rsa.pem\", selector = \"own\" }\n\
                    [profiles.none]\naddress = \"alice@example.org\"\n";
    fs::write(path.join("profiles.toml"), profiles).unwrap();
    let send = |profile: &str, more: &[&str], input: &str| {
        let words = [&["send", "--dry-run", "--profile", profile][..], more].concat();
        let mut command = server::posthouse(&words);
        command
            .env("HOME", path)
            .env("POSTHOUSE_PROFILES", path.join("profiles.toml"));
        said(command.current_dir(path), input.as_bytes()).well()
    };
    let records = [
        ["example.org", "own", "ed25519.pem"],
        ["xn--bcher-kva.example", "own", "rsa.pem"],
        ["post.example.org", "other", "rsa.pem"],
    ];
    let check = |message: &str, wanted: &str| {
        assert_eq!(verified(path, &records, message.as_bytes()), wanted, "{message}");
    };
    let composed = ["--to", "bob@example.org", "--text", "x"];
    check(&send("work", &composed, ""), "own True");
    check(&send("work", &["-t"], "To: bob@example.org\n\nx\n"), "own True");
    check(&send("bare", &composed, ""), "own True");
    check(&send("none", &composed, ""), "");
    let other = ["--dkim-key", "rsa.pem", "--dkim-selector", "other"];
    check(&send("work", &[&composed[..], &other].concat(), ""), "other True");
}

/// A server that says what it is told to, and takes one message. What is to be seen before it answers is seen then.
fn take(listener: &TcpListener, extensions: &[&str], before: impl FnOnce()) -> Vec<u8> {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut message = Vec::new();
    let mut before = Some(before);
    stream.get_mut().write_all(b"220 scripted ESMTP\r\n").unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap() == 0 {
            return message;
        }
        let verb = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let reply = match &*verb {
            "EHLO" => {
                let lines = extensions.iter().map(|name| format!("250-{name}\r\n"));
                format!("{}250 HELP\r\n", lines.collect::<String>())
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n").unwrap();
                message = data(&mut stream);
                before.take().unwrap()();
                "250 taken\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 fine\r\n".to_owned(),
        };
        stream.get_mut().write_all(reply.as_bytes()).unwrap();
    }
}

/// RFC 5321 §4.5.2: up to the lone dot, without the dots that were put in front of others.
fn data(stream: &mut impl std::io::BufRead) -> Vec<u8> {
    let mut message = Vec::new();
    loop {
        let begin = message.len();
        assert!(
            stream.read_until(b'\n', &mut message).unwrap() > 0,
            "it ends with a dot"
        );
        if &message[begin..] == b".\r\n" {
            message.truncate(begin);
            return message;
        }
        if message[begin] == b'.' {
            message.remove(begin);
        }
    }
}

/// What the program sends to a scripted server.
fn sent(folder: &Path, words: &[&str], extensions: &[&str], before: impl FnOnce(u32)) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "smtp://127.0.0.1:{}?tls=none",
        listener.local_addr().unwrap().port()
    );
    let mut command = server::posthouse(&[&["send", "--server", &url][..], words].concat());
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let message = take(&listener, extensions, || before(child.id()));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(child.wait().unwrap().success(), "{words}");
    message
}

/// RFC 6376 §5.3: what is signed is what goes over the wire, in seven bits where the server knows no more, with a domain in A-labels.
#[test]
fn what_a_server_of_seven_bits_is_sent_verifies() {
    if !is_here() {
        return;
    }
    let folder = keys();
    let path = folder.path();
    fs::write(path.join("八位.txt"), "八位\n.\n. dots\n..\n").unwrap();
    for (key, selector) in SIGNERS {
        let words = [
            "--from",
            "艾丽丝 <alice@bücher.example>",
            "--to",
            "张三 <bob@例子.example>",
            "--subject",
            "你好",
            "--text",
            ".\n你好！\n. dots\n",
            "--attach",
            "八位.txt",
            "--dkim-key",
            key,
            "--dkim-selector",
            selector,
        ];
        let record = [["xn--bcher-kva.example", selector, key]];
        for extensions in [&[][..], &["8BITMIME", "SMTPUTF8", "PIPELINING", "SIZE 1000000"]] {
            let message = sent(path, &words, extensions, |_| ());
            assert!(message.is_ascii(), "{}", String::from_utf8_lossy(&message));
            assert_eq!(
                verified(path, &record, &message),
                format!("{selector} True"),
                "{extensions:?}"
            );
        }
    }
}

/// RFC 8616 §5: fields in UTF-8 are signed as they are. What another server made of it, in front, changes nothing.
#[test]
fn internationalised_mail_verifies_where_it_arrives() {
    if !is_here() {
        return;
    }
    const FETCH: &str = r#"
import poplib, sys
pop = poplib.POP3("127.0.0.1", int(sys.argv[1]))
pop.utf8()
pop.user("alice"); pop.pass_("tin whistle")
sys.stdout.buffer.write(b"\r\n".join(pop.retr(1)[1]) + b"\r\n")
"#;
    let folder = keys();
    let path = folder.path();
    let server = Server::with_accounts();
    server.add("服务@example.org", "blue door");
    let words = [
        "send",
        "--server",
        &url(&server, "smtp"),
        "--from",
        "艾丽丝 <alice@example.org>",
        "--to",
        "服务 <服务@example.org>",
        "--cc",
        "alice@example.org",
        "--subject",
        "你好",
        "--text",
        "你好！\n.\n",
        "--dkim-key",
        "ed25519.pem",
        "--dkim-selector",
        "s1",
    ];
    run(path, &words, b"").well();
    let port = server.port(Service::Pop3).to_string();
    let message = program::run(path, &["python3", "-c", FETCH, &port], b"")
        .succeeded()
        .out;
    let text = String::from_utf8_lossy(&message);
    assert!(text.contains("\r\nTo: 服务 <服务@example.org>\r\n"), "{text}");
    assert!(text.starts_with("Return-Path: "), "{text}");
    assert_eq!(
        verified(path, &[["example.org", "s1", "ed25519.pem"]], &message),
        "s1 True",
        "{text}"
    );
}

/// The most memory that a process has held, in octets.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_large_file_is_signed_without_being_held() {
    if !is_here() {
        return;
    }
    const LARGE: u64 = 96 << 20;
    let folder: TempDir = keys();
    let path = folder.path();
    fs::File::create(path.join("large.bin"))
        .unwrap()
        .set_len(LARGE)
        .unwrap();
    let words = [
        "--from",
        "alice@example.org",
        "--to",
        "bob@example.org",
        "--attach",
        "large.bin",
        "--dkim-key",
        "ed25519.pem",
        "--dkim-selector",
        "s1",
    ];
    let mut held = 0;
    let message = sent(path, &words, &[], |process| held = peak(process));
    assert!(message.len() as u64 > LARGE / 3 * 4, "{}", message.len());
    assert!(held < LARGE / 2, "{held} octets were held");
    assert_eq!(
        verified(path, &[["example.org", "s1", "ed25519.pem"]], &message),
        "s1 True"
    );
}
