//! `posthouse help`: what `--help` says, in both languages.

use crate::run;

#[test]
fn help_is_asked_for_in_either_way() {
    let folder = tempfile::tempdir().unwrap();
    for (asked, same) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "send"], &["send", "--help"]),
        (&["help", "profile", "add"], &["profile", "add", "--help"]),
        (&["help", "help"], &["help", "--help"]),
    ] {
        for language in ["en", "zh"] {
            let help = |words: &[&str]| {
                let words = [&["--lang", language], words].concat();
                run(folder.path(), &words, b"").well()
            };
            assert_eq!(help(asked), help(same), "{asked:?}");
        }
    }
    let nothing = run(folder.path(), &["help", "fly"], b"");
    assert_eq!(nothing.code, Some(64));
    assert!(nothing.err.contains("no command \"fly\""), "{}", nothing.err);
    let nothing = run(folder.path(), &["help", "profile", "fly", "--lang", "zh"], b"");
    assert!(nothing.err.contains("没有 fly 这个命令"), "{}", nothing.err);
}
