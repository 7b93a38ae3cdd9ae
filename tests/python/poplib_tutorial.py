"""A tutorial of poplib: every method, over TLS from the start, over STLS, and without."""

import base64
import imaplib
import smtplib
from email.parser import Parser

from playground import *


def fill(count):
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        for number in range(count):
            text = f"From: {ALICE}\r\nSubject: message {number}\r\n\r\nline one of {number}\r\nline two\r\n.\r\n"
            server.sendmail(ALICE, [BOB], text)


def opened():
    server = poplib.POP3_SSL(HOST, POP3S)
    server.set_debuglevel(1)
    assert server.getwelcome().startswith(b"+OK")
    server.user(BOB)
    server.pass_(BOB_PASSWORD)
    return server


def every_method():
    server = opened()
    count, octets = server.stat()
    assert count == 5, count
    response, listings, _ = server.list()
    sizes = [int(line.split()[1]) for line in listings]
    assert response.startswith(b"+OK") and len(sizes) == 5 and sum(sizes) == octets
    assert int(server.list(2).split()[2]) == sizes[1]
    ids = [line.split()[1] for line in server.uidl()[1]]
    assert len(set(ids)) == 5 and server.uidl(3).split()[2] == ids[2]
    top = server.top(1, 1)[1]
    assert b"Subject: message 0" in top and top[-1] == b"line one of 0", top
    for number in range(1, 6):
        _, lines, size = server.retr(number)
        assert size == sizes[number - 1], (size, sizes)
        text = b"\r\n".join(lines).decode()
        message = Parser().parsestr(text)
        assert message["Subject"] == f"message {number - 1}"
        assert message.get_payload().replace("\r\n", "\n") == f"line one of {number - 1}\nline two\n."
    refused("-ERR", server.retr, 6)
    refused("-ERR", server.dele, 0)
    server.noop()
    server.dele(1)
    refused("-ERR", server.retr, 1)
    assert server.stat()[0] == 4
    server.rset()
    assert server.stat()[0] == 5
    server.dele(2)
    server.quit()
    return ids


def deletes_took_effect_at_quit(ids):
    server = opened()
    assert [line.split()[1] for line in server.uidl()[1]] == ids[:1] + ids[2:]
    server.dele(1)
    server.close()  # without QUIT nothing is deleted
    server = opened()
    assert server.stat()[0] == 4
    server.quit()


def only_one_session_holds_the_maildrop():
    first = opened()
    second = poplib.POP3_SSL(HOST, POP3S)
    second.user(BOB)
    refused("IN-USE", second.pass_, BOB_PASSWORD)
    first.quit()


def stls_and_capabilities():
    server = poplib.POP3(HOST, POP3)
    capabilities = server.capa()
    assert {"TOP", "UIDL", "STLS", "PIPELINING", "USER"} <= set(capabilities), capabilities
    server.stls(context=trusting())
    assert "STLS" not in server.capa()
    server.user("bob")
    server.pass_(BOB_PASSWORD)
    server.quit()


INTERNATIONAL = (
    "From: 张三 <张三@例子.中国>\r\nTo: Bob <bob@example.org>\r\nSubject: 你好，世界\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n第一行\r\n.第二行\r\n"
).encode()


def internationalised_mail():
    with imaplib.IMAP4_SSL(HOST, IMAPS, ssl_context=trusting()) as imap:
        imap.login(BOB, BOB_PASSWORD)
        # RFC 6855 §4: who does not say UTF8=ACCEPT brings no such header.
        assert imap.append("INBOX", None, None, INTERNATIONAL)[0] == "NO"
        assert imap.enable("UTF8=ACCEPT")[0] == "OK"
        assert imap.append("INBOX", None, None, INTERNATIONAL)[0] == "OK"
    old = opened()  # which does not say UTF8
    number = old.stat()[0]
    listed = int(old.list(number).split()[2])
    _, lines, octets = old.retr(number)
    raw = b"\r\n".join(lines) + b"\r\n"
    assert octets == len(raw) == listed, (octets, len(raw), listed)
    header, _, body = raw.partition(b"\r\n\r\n")
    assert header.isascii() and body == INTERNATIONAL.partition(b"\r\n\r\n")[2], raw
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == "你好，世界", message["Subject"]
    assert message["To"].addresses[0].addr_spec == BOB
    identity = old.uidl(number).split()[2]
    old.quit()
    new = poplib.POP3(HOST, POP3)
    new.stls(context=trusting())
    assert b"USER" in [word.encode() for word in new.capa()["UTF8"]]
    new.utf8()
    new.user(BOB)
    new.pass_(BOB_PASSWORD)
    _, lines, octets = new.retr(number)
    assert b"\r\n".join(lines) + b"\r\n" == INTERNATIONAL
    assert octets == len(INTERNATIONAL) == int(new.list(number).split()[2])
    assert new.uidl(number).split()[2] == identity
    new.dele(number)
    new.quit()


def sasl_in_lines():
    server = poplib.POP3_SSL(HOST, POP3S, context=trusting())
    assert "PLAIN" in server.capa()["SASL"]
    plain = base64.b64encode(f"\0{BOB}\0{BOB_PASSWORD}".encode()).decode()
    refused("-ERR", server._shortcmd, "AUTH PLAIN AGIAYg==")
    assert server._shortcmd(f"AUTH PLAIN {plain}").startswith(b"+OK")
    assert server._shortcmd("LANG zh").decode().startswith("+OK zh 语言")
    refused("没有这封邮件", lambda: decoded(server.retr, 99))
    server.quit()


def decoded(act, *arguments):
    """Does something; the words of a refusal, which poplib keeps as bytes, become text."""
    try:
        return act(*arguments)
    except poplib.error_proto as error:
        raise AssertionError(error.args[0].decode()) from error


def a_wrong_password_is_refused():
    server = poplib.POP3(HOST, POP3)
    server.user(BOB)
    refused("-ERR", server.pass_, "wrong")
    server.user("nobody@example.org")
    refused("-ERR", server.pass_, "wrong")
    server.quit()


fill(5)
ids = every_method()
deletes_took_effect_at_quit(ids)
only_one_session_holds_the_maildrop()
stls_and_capabilities()
internationalised_mail()
sasl_in_lines()
a_wrong_password_is_refused()
