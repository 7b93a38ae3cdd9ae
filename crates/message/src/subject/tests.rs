//! RFC 5256 §2.1

use super::{base, base_and_reply};

#[test]
fn replies_and_lists_are_taken_from_subjects() {
    let cases = [
        ("hello", "hello"),
        ("Re: hello", "hello"),
        ("RE: re:Fwd: FW : hello", "hello"),
        ("Re[2]: hello", "hello"),
        ("[list] Re: hello", "hello"),
        ("Re: [list] hello (fwd)", "hello"),
        ("[list]", "[list]"),
        ("[a] [b]", "[b]"),
        ("Re: [list]", "[list]"),
        ("[Fwd: Re: hello]", "hello"),
        ("[Fwd: hello] (fwd) (FWD)", "hello"),
        ("[fwd: [list] hello]", "hello"),
        ("  hello \t  you  ", "hello you"),
        ("Regarding: x", "Regarding: x"),
        ("Re hello", "Re hello"),
        ("re: 你好", "你好"),
        ("é", "é"),
        ("re:", ""),
        ("", ""),
        ("(fwd)", ""),
        ("[[x]] y", "[[x]] y"),
    ];
    for (subject, expected) in cases {
        assert_eq!(base(subject), expected, "{subject:?}");
    }
}

#[test]
fn hostile_subjects_are_read_in_linear_time() {
    for piece in ["[a]", "[", "re:", "[fwd:", "(fwd)", "[a]re:", "re[a]"] {
        base(&piece.repeat(300_000));
    }
}

#[test]
fn replies_are_told_from_what_begins_a_thread() {
    for reply in ["Re: a", "[x] fw: a", "a (fwd)", "[Fwd: a]", "re:", "Re [x]: a"] {
        assert!(base_and_reply(reply).1, "{reply}");
    }
    for first in ["a", "[x] a", "Regarding: a", "(fwd) a", "", " a  "] {
        assert!(!base_and_reply(first).1, "{first}");
    }
}
