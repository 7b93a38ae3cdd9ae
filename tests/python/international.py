"""Mail in many scripts: an account whose name is not ASCII gets mail, logs in everywhere, and reads it with programs that
know UTF-8 in header fields (RFC 6531, RFC 6855, RFC 6856) and with those that do not (RFC 6857)."""

import base64
import email.header
import imaplib
import poplib
import smtplib
from email.message import EmailMessage

from playground import *

ZHANG = "张三@例子.中国"
ZHANG_A_LABEL = "张三@xn--fsqu00a.xn--fiqs8s"
ZHANG_PASSWORD = "café 密码"
# The same, as another keyboard writes it.
ZHANG_PASSWORD_DECOMPOSED = "cafe\u0301\u00a0密码"
SUBJECT = "来自驿站的问候"


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def plain(user, password):
    return f"\0{user}\0{password}".encode()


def letter(sender, recipient):
    message = EmailMessage(policy=email.policy.SMTPUTF8)
    message["From"], message["To"], message["Subject"] = sender, recipient, SUBJECT
    message.set_content("今天的天气很好。\n", cte="8bit")
    return message


def sends_and_receives():
    with smtplib.SMTP(HOST, SMTP) as server:
        server.ehlo()
        assert server.has_extn("smtputf8") and server.has_extn("8bitmime")
        server.login(ALICE, ALICE_PASSWORD)
        server.send_message(letter(ALICE, ZHANG))
    # From it, under its own name: smtplib's login() is ASCII only.
    with smtplib.SMTP_SSL(HOST, SMTPS, context=trusting()) as server:
        server.ehlo()
        code, said = server.docmd("AUTH", "PLAIN " + base64.b64encode(plain(ZHANG_A_LABEL, ZHANG_PASSWORD)).decode())
        assert code == 235, said
        server.send_message(letter(ZHANG, ALICE))
        # To the alias, over its A-label, from the A-label.
        server.send_message(letter(ZHANG_A_LABEL, "客服@xn--fsqu00a.xn--fiqs8s"))
    with smtplib.LMTP(HOST, OFFSET + 24) as server:
        server.ehlo()
        assert server.has_extn("smtputf8")
        server.send_message(letter(ALICE, ZHANG))


def refusals():
    with smtplib.SMTP(HOST, SMTP) as server:
        server.ehlo()
        server.command_encoding = "utf-8"
        assert server.docmd(f"MAIL FROM:<{ZHANG}>")[0] == 550
        assert server.docmd(f"MAIL FROM:<{ALICE}>")[0] == 250
        code, said = server.docmd(f"RCPT TO:<{ZHANG}>")
        assert code == 553 and said.startswith(b"5.6.7"), said


def logged_in(user=ZHANG, password=ZHANG_PASSWORD):
    server = imaplib.IMAP4_SSL(HOST, IMAPS, ssl_context=trusting())
    ok(server.authenticate("PLAIN", lambda _: plain(user, password)))
    return server


def reads_as_it_is():
    server = logged_in()
    assert "UTF8=ACCEPT" in server.capabilities, server.capabilities
    ok(server.enable("UTF8=ACCEPT"))
    [count] = ok(server.select("INBOX"))
    assert count == b"3", count
    fetched = ok(server.fetch("1", "(RFC822.SIZE BODY.PEEK[])"))
    about, whole = fetched[0]
    assert b"RFC822.SIZE %d " % len(whole) in about, about
    trace = whole.decode()
    assert trace.startswith(f"Return-Path: <{ALICE}>\r\n"), trace
    assert "with UTF8SMTPA id" in trace and f"for <{ZHANG}>" in trace, trace
    assert f"\r\nTo: {ZHANG}\r\nSubject: {SUBJECT}\r\n" in trace, trace
    read = email.message_from_bytes(whole, policy=email.policy.default)
    assert read["Subject"] == SUBJECT and str(read["To"]) == ZHANG, read["To"]
    trace = ok(server.fetch("3", "(BODY.PEEK[HEADER])"))[0][1].decode()
    assert "with UTF8LMTP id" in trace, trace
    assert ok(server.search(None, "SUBJECT", '"驿站"'))[0].split() == [b"1", b"2", b"3"]
    assert ok(server.search(None, "FROM", '"张三"'))[0].split() == [b"2"]
    ok(server.create('"工作/项目 一"'))
    [listed] = ok(server.list('""', '"工作/*"'))
    assert listed.decode() == '(\\HasNoChildren) "/" "工作/项目 一"', listed
    ok(server.append('"工作/项目 一"', r"(\Seen)", None, letter(ZHANG, ALICE).as_bytes()))
    ok(server.copy("1", '"工作/项目 一"'))
    [status] = ok(server.status('"工作/项目 一"', "(MESSAGES)"))
    assert status.decode() == '"工作/项目 一" (MESSAGES 2)', status
    ok(server.select('"工作/项目 一"'))
    own = ok(server.fetch("1", "(BODY.PEEK[])"))[0][1]
    assert own == letter(ZHANG, ALICE).as_bytes(policy=email.policy.SMTPUTF8), own
    server.logout()


def reads_a_surrogate():
    # In another spelling of name and password.
    server = logged_in(ZHANG_A_LABEL, ZHANG_PASSWORD_DECOMPOSED)
    ok(server.select("INBOX", readonly=True))
    for number in "1", "2", "3":
        about, whole = ok(server.fetch(number, "(RFC822.SIZE BODY.PEEK[])"))[0]
        assert b"RFC822.SIZE %d " % len(whole) in about, about
        header, _, body = whole.partition(b"\r\n\r\n")
        assert header.isascii() and body.decode() == "今天的天气很好。\r\n", whole
        assert ok(server.fetch(number, "(BODY.PEEK[HEADER])"))[0][1] == header + b"\r\n\r\n"
        read = email.message_from_bytes(whole, policy=email.policy.default)
        assert read["Subject"] == SUBJECT
    envelope = ok(server.fetch("2", "(ENVELOPE BODYSTRUCTURE)"))[0]
    assert envelope.isascii() and b"=?UTF-8?B?" in envelope, envelope
    assert server.append("INBOX", None, None, letter(ZHANG, ALICE).as_bytes())[0] == "NO"
    names = ok(server.list('""', '"&XeVPXA-/*"'))
    assert names == [b'(\\HasNoChildren) "/" "&XeVPXA-/&mHl27g- &TgA-"'], names
    server.logout()


def reads_over_pop3():
    new = poplib.POP3_SSL(HOST, POP3S, context=trusting())
    new.utf8()
    new.user(ZHANG)
    new.pass_(ZHANG_PASSWORD)
    count, _ = new.stat()
    assert count == 3, count
    assert f"Subject: {SUBJECT}".encode() in new.retr(1)[1]
    new.quit()
    old = poplib.POP3_SSL(HOST, POP3S, context=trusting())
    old.user("张三@例子。中国")
    old.pass_(ZHANG_PASSWORD)
    _, lines, octets = old.retr(1)
    header = lines[: lines.index(b"")]
    assert all(line.isascii() for line in header) and octets == old.stat()[1] - sum(
        int(line.split()[1]) for line in old.list()[1][1:]
    )
    old.quit()


sends_and_receives()
refusals()
reads_as_it_is()
reads_a_surrogate()
reads_over_pop3()
