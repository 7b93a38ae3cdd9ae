"""A tutorial of imaplib: headers before bodies, search on the server, parts, folders."""

import base64
import imaplib
import re
import smtplib
import socket
import time
from email.message import EmailMessage

from playground import *


def utf7(name):
    """A mailbox name as IMAP4rev1 writes it."""
    def coded(match):
        code = base64.b64encode(match[0].encode("utf-16-be")).rstrip(b"=").decode().replace("/", ",")
        return f"&{code}-"
    return '"' + re.sub("[^ -~]+", coded, name.replace("&", "&-")) + '"'


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def fill():
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        for subject, text in (
            ("Hello", "an ordinary letter\n"),
            ("来自驿站的问候", "今天的天气很好，马到了长安。\n"),
            ("Invoice 2026", "please pay by Friday\n"),
        ):
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = ALICE, BOB, subject
            message.set_content(text)
            if subject.startswith("Invoice"):
                message.add_attachment(b"%PDF" * 1000, maintype="application", subtype="pdf", filename="发票.pdf")
            server.send_message(message)


def logged_in():
    server = imaplib.IMAP4_SSL(HOST, IMAPS, ssl_context=trusting())
    ok(server.login(BOB, BOB_PASSWORD))
    return server


def headers_before_bodies(server):
    [count] = ok(server.select("INBOX"))
    assert count == b"3", count
    fetched = ok(server.fetch("1:*", "(FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])"))
    headers = [part[1] for part in fetched if isinstance(part, tuple)]
    subjects = [email.message_from_bytes(header, policy=email.policy.default)["Subject"] for header in headers]
    assert subjects == ["Hello", "来自驿站的问候", "Invoice 2026"], subjects
    assert all(b"\\Seen" not in part[0] for part in fetched if isinstance(part, tuple))
    envelope = ok(server.fetch("1", "(ENVELOPE BODYSTRUCTURE INTERNALDATE UID)"))[0]
    assert b'"Hello"' in envelope and b'"TEXT" "PLAIN"' in envelope.upper(), envelope


def search_on_the_server(server):
    def found(*criteria, charset=None):
        return ok(server.search(charset, *criteria))[0].split()

    assert found("ALL") == [b"1", b"2", b"3"]
    assert found("SUBJECT", "hell") == [b"1"]
    assert found("BODY", '"by Friday"') == [b"3"]
    assert found("FROM", "alice", "NOT", "TEXT", "friday") == [b"1", b"2"]
    assert found("OR", "SUBJECT", "invoice", "SUBJECT", "hello") == [b"1", b"3"]
    assert found("LARGER", "4000") == [b"3"]
    assert found("UNSEEN", "SINCE", "1-Jan-2020") == [b"1", b"2", b"3"]
    for key, word, expected in (("BODY", "长安", b"2"), ("SUBJECT", "驿站", b"2"), ("TEXT", "天气", b"2")):
        server.literal = word.encode()
        assert found(key, charset="UTF-8") == [expected], word
    server.literal = "不在".encode()
    assert found("TEXT", charset="UTF-8") == []
    refused_charset, _ = server.search("X-NO-SUCH", "ALL")
    assert refused_charset == "NO"


def partial_fetch(server):
    whole = ok(server.fetch("3", "(BODY.PEEK[])"))[0][1]
    [piece] = [part[1] for part in ok(server.fetch("3", "(BODY.PEEK[]<10.100>)")) if isinstance(part, tuple)]
    assert piece == whole[10:110]
    past = ok(server.fetch("3", "(BODY.PEEK[]<99999999.10>)"))
    assert b'""' in past[0] or past[0][1] == b"", past
    part = ok(server.fetch("3", "(BODY.PEEK[2])"))[0][1]
    assert base64.b64decode(part) == b"%PDF" * 1000
    mime = ok(server.fetch("3", "(BODY.PEEK[2.MIME])"))[0][1]
    assert email.message_from_bytes(mime, policy=email.policy.default).get_filename() == "发票.pdf"
    read = email.message_from_bytes(whole, policy=email.policy.default)
    [attached] = read.iter_attachments()
    assert attached.get_content() == b"%PDF" * 1000
    ok(server.fetch("1", "(RFC822)"))
    assert b"\\Seen" in ok(server.fetch("1", "(FLAGS)"))[0]


def hierarchies(server):
    for name in "Work", "Work/2026", "Work/2026/Q1", utf7("项目"), utf7("项目/驿站"):
        ok(server.create(name))
    names = [line.decode().rsplit(' "/" ', 1)[1] for line in ok(server.list())]
    for name in "Work/2026/Q1", utf7("项目/驿站"):
        assert name in names or name.strip('"') in names, (name, names)
    assert len([line for line in ok(server.list('""', "Work/%")) if line]) == 1
    ok(server.rename("Work", "Job"))
    names = [line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in ok(server.list('""', "Job*"))]
    assert names == ["Job", "Job/2026", "Job/2026/Q1"], names
    ok(server.rename(utf7("项目/驿站"), utf7("项目/驛站")))
    ok(server.copy("2", utf7("项目/驛站")))
    assert b"MESSAGES 1" in ok(server.status(utf7("项目/驛站"), "(MESSAGES UIDVALIDITY UIDNEXT UNSEEN)"))[0]
    ok(server.delete("Job/2026/Q1"))
    assert server.delete("Job/2026/Q1")[0] == "NO"
    assert server.copy("1", "Nowhere")[0] == "NO"
    ok(server.subscribe("Job"))
    assert any(line.endswith(b"Job") for line in ok(server.lsub()))
    ok(server.unsubscribe("Job"))


def flags_and_expunge(server):
    ok(server.store("2", "+FLAGS", r"(\Flagged $Label1)"))
    assert ok(server.search(None, "KEYWORD", "$Label1"))[0] == b"2"
    ok(server.append("INBOX", r"(\Seen)", imaplib.Time2Internaldate(time.time()), b"Subject: appended\r\n\r\nx\r\n"))
    assert ok(server.search(None, "SUBJECT", "appended"))[0] == b"4"
    ok(server.store("4", "+FLAGS.SILENT", r"(\Deleted)"))
    assert ok(server.expunge()) == [b"4"]
    assert ok(server.uid("SEARCH", "ALL"))[0] == b"1 2 3"
    ok(server.close())


def another_session_is_told(server):
    ok(server.select("INBOX"))
    server.send(b"i1 IDLE\r\n")
    assert server.readline().startswith(b"+")
    with smtplib.SMTP(HOST, SMTP) as smtp:
        smtp.login(ALICE, ALICE_PASSWORD)
        smtp.sendmail(ALICE, [BOB], "Subject: news\r\n\r\nx\r\n")
    server.sock.settimeout(10)
    assert server.readline() == b"* 4 EXISTS\r\n"
    server.send(b"DONE\r\n")
    while not (line := server.readline()).startswith(b"i1"):
        assert line.startswith(b"*"), line
    assert line.startswith(b"i1 OK"), line


def starttls_and_plain():
    server = imaplib.IMAP4(HOST, IMAP)
    assert "STARTTLS" in server.capabilities
    ok(server.starttls(trusting()))
    assert "STARTTLS" not in server.capabilities
    try:
        server.login(BOB, "wrong")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error:
        pass
    ok(server.authenticate("PLAIN", lambda _: f"\0{BOB}\0{BOB_PASSWORD}".encode()))
    ok(server.noop())
    server.logout()


fill()
server = logged_in()
headers_before_bodies(server)
search_on_the_server(server)
partial_fetch(server)
hierarchies(server)
flags_and_expunge(server)
another_session_is_told(server)
server.logout()
starttls_and_plain()
