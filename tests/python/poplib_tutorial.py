"""A tutorial of poplib: every method, over TLS from the start, over STLS, and without."""

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
a_wrong_password_is_refused()
