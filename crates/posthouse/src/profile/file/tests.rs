//! The file of profiles: what is read, what is refused and where, what stays when it is changed.

use super::*;

fn check(text: &str, wanted: Result<&[&str], &str>) {
    let said = parse(text, Path::new("p.toml"), Language::English);
    match (said, wanted) {
        (Ok(content), Ok(wanted)) => {
            let names: Vec<&str> = content.profiles.keys().map(String::as_str).collect();
            assert_eq!(names, wanted, "{text}");
        }
        (Err(exit), Err(wanted)) => {
            assert_eq!(exit.code, Code::Config);
            assert!(
                exit.words.contains(wanted),
                "{:?} and not {wanted:?} for {text}",
                exit.words
            );
            assert!(!exit.words.contains("hunter2"), "{}", exit.words);
        }
        (said, wanted) => panic!("{said:?} and not {wanted:?} for {text}"),
    }
}

#[test]
fn what_is_wrong_has_its_line_and_shows_no_value() {
    let of = |line: &str| format!("# mine\n[profiles.work]\naddress = \"a@example.org\"\n{line}\n");
    check("", Ok(&[]));
    check(&of(""), Ok(&["work"]));
    check(&of("password = { keyring = true }"), Ok(&["work"]));
    check(&of("[profiles.work.password]\nenv = \"X\""), Ok(&["work"]));
    check(
        &of("smpt = \"hunter2\""),
        Err("p.toml: line 4: unknown field `smpt`"),
    );
    check(
        &of("password = \"hunter2\""),
        Err("p.toml: line 4: write { keyring = true }"),
    );
    check(
        &of("password = { hunter2 = true }"),
        Err("p.toml: line 4: write { keyring = true }"),
    );
    check(&of("password = { keyring = false }"), Err("line 4: write"));
    check(
        &of("password = { env = \"A\", command = \"B\" }"),
        Err("line 4: write"),
    );
    check(
        &of("name = [\"hunter2\"]"),
        Err("p.toml: line 4: invalid type, expected a string"),
    );
    check(
        &of("token-command = \"x\"\npassword = { env = \"A\" }"),
        Err("line 2: [profiles.work] password, token-command and oauth"),
    );
    check(
        &of("oauth = { issuer = \"google\" }"),
        Err("line 4: missing field `client-id`"),
    );
    check(
        &of("imap = \"imaps://a:hunter2@example.org\""),
        Err("line 2: [profiles.work] imap: a password does not belong"),
    );
    check(
        &of("imap = \"pop3s://a@example.org\""),
        Err("imap: it is of another protocol"),
    );
    check(&of("imap = \"hunter2\""), Err("imap: it is not a URL"));
    check(
        "\ndefault = \"home\"\n",
        Err("p.toml: line 2: default: there is no profile \"home\""),
    );
    check("[profiles.x]\n", Err("line 1: missing field `address`"));
    check(
        "[profiles.x]\naddress = \"nobody\"\n",
        Err("line 1: [profiles.x] address"),
    );
    check("[profiles.x\n", Err("p.toml: line 1: "));
}

fn profile() -> Profile {
    Profile {
        address: "a@example.org".to_owned(),
        name: Some("\"A\" \\ 李\n".to_owned()),
        smtp: Some("smtps://a%40example.org@smtp.example.org:465".to_owned()),
        imap: None,
        pop3: None,
        password: None,
        token_command: None,
        oauth: Some(OAuth {
            issuer: "https://login.example.org".to_owned(),
            client_id: "id".to_owned(),
            client_secret: Some(Place::Command("pass \"x\"".to_owned())),
            scope: Some("mail".to_owned()),
        }),
        dkim: Some(Dkim {
            key: PathBuf::from("~/钥匙/dkim \"1\".pem"),
            selector: "s1.mail".to_owned(),
            domain: Some("bücher.example".to_owned()),
        }),
    }
}

#[test]
fn what_is_printed_reads_back() {
    let places = [
        Place::Keyring(true),
        Place::Env("X".to_owned()),
        Place::Command("pass 'a b'".to_owned()),
    ];
    for name in ["work", "a@example.org", "工作", "a.b \"c\" \\"] {
        let read = |profile: &Profile| {
            let text = printed(name, profile);
            parse(&text, Path::new("p"), Language::English)
                .unwrap()
                .profiles
                .remove(name)
        };
        assert_eq!(read(&profile()), Some(profile()), "{name}");
        for place in &places {
            let profile = Profile {
                password: Some(place.clone()),
                oauth: None,
                ..profile()
            };
            assert_eq!(read(&profile), Some(profile), "{name}");
        }
    }
}

#[test]
fn what_a_person_wrote_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/p.toml");
    let text = "# mine\ndefault = \"work\"\n[profiles.home] # not so\naddress = \"h@example.org\"\n[profiles.work]\naddress = \"w@example.org\"\n\
                [profiles.work.password]\nkeyring = true\n# the last\n[profiles.x]\naddress = \"x@example.org\"";
    let mut profiles = Profiles {
        content: parse(text, &path, Language::English).unwrap(),
        text: text.to_owned(),
        path: path.clone(),
    };
    profiles.remove("work", Language::English).unwrap();
    profiles.add("new one", &profile(), Language::English).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let kept = "# mine\n[profiles.home] # not so\naddress = \"h@example.org\"\n[profiles.x]\naddress = \"x@example.org\"\n";
    assert!(written.starts_with(kept), "{written}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Its header is not one that is known: nothing is written.
    let refused = profiles.remove("home", Language::English).unwrap_err();
    assert!(refused.words.contains("by hand"), "{}", refused.words);
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    assert_eq!(fs::read_dir(folder.path().join("below")).unwrap().count(), 1);
}
