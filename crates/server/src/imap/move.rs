//! MOVE and UID MOVE (RFC 6851).

use imap::command::Move;
use imap::response::status::{Code, untagged_ok};

use super::connection::Connection;
use super::copy::{named, no_target, target};
use super::selected::Selected;
use super::stop::Stop;

/// Moves the messages that the set names, in uid order, all or none. Where they went is told before they are told to
/// be gone (RFC 6851 §4.3), which is done after this.
pub(super) async fn r#move(
    selected: &mut Selected,
    connection: &mut Connection,
    r#move: &Move,
) -> Result<(), Stop> {
    selected.check_writable()?;
    let named = named(selected, &r#move.messages).await?;
    let target = target(selected.account(), &r#move.target)?;
    if named.uids().is_empty() {
        return Ok(());
    }
    let moved = selected
        .account()
        .move_messages(selected.mailbox(), named, target)
        .await;
    let copied = moved.map_err(no_target)?.copied;
    if !copied.to.is_empty() {
        let code = Code::CopyUid(copied.validity, &copied.from, &copied.to);
        untagged_ok(connection.out(), code, "moved");
    }
    Ok(())
}
