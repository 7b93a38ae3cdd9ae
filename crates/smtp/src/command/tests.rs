//! Tests of the commands: a line and what comes of it.

use super::*;
use crate::limits;

/// Parses a line and prints it again.
fn check(line: &str, wanted: Result<&str, Refusal>) {
    let got = parse(line.as_bytes());
    if let Ok((command, _)) = &got {
        let again = command.to_string();
        assert_eq!(
            parse(again.as_bytes()).map(|c| c.0).as_ref(),
            Ok(command),
            "{again:?}"
        );
    }
    let got = got.map(|(command, _)| command.to_string());
    assert_eq!(got.as_deref().map_err(|e| *e), wanted, "{line:?}");
}

/// RFC 6531 §3.3 to §3.5.
#[test]
fn addresses_outside_of_ascii() {
    check("MAIL FROM:<é@b> smtputf8", Ok("MAIL FROM:<é@b> SMTPUTF8"));
    check(
        "MAIL FROM:<张三@例子.中国> BODY=8BITMIME SMTPUTF8",
        Ok("MAIL FROM:<张三@例子.中国> BODY=8BITMIME SMTPUTF8"),
    );
    check(
        "MAIL FROM:<\"张 三\"@例子.中国> SMTPUTF8",
        Ok("MAIL FROM:<\"张 三\"@例子.中国> SMTPUTF8"),
    );
    check("MAIL FROM:<é@b>", Err(Refusal::SenderNotAscii));
    check("MAIL FROM:<a@例子.中国> SIZE=1", Err(Refusal::SenderNotAscii));
    check(
        "MAIL FROM:<a@xn--fsqu00a.xn--fiqs8s>",
        Ok("MAIL FROM:<a@xn--fsqu00a.xn--fiqs8s>"),
    );
    let value = Refusal::Syntax("SMTPUTF8");
    check("MAIL FROM:<a@b> SMTPUTF8=YES", Err(value));
    check("MAIL FROM:<a@b> SMTPUTF8=", Err(value));
    check(
        "MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8",
        Err(Refusal::Syntax("a parameter comes only once")),
    );
    check("RCPT TO:<张三@例子.中国>", Ok("RCPT TO:<张三@例子.中国>"));
    check(
        "RCPT TO:<a@xn--fsqu00a.xn--fiqs8s>",
        Ok("RCPT TO:<a@xn--fsqu00a.xn--fiqs8s>"),
    );
    check("RCPT TO:<a@b> SMTPUTF8", Err(Refusal::UnknownParameter));
    check("VRFY 张三 SMTPUTF8", Ok("VRFY postmaster"));
    let latin = parse(b"MAIL FROM:<\xe9@b> SMTPUTF8").map(|_| ());
    assert_eq!(latin, Err(Refusal::SenderSyntax));
    assert_eq!(
        parse(b"RCPT TO:<\xe9@b>").map(|_| ()),
        Err(Refusal::RecipientSyntax)
    );
}

#[test]
fn hello() {
    let wrong = Refusal::Syntax("a domain name or an address literal is wanted after hello");
    check("EHLO client.example", Ok("EHLO client.example"));
    check("ehlo [127.0.0.1]", Ok("EHLO [127.0.0.1]"));
    check("Ehlo  [IPv6:2001:db8::1] ", Ok("EHLO [IPv6:2001:db8::1]"));
    check("HELO my_pc", Ok("HELO my_pc"));
    check("LHLO x", Ok("LHLO x"));
    check("EHLO", Err(wrong));
    check("EHLO a b", Err(wrong));
    check("EHLO a(b", Err(wrong));
    check("EHLO é", Err(wrong));
    let long = |n| format!("EHLO {}", "x".repeat(n));
    check(&long(limits::CLIENT_NAME), Ok(&long(limits::CLIENT_NAME)));
    check(&long(limits::CLIENT_NAME + 1), Err(wrong));
}

#[test]
fn mail() {
    let form = Refusal::Syntax("MAIL FROM:<address> [parameters]");
    check("MAIL FROM:<a@b.example>", Ok("MAIL FROM:<a@b.example>"));
    check("mail from: <a@b>", Ok("MAIL FROM:<a@b>"));
    check("MAIL FROM:a@b SIZE=1", Ok("MAIL FROM:<a@b> SIZE=1"));
    check("MAIL FROM:<>", Ok("MAIL FROM:<>"));
    check("MAIL FROM:<@x,@y:a@b>", Ok("MAIL FROM:<a@b>"));
    check("MAIL FROM:<\"a>b\\\"\"@c>", Ok("MAIL FROM:<\"a>b\\\"\"@c>"));
    check("MAIL FROM:<a@[127.0.0.1]>", Ok("MAIL FROM:<a@[127.0.0.1]>"));
    check(
        "MAIL FROM:<a@b> size=1000 body=8bitmime AUTH=e+3Dmc2@example.com",
        Ok("MAIL FROM:<a@b> SIZE=1000 BODY=8BITMIME AUTH=e+3Dmc2@example.com"),
    );
    check(
        "MAIL FROM:<a@b> BODY=7BIT AUTH=<>",
        Ok("MAIL FROM:<a@b> BODY=7BIT AUTH=<>"),
    );
    check("MAIL", Err(form));
    check("MAIL FROM:", Err(form));
    check("MAIL TO:<a@b>", Err(form));
    check("MAIL FROM <a@b>", Err(form));
    check("MAIL FROM:<a@b", Err(Refusal::SenderSyntax));
    check("MAIL FROM:<a@b>x", Err(Refusal::SenderSyntax));
    check("MAIL FROM:<a>", Err(Refusal::SenderSyntax));
    check("MAIL FROM:<a b@c>", Err(Refusal::SenderSyntax));
    check("MAIL FROM:<a\rb@c>", Err(Refusal::SenderSyntax));
    check("MAIL FROM:<a@b> SMTPUTF8", Ok("MAIL FROM:<a@b> SMTPUTF8"));
    check("MAIL FROM:<a@b> BODY=BINARYMIME", Err(Refusal::UnknownParameter));
    check("MAIL FROM:<a@b> RET=FULL", Err(Refusal::UnknownParameter));
    check(
        "MAIL FROM:<a@b> SIZE=1 SIZE=1",
        Err(Refusal::Syntax("a parameter comes only once")),
    );
    check("MAIL FROM:<a@b> SIZE=", Err(Refusal::Syntax("SIZE=number")));
    check("MAIL FROM:<a@b> SIZE=-1", Err(Refusal::Syntax("SIZE=number")));
    check(
        "MAIL FROM:<a@b> SIZE=99999999999999999999",
        Ok("MAIL FROM:<a@b> SIZE=18446744073709551615"),
    );
    check(
        "MAIL FROM:<a@b> AUTH=a+",
        Err(Refusal::Syntax("AUTH=address or AUTH=<>")),
    );
}

#[test]
fn rcpt() {
    check("RCPT TO:<a@b>", Ok("RCPT TO:<a@b>"));
    check("rcpt to:<PostMaster>", Ok("RCPT TO:<postmaster>"));
    check("RCPT TO:<Postmaster@b>", Ok("RCPT TO:<Postmaster@b>"));
    check("RCPT TO:<@x:a@b>", Ok("RCPT TO:<a@b>"));
    check("RCPT TO:<>", Err(Refusal::RecipientSyntax));
    check("RCPT TO:<a>", Err(Refusal::RecipientSyntax));
    check("RCPT FROM:<a@b>", Err(Refusal::Syntax("RCPT TO:<address>")));
    check("RCPT TO:<a@b> NOTIFY=NEVER", Err(Refusal::UnknownParameter));
    check(
        &format!("RCPT TO:<{}@b>", "a".repeat(65)),
        Err(Refusal::RecipientSyntax),
    );
}

#[test]
fn the_others() {
    check("DATA", Ok("DATA"));
    check("DATA now", Err(Refusal::Syntax("DATA")));
    check("BDAT 10", Ok("BDAT 10"));
    check("bdat 0 last", Ok("BDAT 0 LAST"));
    check("BDAT 18446744073709551615", Ok("BDAT 18446744073709551615"));
    for wrong in [
        "BDAT",
        "BDAT x",
        "BDAT -1",
        "BDAT +1",
        "BDAT 18446744073709551616",
        "BDAT 1 FIRST",
        "BDAT 1 LAST x",
    ] {
        check(wrong, Err(Refusal::ChunkSyntax));
    }
    check("AUTH plain", Ok("AUTH plain"));
    check("AUTH PLAIN =", Ok("AUTH PLAIN ="));
    check("AUTH PLAIN AGEAYg==", Ok("AUTH PLAIN AGEAYg=="));
    check("AUTH", Err(Refusal::Syntax("AUTH mechanism [initial response]")));
    check(
        "AUTH A B C",
        Err(Refusal::Syntax("AUTH mechanism [initial response]")),
    );
    check("NOOP whatever", Ok("NOOP"));
    check("VRFY", Err(Refusal::Syntax("VRFY string")));
    check("QUIT", Ok("QUIT"));
    check("STARTTLS now", Err(Refusal::Syntax("STARTTLS")));
    for unknown in [
        "",
        " ",
        "X",
        "MAILFROM:<a@b>",
        "DATA\t",
        "GET / HTTP/1.1",
        "\0",
        "EHLOx",
    ] {
        if unknown != "DATA\t" {
            check(unknown, Err(Refusal::UnknownCommand));
        }
    }
}

#[test]
fn a_password_does_not_print() {
    let (command, _) = parse(b"AUTH PLAIN AGJvYgBzZWNyZXQ=").unwrap();
    assert_eq!(format!("{command:?}"), "Auth(Auth(PLAIN))");
}

#[test]
fn every_command_has_its_section() {
    for entry in COMMANDS {
        assert!(entry.defined.starts_with("RFC ") && entry.form.starts_with(entry.name));
    }
}
