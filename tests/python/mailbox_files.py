"""Python's own Maildir and mbox: reads what `posthouse export` wrote, writes what `posthouse import` reads.

mailbox_files.py read|write FOLDER
"""

import mailbox
import os
import sys

ACT, FOLDER = sys.argv[1], sys.argv[2]
RECEIVED = 1006610401


def subject(message):
    return str(message["Subject"])


def read():
    maildir = mailbox.Maildir(os.path.join(FOLDER, "maildir"), create=False)
    found = {subject(message): message for message in maildir}
    assert sorted(found) == ["m0", "m1", "m2"], found
    assert found["m0"].get_flags() == "RS", found["m0"].get_flags()
    # The keyword is a letter, as Dovecot has it, beside P.
    assert found["m1"].get_flags() == "FPa", found["m1"].get_flags()
    assert found["m2"].get_flags() == ""
    assert sorted(maildir.list_folders()) == ["Archive", "Archive.2026", "Drafts", "Junk", "Sent", "Trash"]
    assert len(maildir.get_folder("Archive.2026")) == 1
    raw = maildir.get_bytes(next(iter(maildir.keys())))
    assert b"\r" not in raw and b"\n\nFrom there on\n" in raw, raw
    mbox = mailbox.mbox(os.path.join(FOLDER, "mbox", "INBOX.mbox"), create=False)
    found = {subject(message): message for message in mbox}
    assert sorted(found) == ["m0", "m1", "m2"], found
    assert found["m0"].get_flags() == "ROA", found["m0"].get_flags()
    assert found["m1"].get_flags() == "OF", found["m1"].get_flags()
    assert found["m1"]["X-Keywords"] == "$Forwarded"
    assert "\n>From there on\n" in found["m0"].as_string()
    assert len(mailbox.mbox(os.path.join(FOLDER, "mbox", "Archive", "2026.mbox"), create=False)) == 1
    with open(os.path.join(FOLDER, "mbox", "INBOX.mbox")) as file:
        assert file.readline().startswith("From sender@example.net ")


def text(name):
    return (
        f"Subject: {name}\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\nFrom the body\n你好\n"
    ).encode()


def write():
    maildir = mailbox.Maildir(os.path.join(FOLDER, "Maildir"))
    one = mailbox.MaildirMessage(text("one"))
    one.set_subdir("cur")
    one.set_flags("RS")
    one.set_date(RECEIVED)
    maildir.add(one)
    two = mailbox.MaildirMessage(text("two"))
    two.set_subdir("cur")
    two.set_flags("F")
    two.set_date(RECEIVED + 1)
    maildir.add(two)
    maildir.add_folder("工作").add(text("three"))
    mbox = mailbox.mbox(os.path.join(FOLDER, "old.mbox"))
    mbox.add(mailbox.mboxMessage(one))
    mbox.add(mailbox.mboxMessage(two))
    mbox.flush()


{"read": read, "write": write}[ACT]()
