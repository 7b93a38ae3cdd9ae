"""What the scripts share: where the server is, who has accounts, how a message is fetched back."""

import email
import email.policy
import poplib
import ssl
import sys

HOST = "localhost"
OFFSET = int(sys.argv[1])
CERTIFICATE = sys.argv[2]
SMTP, SUBMISSION, SMTPS = OFFSET + 25, OFFSET + 587, OFFSET + 465
POP3, POP3S = OFFSET + 110, OFFSET + 995
IMAP, IMAPS = OFFSET + 143, OFFSET + 993
ALICE, ALICE_PASSWORD = "alice@example.org", "tin whistle"
BOB, BOB_PASSWORD = "bob@example.org", "blue door"


def trusting():
    """Trusts the server's certificate and checks its name."""
    return ssl.create_default_context(cafile=CERTIFICATE)


def newest(user, password):
    """The newest message of somebody, as bytes and parsed."""
    pop = poplib.POP3_SSL(HOST, POP3S, context=trusting())
    pop.user(user)
    pop.pass_(password)
    count, _ = pop.stat()
    _, lines, _ = pop.retr(count)
    pop.quit()
    raw = b"\r\n".join(lines) + b"\r\n"
    return raw, email.message_from_bytes(raw, policy=email.policy.default)


def refused(code, act, *arguments):
    """Asserts that something is refused, with words that begin so."""
    try:
        act(*arguments)
    except Exception as error:
        assert code in str(error), error
        return
    raise AssertionError(f"{act} was not refused")
