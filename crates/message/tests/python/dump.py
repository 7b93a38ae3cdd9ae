"""What Python's email package sees of messages: a line of JSON for each, in the order of their names."""

import json
import os
import re
import sys
from email import message_from_bytes, policy


def attempt(read):
    """What is read, or the name of the error that it ends in."""
    try:
        return clean(read())
    except Exception as error:  # any of them is what this library does
        return {"error": type(error).__name__}


def clean(value):
    """Octets that were not decoded, which Python keeps as half characters, are told by U+FFFD."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [clean(one) for one in value]
    return value


def date(message):
    field = message["date"]
    if field is None or field.datetime is None:
        return None
    when = field.datetime
    if when.tzinfo is None:
        from datetime import timezone

        when = when.replace(tzinfo=timezone.utc)
    return int(when.timestamp())


def senders(message):
    field = message["from"]
    return [] if field is None else [[one.display_name, one.addr_spec] for one in field.addresses]


def part(one):
    facts = {"name": attempt(one.get_filename)}
    if one.get_content_maintype() == "text":
        facts["text"] = attempt(one.get_content)
    return facts


def facts(file, octets):
    message = message_from_bytes(octets, policy=policy.default)
    return {
        "file": file,
        "subject": attempt(lambda: None if message["subject"] is None else str(message["subject"])),
        "from": attempt(lambda: senders(message)),
        "date": attempt(lambda: date(message)),
        "parts": [part(one) for one in message.walk() if not one.is_multipart()],
    }


def main(folder):
    for group in sorted(os.listdir(folder)):
        for file in sorted(os.listdir(os.path.join(folder, group))):
            with open(os.path.join(folder, group, file), "rb") as message:
                print(json.dumps(facts(f"{group}/{file}", message.read())))


main(sys.argv[1])
