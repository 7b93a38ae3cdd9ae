//! STORE and UID STORE (RFC 3501 §6.4.6, §6.4.8).

use imap::Refusal;
use imap::command::Store;
use imap::command::store::{Answer, StoreAction};
use imap::grammar::set::Numbering;
use imap::response::fetch::FetchLine;
use store::{KeywordAction, KeywordChange, Keywords, MessageRow, View};
use types::{ChangeNumber, Uid};

use super::connection::Connection;
use super::flags::{FlagText, bit_of, keywords};
use super::selected::Selected;
use super::stop::Stop;

/// Changes the flags of the messages that the set names, and tells them unless the client knows them.
pub(super) async fn store(
    selected: &mut Selected,
    connection: &mut Connection,
    store: Store,
) -> Result<(), Stop> {
    selected.check_writable()?;
    let before = selected.view().await?;
    let targets = selected.targets(&before, &store.messages)?;
    let uids: Vec<Uid> = targets.uids(&before);
    let change = KeywordChange {
        action: match store.action {
            StoreAction::Replace => KeywordAction::Replace,
            StoreAction::Add => KeywordAction::Add,
            StoreAction::Remove => KeywordAction::Remove,
        },
        keywords: keywords(&store.flags),
    };
    let mut some_gone = targets.some_gone;
    if !uids.is_empty() {
        let named = uids.len();
        let rows = selected
            .account()
            .set_keywords(selected.mailbox(), uids, change.clone())
            .await?;
        // Somebody may have expunged some since they were looked up.
        some_gone |= rows.len() < named && store.messages.numbering() == Numbering::Positions;
        let after = selected.view().await?;
        selected.tell_keywords(connection.out(), &after);
        match store.answer {
            Answer::Told => {
                tell(selected, connection, (&after, store.messages.numbering()), &rows).await?;
                selected.has_told(rows.iter().map(|row| (row.uid, row.change)));
            }
            Answer::Silent => {
                let known = known(selected, (&before, &after), &change, &rows);
                selected.has_told(known);
            }
        }
    }
    // RFC 2180 §4.2.1: who stores in silence does not ask for what is gone.
    match store.answer {
        Answer::Told if some_gone => Err(Refusal::ExpungeIssued.into()),
        Answer::Told | Answer::Silent => Ok(()),
    }
}

async fn tell(
    selected: &Selected,
    connection: &mut Connection,
    (view, numbering): (&View, Numbering),
    rows: &[MessageRow],
) -> Result<(), Stop> {
    let mut text = FlagText::new(view.keywords());
    for row in rows {
        let Some(in_view) = view.position(row.uid) else {
            continue;
        };
        let mut line = FetchLine::begin(connection.out(), selected.position(in_view, row.uid));
        if numbering == Numbering::Uids {
            line.uid(row.uid);
        }
        line.flags(text.print(row.keywords, selected.recent(row.uid)));
        line.end();
        connection.relieve().await?;
    }
    Ok(())
}

/// The messages whose new flags a client can work out that has not been told them: it knew what they were before, and
/// nobody else has changed them in between (RFC 3501 §6.4.6, the note about `.SILENT`).
fn known(
    selected: &Selected,
    (before, after): (&View, &View),
    change: &KeywordChange,
    rows: &[MessageRow],
) -> Vec<(Uid, ChangeNumber)> {
    let bits = bits(&change.keywords, after);
    let expected = |old: u64| match change.action {
        KeywordAction::Add => old | bits,
        KeywordAction::Remove => old & !bits,
        KeywordAction::Replace => bits,
    };
    let knows = |row: &&MessageRow| {
        let old = before.find(row.uid);
        old.is_some_and(|old| selected.knows_flags(old) && expected(old.keywords) == row.keywords)
    };
    rows.iter()
        .filter(knows)
        .map(|row| (row.uid, row.change))
        .collect()
}

fn bits(keywords: &Keywords, view: &View) -> u64 {
    let named = keywords
        .names
        .iter()
        .filter_map(|name| bit_of(name, view.keywords()));
    named.fold(keywords.system, |bits, bit| bits | bit)
}
