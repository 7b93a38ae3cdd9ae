//! systemd reads the unit that `posthouse setup` writes: it is whole, and leaves the server little that could harm others.

use std::fs::{self, File};

use end_to_end::program;
use end_to_end::server::posthouse;

/// Of ten; systemd calls a service `OK` below five and most of what a distribution brings `UNSAFE`.
const EXPOSURE: &str = "20";

#[test]
fn the_unit_is_understood_and_shuts_the_server_in() {
    if !program::is_here("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("posthouse.toml");
    let said = posthouse(&[
        "setup",
        "example.org",
        "--password-stdin",
        "--user",
        "daemon",
        "--config",
    ])
    .arg(&config)
    .arg("--data")
    .arg(folder.path().join("data"))
    .stdin(File::open(program::file(folder.path(), "password", "tin whistle\n")).unwrap())
    .output()
    .unwrap();
    let unit = folder.path().join("posthouse.service");
    assert!(unit.is_file(), "{}", String::from_utf8_lossy(&said.stderr));
    let unit = unit.to_str().unwrap();
    let said = program::run(
        folder.path(),
        &["systemd-analyze", "verify", "--man=no", unit],
        b"",
    )
    .succeeded();
    assert_eq!(said.err, "", "what systemd does not know it passes over");
    let words = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        &format!("--threshold={EXPOSURE}"),
        "--no-pager",
        unit,
    ];
    let said = program::run(folder.path(), &words, b"").succeeded();
    print(&said.text());
    assert!(
        fs::read_to_string(unit)
            .unwrap()
            .contains("\nNoNewPrivileges=yes\n")
    );
}

/// The last line says how exposed it is.
#[allow(clippy::print_stdout, reason = "for whoever wants to know")]
fn print(text: &str) {
    println!("{}", text.lines().last().unwrap_or_default());
}
