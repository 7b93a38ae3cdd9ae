//! `posthouse setup` and `posthouse serve`: from nothing to a server that takes mail, and what is said when it cannot.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use end_to_end::Serving;
use end_to_end::server::posthouse;
use rustix::process::Signal;

/// Who runs the tests.
fn user() -> String {
    let said = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn setup(folder: &Path, more: &[&str]) -> Output {
    let mut command = posthouse(&[
        "setup",
        "example.org",
        "--password-stdin",
        "--user",
        &user(),
        "--config",
    ]);
    command
        .arg(folder.join("etc/posthouse.toml"))
        .arg("--data")
        .arg(folder.join("data"))
        .args(more);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // It may not ask.
    let _ = writeln!(process.stdin.take().unwrap(), "tin whistle");
    process.wait_with_output().unwrap()
}

/// Has the settings listen on ports of the system's choice.
fn listen_anywhere(config: &Path) {
    let text = fs::read_to_string(config).unwrap();
    let services = ["submission", "submissions", "imap", "imaps", "pop3", "pop3s"];
    let mut listen = "[listen]\nsmtp = ['127.0.0.1:0']\nmetrics = ['127.0.0.1:0']\n".to_owned();
    for service in services {
        listen += &format!("{service} = []\n");
    }
    fs::write(config, text.replace("[listen]\n", &listen)).unwrap();
}

#[test]
fn setup_makes_a_server_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let said = setup(folder.path(), &[]);
    let words = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.status.success(),
        "{words}{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(words.contains("account: admin@example.org added"), "{words}");
    assert!(
        words.contains("\nexample.org. MX 10 mail.example.org.\n"),
        "{words}"
    );
    let unit = fs::read_to_string(folder.path().join("etc/posthouse.service")).unwrap();
    assert!(unit.contains("\nProtectSystem=strict\n"), "{unit}");

    let config = folder.path().join("etc/posthouse.toml");
    listen_anywhere(&config);
    let before = fs::read(&config).unwrap();
    let again = setup(folder.path(), &[]);
    let words = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.success(), "{words}");
    assert!(words.contains("is there, and is left as it is"), "{words}");
    assert!(
        words.contains("accounts: 1 are there, admin@example.org the first"),
        "{words}"
    );
    assert_eq!(fs::read(&config).unwrap(), before);

    let mut serving = Serving::start(&config);
    assert!(serving.ask("/readyz").starts_with("HTTP/1.1 200 "));
    assert!(serving.ask("/else").starts_with("HTTP/1.1 404 "));
    let mut smtp = BufReader::new(TcpStream::connect(("127.0.0.1", serving.smtp)).unwrap());
    let mut line = String::new();
    smtp.read_line(&mut line).unwrap();
    assert!(line.starts_with("220 mail.example.org "), "{line}");
    smtp.get_mut().write_all(b"QUIT\r\n").unwrap();
    let session = serving.wait_for(" session ");
    for wanted in [
        "protocol=SMTP",
        "peer=127.0.0.1",
        "octets_in=6",
        "commands=1",
        "end=\"quit\"",
    ] {
        assert!(session.contains(wanted), "{wanted}: {session}");
    }
    let metrics = serving.ask("/metrics");
    assert!(
        metrics.contains("\nposthouse_sessions_total{protocol=\"smtp\"} 1\n"),
        "{metrics}"
    );
    serving.signal(Signal::HUP);
    serving.wait_for("the certificates have been read again");
    serving.signal(Signal::TERM);
    serving.wait_for("stopping");
    assert!(serving.process.wait().unwrap().success());
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = setup(folder.path(), &["--dry-run"]);
    let words = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success());
    assert!(words.contains("\nhostname = \"mail.example.org\"\n"), "{words}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn all_mistakes_of_the_settings_are_said_at_once_in_two_languages() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("posthouse.toml");
    fs::write(&config, "hostname = 'a b'\n[limits]\nmemory = 1\nsise = 2\n").unwrap();
    for (language, wanted) in [
        (
            "en",
            [
                "line 1: hostname: ",
                "line 3: memory: must be a size from 256 MiB",
                "line 4: there is no setting sise",
            ],
        ),
        (
            "zh",
            [
                "第 1 行：hostname：",
                "第 3 行：memory：必须是 256 MiB 到",
                "第 4 行：[limits] 中没有 sise 这个设置",
            ],
        ),
    ] {
        let mut command = posthouse(&["--lang", language, "serve", "--config"]);
        let said = command.arg(&config).output().unwrap();
        assert_eq!(said.status.code(), Some(78));
        let words = String::from_utf8(said.stderr).unwrap();
        for wanted in wanted {
            assert!(words.contains(wanted), "{wanted}: {words}");
        }
    }
}

#[test]
fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(setup(folder.path(), &[]).status.success());
    let config = folder.path().join("etc/posthouse.toml");
    listen_anywhere(&config);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("metrics = ['127.0.0.1:0']", &format!("metrics = ['{place}']")),
    )
    .unwrap();
    let mut command = posthouse(&["serve", "--config"]);
    let said = command.arg(&config).output().unwrap();
    assert_eq!(said.status.code(), Some(69));
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(
        words.contains(&format!("{place} is taken by another program")),
        "{words}"
    );
}

#[test]
fn a_command_line_that_is_wrong_is_said_in_chinese() {
    let said = posthouse(&["--lang", "zh", "account", "add"]).output().unwrap();
    assert_eq!(said.status.code(), Some(64));
    assert!(String::from_utf8(said.stderr).unwrap().contains("缺少参数"));
    let help = posthouse(&["--lang=zh", "account", "add", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("添加账户") && !help.contains("Usage"), "{help}");
    let folder = tempfile::tempdir().unwrap();
    assert!(setup(folder.path(), &[]).status.success());
    let data = folder.path().join("data");
    let mut command = posthouse(&[
        "--lang",
        "zh",
        "account",
        "remove",
        "nobody@example.org",
        "--data",
    ]);
    let said = command.arg(&data).output().unwrap();
    assert_eq!(said.status.code(), Some(67));
    assert!(
        String::from_utf8(said.stderr)
            .unwrap()
            .contains("没有账户 nobody@example.org")
    );
}
