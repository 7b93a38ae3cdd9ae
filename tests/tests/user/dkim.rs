//! `posthouse send --dkim-key`: what is no key is refused in words and with a code of sysexits(3). `dkimpy` has what is signed. Wants openssl.

mod dkimpy;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use end_to_end::server;

use crate::{Said, run, said};

/// A folder with `rsa.pem`, `ed25519.pem` and keys that are none to sign with.
fn keys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, words: &[&str]| openssl(folder.path(), &[words, &["-out", name]].concat());
    let rsa = ["genpkey", "-algorithm", "rsa", "-pkeyopt"];
    make("rsa.pem", &[&rsa[..], &["rsa_keygen_bits:2048"]].concat());
    make("ed25519.pem", &["genpkey", "-algorithm", "ed25519"]);
    folder
}

fn openssl(folder: &Path, words: &[&str]) -> Vec<u8> {
    let made = Command::new("openssl")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

const COMPOSED: [&str; 9] = [
    "send",
    "--dry-run",
    "--from",
    "alice@example.org",
    "--to",
    "bob@example.org",
    "--text",
    "Hi.",
    "--dkim-key",
];

/// A dry run with a key and more options.
fn signed(folder: &Path, key: &str, more: &[&str]) -> Said {
    run(folder, &[&COMPOSED, &[key][..], more].concat(), b"")
}

/// What is there in place of a key.
fn make_wrong_keys(path: &Path) {
    for bits in ["512", "1024"] {
        openssl(path, &["genrsa", "-out", &format!("{bits}.pem"), bits]);
    }
    openssl(
        path,
        &[
            "rsa",
            "-in",
            "rsa.pem",
            "-aes128",
            "-passout",
            "pass:x",
            "-out",
            "locked.pem",
        ],
    );
    openssl(path, &["pkey", "-in", "rsa.pem", "-pubout", "-out", "public.pem"]);
    openssl(
        path,
        &[
            "ecparam",
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
            "ec.pem",
        ],
    );
    fs::write(path.join("empty.pem"), "").unwrap();
    let whole = fs::read_to_string(path.join("rsa.pem")).unwrap();
    fs::write(path.join("cut.pem"), &whole[..whole.len() / 2]).unwrap();
    fs::write(path.join("long.pem"), "x".repeat(1 << 20)).unwrap();
    fs::create_dir(path.join("folder.pem")).unwrap();
}

/// RFC 8301 §3.2, and sysexits(3): EX_DATAERR is a file that is wrong, EX_NOINPUT one that cannot be read.
#[test]
fn what_is_no_key_is_refused_in_words_and_with_a_code() {
    let folder = keys();
    let path = folder.path();
    make_wrong_keys(path);
    let none = ("it is no private key in PEM", "不是 PEM 格式的私钥");
    let short = ("fewer than 2048 bits", "少于 2048 位");
    let cases = [
        (
            "missing.pem",
            66,
            ("missing.pem is not there", "missing.pem 不存在"),
        ),
        ("rsa.pem/x", 66, ("rsa.pem/x is not there", "rsa.pem/x 不存在")),
        (
            "folder.pem",
            66,
            ("folder.pem is a folder", "folder.pem 是文件夹"),
        ),
        ("empty.pem", 65, none),
        ("cut.pem", 65, none),
        ("long.pem", 65, none),
        ("512.pem", 65, short),
        ("1024.pem", 65, short),
        (
            "locked.pem",
            65,
            ("it is locked with a password", "私钥有密码保护"),
        ),
        ("public.pem", 65, ("it is the public key", "这是公钥")),
        (
            "ec.pem",
            65,
            (
                "neither an RSA nor an Ed25519 key",
                "既不是 RSA 密钥也不是 Ed25519 密钥",
            ),
        ),
    ];
    for (key, code, (english, chinese)) in cases {
        for (language, words) in [("en", english), ("zh", chinese)] {
            let refused = signed(path, key, &["--dkim-selector", "s1", "--lang", language]);
            assert_eq!(refused.code, Some(code), "{key}: {}", refused.err);
            assert!(refused.err.contains(words), "{key}: {}", refused.err);
            assert!(refused.err.contains(key), "it is named: {}", refused.err);
            assert_eq!(refused.out, "", "nothing goes unsigned");
        }
    }
}

/// Root without its powers over files, or anybody else, cannot read what is closed: it says whose it is.
#[test]
fn a_key_that_may_not_be_read_says_whose_it_is() {
    let folder = keys();
    let path = folder.path();
    let key = path.join("rsa.pem");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(&key, Some(65534), Some(65534)).unwrap();
    }
    let words = [&COMPOSED, &["rsa.pem", "--dkim-selector", "s1"][..]].concat();
    let mut plain = server::posthouse(&words);
    let mut powerless = Command::new("setpriv");
    powerless
        .args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"])
        .arg(plain.get_program())
        .args(&words);
    let command = if is_root { &mut powerless } else { &mut plain };
    for (mode, wanted) in [(0o000, "mode 000"), (0o200, "mode 200")] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = said(command.current_dir(path), b"");
        assert_eq!(refused.code, Some(66), "{}", refused.err);
        let told =
            refused.err.contains("the DKIM key rsa.pem cannot be read by ") && refused.err.contains(wanted);
        assert!(told, "{}", refused.err);
        assert_eq!(refused.out, "");
    }
}

/// EX_USAGE.
#[test]
fn options_that_cannot_be_meant_are_refused() {
    let folder = keys();
    let check = |more: &[&str], words: &str| {
        let refused = signed(folder.path(), "rsa.pem", more);
        assert_eq!(refused.code, Some(64), "{more:?}: {}", refused.err);
        assert!(refused.err.contains(words), "{more:?}: {}", refused.err);
        assert_eq!(refused.out, "");
    };
    check(&[], "--dkim-selector");
    check(
        &["--dkim-selector", "s 1"],
        "--dkim-selector: \"s 1\": a selector is letters",
    );
    check(&["--dkim-selector", "s1;d=x"], "--dkim-selector: ");
    check(&["--dkim-selector", ""], "--dkim-selector: ");
    check(
        &["--dkim-selector", "s 1", "--lang", "zh"],
        "由字母、数字和连字符组成",
    );
    check(
        &["--dkim-selector", "s1", "--dkim-domain", "not a domain"],
        "--dkim-domain: \"not a domain\"",
    );
    let alone = run(
        folder.path(),
        &[
            "send",
            "--dry-run",
            "--to",
            "b@example.org",
            "--dkim-selector",
            "s1",
        ],
        b"",
    );
    assert_eq!(alone.code, Some(64));
    assert!(alone.err.contains("--dkim-key"), "{}", alone.err);
}

/// EX_CONFIG, with the line.
#[test]
fn a_profile_that_cannot_be_meant_is_refused_with_its_line() {
    let folder = keys();
    let check = |dkim: &str, wanted: &str| {
        let profile = format!("[profiles.work]\naddress = \"alice@example.org\"\ndkim = {dkim}\n");
        let file = folder.path().join("profiles.toml");
        fs::write(&file, profile).unwrap();
        let mut command = server::posthouse(&["send", "--dry-run", "--to", "b@example.org", "--text", "x"]);
        let refused = said(command.env("POSTHOUSE_PROFILES", &file), b"");
        assert_eq!(refused.code, Some(78), "{dkim}: {}", refused.err);
        assert!(refused.err.contains(wanted), "{dkim}: {}", refused.err);
        assert!(refused.err.contains("profiles.toml: line "), "{}", refused.err);
    };
    check(
        "{ key = \"rsa.pem\", selector = \"s1\" }",
        "dkim: key: write the whole path, from / or ~/",
    );
    check(
        "{ key = \"/rsa.pem\", selector = \"s 1\" }",
        "dkim: selector: a selector is letters",
    );
    check("{ key = \"/rsa.pem\" }", "missing field `selector`");
    check(
        "{ key = \"/rsa.pem\", selector = \"s1\", domain = \"-\" }",
        "dkim: domain: ",
    );
    check(
        "{ key = \"/rsa.pem\", selector = \"s1\", algorithm = \"x\" }",
        "unknown field `algorithm`",
    );
}
