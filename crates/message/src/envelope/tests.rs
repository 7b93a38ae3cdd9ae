//! The envelope as IMAP wants it.

use super::*;

/// RFC 3501 §7.4.2
#[test]
fn an_envelope_holds_the_fields_as_they_are_written() {
    let envelope = Envelope::parse(Header::new(
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\
          Subject: =?utf-8?q?IMAP4rev1?=\r\n\t=?utf-8?q?_WG?=\r\nTo: imap@cac.washington.edu\r\n\
          cc: minutes@CNRI.Reston.VA.US,\r\n John Klensin <KLENSIN@MIT.EDU>\r\nIn-Reply-To: <a@b>\r\n\
          Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
    ));
    assert_eq!(
        envelope.date.as_deref(),
        Some(b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)".as_slice())
    );
    assert_eq!(
        envelope.subject.as_deref(),
        Some(b"=?utf-8?q?IMAP4rev1?=\t=?utf-8?q?_WG?=".as_slice())
    );
    assert_eq!(envelope.cc.len(), 2);
    assert_eq!(envelope.in_reply_to.as_deref(), Some(b"<a@b>".as_slice()));
    assert_eq!(
        envelope.message_id.as_deref(),
        Some(b"<B27397-0100000@cac.washington.edu>".as_slice())
    );
    assert!(envelope.sender.is_empty() && envelope.bcc.is_empty());
    // "the server sets the corresponding member of the envelope to be the same value as the from member"
    assert_eq!(envelope.sender_or_from(), envelope.from);
    assert_eq!(envelope.reply_to_or_from(), envelope.from);
}

#[test]
fn an_empty_sender_counts_as_absent() {
    let envelope = Envelope::parse(Header::new(b"From: a@b\r\nSender: \r\nReply-To: c@d\r\n\r\n"));
    assert_eq!(envelope.sender_or_from(), envelope.from);
    assert_eq!(envelope.reply_to_or_from(), parse_addresses(b"c@d"));
}

#[test]
fn repeated_lists_are_joined_and_of_other_fields_the_first_counts() {
    let envelope = Envelope::parse(Header::new(
        b"To: a@b\r\nSubject: 1\r\nTo: c@d\r\nSubject: 2\r\n\r\n",
    ));
    assert_eq!(envelope.to, parse_addresses(b"a@b, c@d"));
    assert_eq!(envelope.subject.as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_message_without_a_header_has_an_empty_envelope() {
    assert_eq!(Envelope::parse(Header::new(b"\r\n")), Envelope::default());
}
