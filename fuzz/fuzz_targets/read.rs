//! Any bytes as a message that a person reads: tree, text, pages, attachments, and what Outlook packs; no panic, nothing to a
//! terminal but text, nothing that grows out of proportion.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use message::read::{Content, MAX_SHOWN, Prefer, Report, View, page, show, visible};
use message::{MAX_FILE_NAME, Message, Source, Threadable, Tnef, attachments, octets, safe_file_name, threads, tree};

fuzz_target!(|bytes: &[u8]| {
    let message = Message::parse(bytes);
    check_shown(&message);
    check_attachments(&message);
    let listed = tree(&message);
    assert_eq!(listed.0.len(), message.structure().parts().len());
    assert_text(&listed.to_string());
    check_formats(bytes);
});

fn check_shown(message: &Message<'_>) {
    for prefer in [Prefer::Text, Prefer::Page] {
        for width in [None, Some(0), Some(1), Some(40)] {
            for piece in show(message, &View { width, prefer }) {
                match piece.content {
                    Content::Text(text) | Content::Page(text) => {
                        assert_text(&text);
                        assert!(text.len() <= MAX_SHOWN + message.bytes().len() * 12 + 100);
                    }
                    Content::Report(report) => assert_text(&report.to_string()),
                    Content::Message(heading) => assert_text(&heading.subject),
                    Content::Signed(_) | Content::Encrypted(_) | Content::Attached => {}
                }
            }
        }
    }
}

fn check_attachments(message: &Message<'_>) {
    let mut taken = HashSet::new();
    for found in attachments(message) {
        let name = safe_file_name(&found.name, &mut taken);
        assert!(!name.is_empty() && name.len() <= MAX_FILE_NAME, "{name:?}");
        assert!(!name.contains(['/', '\\', ':', '\0']) && !name.starts_with(['.', '-']), "{name:?}");
        assert_text(&name);
        let pieces: Vec<_> = octets(message, found.source).collect();
        assert_eq!(pieces.iter().map(|piece| piece.len() as u64).sum::<u64>(), found.size);
        if let Source::Part(id) = found.source {
            assert_eq!(pieces.concat(), message.decoded_body(id).as_ref());
        }
    }
}

/// The same bytes, taken for what lies within messages.
fn check_formats(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for width in [None, Some(20)] {
        assert_text(&page(&text, width));
    }
    let _ = Report::parse(bytes);
    if let Some(tnef) = Tnef::parse(bytes) {
        let files: usize = tnef.files.iter().map(|file| file.octets.len()).sum();
        let texts = tnef.text.map_or(0, |text| text.len()) + tnef.page.map_or(0, |page| page.len());
        assert!(files <= bytes.len() * 40 && texts <= bytes.len() * 100 + 300);
    }
    let mut names = HashSet::new();
    let name = safe_file_name(&text, &mut names);
    assert_ne!(safe_file_name(&text, &mut names), name);
    let messages: Vec<Threadable> = text
        .lines()
        .map(|line| Threadable {
            id: line.split(' ').next().map(str::to_owned),
            references: line.split(' ').skip(1).map(str::to_owned).collect(),
            subject: line.to_owned(),
            sent: 0,
        })
        .collect();
    let count = messages.len();
    let placed: HashSet<usize> = threads(messages).into_iter().filter_map(|place| place.message).collect();
    assert_eq!(placed.len(), count);
}

fn assert_text(text: &str) {
    assert_eq!(visible(text), text);
}
