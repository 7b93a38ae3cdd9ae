"""A tutorial of smtplib, as its reader types it; each message is read back."""

import smtplib
import ssl
from email.header import Header
from email.message import EmailMessage
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr

from playground import *

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def plain_text_on_port_25_with_login():
    message = MIMEText("hello, send by Python...", "plain", "utf-8")
    server = smtplib.SMTP(HOST, SMTP)
    server.set_debuglevel(1)
    server.login(ALICE, ALICE_PASSWORD)
    assert server.sendmail(ALICE, [BOB], message.as_string()) == {}
    server.quit()
    _, read = newest(BOB, BOB_PASSWORD)
    assert read.get_content().rstrip() == "hello, send by Python...", read


def chinese_subject_and_display_names():
    message = MIMEText("你好，用 Python 发的邮件。\n第二行。", "plain", "utf-8")
    message["From"] = formataddr((Header("Python 爱好者", "utf-8").encode(), ALICE))
    message["To"] = formataddr((Header("管理员", "utf-8").encode(), BOB))
    message["Subject"] = Header("来自 SMTP 的问候……", "utf-8").encode()
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login("alice", ALICE_PASSWORD)
        server.sendmail(ALICE, [BOB], message.as_string())
    _, read = newest(BOB, BOB_PASSWORD)
    assert read["Subject"] == "来自 SMTP 的问候……", read["Subject"]
    assert read["From"].addresses[0].display_name == "Python 爱好者"
    assert read["To"].addresses[0].display_name == "管理员"
    assert read.get_content().rstrip() == "你好，用 Python 发的邮件。\n第二行。"


def html_with_starttls_on_587():
    html = '<html><body><h1>Hello</h1><p>send by <a href="http://www.python.org">Python</a>…</p></body></html>'
    message = MIMEText(html, "html", "utf-8")
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "HTML"
    server = smtplib.SMTP(HOST, SUBMISSION)
    server.starttls(context=trusting())
    server.set_debuglevel(1)
    server.login(ALICE, ALICE_PASSWORD)
    server.sendmail(ALICE, [BOB], message.as_string())
    server.quit()
    _, read = newest(BOB, BOB_PASSWORD)
    assert read.get_content_type() == "text/html" and read.get_content().rstrip() == html


def starttls_as_the_reader_types_it():
    server = smtplib.SMTP(HOST, SUBMISSION)
    server.ehlo()
    server.starttls()
    server.ehlo()
    server.login(ALICE, ALICE_PASSWORD)
    server.sendmail(ALICE, [BOB], "Subject: default context\n\nno context was given\n")
    server.quit()


def to_cc_and_bcc():
    message = EmailMessage()
    message["From"] = ALICE
    message["To"] = BOB
    message["Cc"] = "carol@example.org"
    message["Bcc"] = "dave@example.org"
    message["Subject"] = "everybody"
    message.set_content("to all\n")
    with smtplib.SMTP_SSL(HOST, SMTPS, context=trusting()) as server:
        server.login(ALICE, ALICE_PASSWORD)
        assert server.send_message(message) == {}
    ids = set()
    for user, password in (BOB, BOB_PASSWORD), ("carol@example.org", "carol"), ("dave@example.org", "dave"):
        raw, read = newest(user, password)
        assert read["Subject"] == "everybody" and read["Cc"] == "carol@example.org", user
        assert b"dave@example.org" not in raw, "who was hidden is seen"
        ids.add(read.get_content())
    assert ids == {"to all\n"} or ids == {"to all\r\n"}, ids


def attachment_with_content_id():
    message = MIMEMultipart()
    message["From"], message["To"] = ALICE, BOB
    message["Subject"] = Header("附件", "utf-8").encode()
    message.attach(MIMEText("send with file...", "plain", "utf-8"))
    picture = MIMEImage(PICTURE, "png")
    picture.add_header("Content-Disposition", "attachment", filename=("utf-8", "", "测试.png"))
    picture.add_header("Content-ID", "<0>")
    picture.add_header("X-Attachment-Id", "0")
    message.attach(picture)
    with smtplib.SMTP_SSL(HOST, SMTPS) as server:
        server.login(ALICE, ALICE_PASSWORD)
        server.sendmail(ALICE, [BOB], message.as_string())
    _, read = newest(BOB, BOB_PASSWORD)
    [attached] = read.iter_attachments()
    assert attached.get_filename() == "测试.png" and attached["Content-ID"] == "<0>"
    assert attached.get_content() == PICTURE


def inline_picture():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "inline"
    message.set_content('<html><body><img src="cid:picture"></body></html>', subtype="html")
    message.add_related(PICTURE, "image", "png", cid="<picture>")
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        server.send_message(message)
    _, read = newest(BOB, BOB_PASSWORD)
    assert read.get_content_type() == "multipart/related"
    html, picture = read.iter_parts()
    assert "cid:picture" in html.get_content() and picture.get_content() == PICTURE


def alternative():
    message = MIMEMultipart("alternative")
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "both"
    message.attach(MIMEText("hello", "plain", "utf-8"))
    message.attach(MIMEText("<html><body><h1>Hello</h1></body></html>", "html", "utf-8"))
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        server.sendmail(ALICE, [BOB], message.as_string())
    _, read = newest(BOB, BOB_PASSWORD)
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert read.get_body(("html",)).get_content().rstrip().endswith("</html>")


def what_was_sent_comes_back_byte_for_byte():
    sent = "Subject: bytes\r\nFrom: alice@example.org\r\n\r\n.dot\r\n..two\r\n\r\n \t blanks \r\n中文 8-bit\r\n".encode()
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        server.sendmail(ALICE, [BOB], sent, mail_options=["BODY=8BITMIME"])
    raw, read = newest(BOB, BOB_PASSWORD)
    assert raw.endswith(sent.split(b"\r\n", 2)[2]) and sent in raw or sent.split(b"\r\n\r\n", 1)[1] in raw, raw
    assert raw.index(b"Return-Path: <alice@example.org>") == 0, raw
    assert read["Received"] is not None


def what_must_not_be_is_refused():
    with smtplib.SMTP(HOST, SMTP) as server:
        refused("535", server.login, ALICE, "wrong")
    with smtplib.SMTP(HOST, SMTP) as server:
        refused("550", server.sendmail, "x@example.net", ["nobody@example.org"], "Subject: x\n\nx\n")
    with smtplib.SMTP(HOST, SMTP) as server:
        refused("55", server.sendmail, "x@example.net", ["somebody@elsewhere.example"], "Subject: x\n\nx\n")
    with smtplib.SMTP(HOST, SUBMISSION) as server:
        refused("530", server.sendmail, ALICE, [BOB], "Subject: x\n\nx\n")
    bad = ssl.create_default_context()
    refused("CERTIFICATE_VERIFY_FAILED", lambda: smtplib.SMTP_SSL(HOST, SMTPS, context=bad))


def some_of_many_recipients_are_refused():
    with smtplib.SMTP(HOST, SMTP) as server:
        server.login(ALICE, ALICE_PASSWORD)
        refusals = server.sendmail(ALICE, [BOB, "nobody@example.org"], "Subject: partly\n\nx\n")
    assert list(refusals) == ["nobody@example.org"], refusals
    assert newest(BOB, BOB_PASSWORD)[1]["Subject"] == "partly"


plain_text_on_port_25_with_login()
chinese_subject_and_display_names()
html_with_starttls_on_587()
starttls_as_the_reader_types_it()
to_cc_and_bcc()
attachment_with_content_id()
inline_picture()
alternative()
what_was_sent_comes_back_byte_for_byte()
what_must_not_be_is_refused()
some_of_many_recipients_are_refused()
