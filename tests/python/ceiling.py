"""Many clients that want large messages at once: nobody makes the server take more than its setting, everybody is answered
or refused in words, and somebody else is served all along.

ceiling.py IMAPS POP3S LMTP PID MIB
"""

import imaplib
import poplib
import smtplib
import ssl
import sys
import threading
import time

IMAPS, POP3S, LMTP, PID, MIB = (int(word) for word in sys.argv[1:6])
PASSWORD = "tin whistle"
DOMAIN = "example.org"
USERS = [f"user{number}@{DOMAIN}" for number in range(8)]
ROUNDS = 2
poplib._MAXLINE = 1 << 20

context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def memory(what):
    with open(f"/proc/{PID}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines[what].split()[0]) // 1024


def large(subject, size, text):
    """A message with an attachment; `text` is its first part."""
    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n"
    return (
        b"From: Sender <sender@example.net>\r\nSubject: " + subject.encode() + b"\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + text + b"\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + line * (size // len(line))
        + b"--b--\r\n"
    )


def imap(user):
    client = imaplib.IMAP4_SSL("127.0.0.1", IMAPS, ssl_context=context, timeout=120)
    client.login(user, PASSWORD)
    client.select("INBOX", readonly=True)
    return client


answered, refused, wrong = [0], [], []


def imap_says(kind, data):
    if kind == "OK":
        answered[0] += 1
    elif kind == "NO" and (b"[UNAVAILABLE]" in data[0] or b"[LIMIT]" in data[0]):
        refused.append(data[0])
    else:
        wrong.append((kind, data))


def fetch(user):
    client = imap(user)
    for _ in range(ROUNDS):
        kind, data = client.fetch("1:*", "(UID BODY.PEEK[1] BODY.PEEK[2.MIME])")
        imap_says(kind, data)
        if kind == "OK":
            assert any(b"the needle" in piece for item in data if isinstance(item, tuple) for piece in item), data
    client.logout()


def search(user):
    client = imap(user)
    for _ in range(ROUNDS):
        kind, data = client.search(None, "BODY", "needle")
        imap_says(kind, data)
        if kind == "OK":
            assert data == [b"1 2 3"], data
    client.logout()


def retrieve(user):
    client = poplib.POP3_SSL("127.0.0.1", POP3S, context=context, timeout=120)
    client.user(user)
    client.pass_(PASSWORD)
    for number in (2, 3, 2):
        try:
            _, lines, _ = client.top(number, 20) if number == 2 else client.retr(number)
            answered[0] += 1
            header = lines[: lines.index(b"")]
            assert all(line.isascii() for line in header), header
            assert b"the needle" in lines, number
        except poplib.error_proto as error:
            if b"-ERR [SYS/TEMP] " in error.args[0]:
                refused.append(error.args[0])
            else:
                wrong.append(error)
    client.quit()


def deaf(user):
    """Asks for all of it and reads nothing."""
    client = imap(user)
    client.send(b"x FETCH 1:* (BODY.PEEK[2] BODY.PEEK[])\r\n")
    over.wait()


over = threading.Event()
slowest = [0.0]


def another():
    client = imap(USERS[-1])
    while not over.is_set():
        begun = time.monotonic()
        assert client.noop()[0] == "OK"
        assert client.fetch("4", "(ENVELOPE BODY.PEEK[])")[0] == "OK"
        slowest[0] = max(slowest[0], time.monotonic() - begun)
        time.sleep(0.01)


def guarded(work, *words):
    def run():
        try:
            work(*words)
        except Exception as error:  # said at the end, with all others
            wrong.append((work.__name__, repr(error)))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def deliver(message):
    """To everybody at once: LMTP has a reply for each (RFC 2033 §4.2)."""
    with smtplib.LMTP("127.0.0.1", LMTP) as lmtp:
        lmtp.ehlo()
        assert lmtp.mail("sender@example.net")[0] == 250
        for user in USERS:
            assert lmtp.rcpt(user)[0] == 250
        assert lmtp.docmd("DATA")[0] == 354
        lmtp.send(message + b".\r\n")
        for _ in USERS:
            code, words = lmtp.getreply()
            assert code == 250, words


def main():
    print("before", memory("VmHWM"))
    text = b"the needle"
    deliver(large("large", 40 << 20, text))
    deliver(large("国际化邮件", 32 << 20, text))
    deliver(large("国际化邮件二", 8 << 20, text))
    deliver(b"Subject: small\r\n\r\nsmall\r\n")
    print("delivered", memory("VmHWM"))
    other = guarded(another)
    for user in USERS[:4]:
        guarded(deaf, user)
    work = [guarded(task, user) for user in USERS for task in (fetch, search, retrieve)]
    for thread in work:
        thread.join()
    over.set()
    other.join()
    peak = memory("VmHWM")
    print(f"peak {peak} MiB of {MIB}; {answered[0]} answered, {len(refused)} refused; another waited {slowest[0]:.2f} s")
    assert not wrong, wrong[:5]
    assert answered[0] > 0
    assert peak < MIB, f"{peak} MiB are more than {MIB}"
    assert slowest[0] < 10, slowest


main()
