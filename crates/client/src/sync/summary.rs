//! What was done, and what was not.

use crate::Language;
use crate::error::Said;

/// What was done; with `dry_run`, what would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Mailboxes that both sides have.
    pub mailboxes: u64,
    /// Messages that came from the server.
    pub downloaded: u64,
    /// Messages that went to the server.
    pub uploaded: u64,
    /// Messages that were new on both sides and are the same.
    pub matched: u64,
    /// Messages deleted in the Maildir.
    pub deleted_here: u64,
    /// Messages deleted on the server.
    pub deleted_there: u64,
    /// Messages whose flags changed in the Maildir.
    pub flags_here: u64,
    /// Messages whose flags changed on the server.
    pub flags_there: u64,
    /// Folders made in the Maildir.
    pub folders_here: u64,
    /// Mailboxes made on the server.
    pub folders_there: u64,
    /// Folders deleted in the Maildir.
    pub folders_deleted_here: u64,
    /// Mailboxes deleted on the server.
    pub folders_deleted_there: u64,
    /// Changes that a sync in one direction leaves.
    pub left: u64,
    /// What was not done, and why.
    pub notes: Vec<Note>,
}

/// Something of a mailbox that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The mailbox.
    pub mailbox: String,
    /// Why.
    pub trouble: Trouble,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server refused.
    Refused(Said),
    /// More than half of the messages would be deleted.
    TooManyDeletions {
        /// So many.
        deletions: usize,
        /// Of so many.
        known: usize,
    },
    /// The server lets it be read only.
    ReadOnly,
    /// Without UIDPLUS messages are marked as deleted on the server, and stay.
    NotExpunged,
    /// Messages that were to be deleted on the server were changed there meanwhile.
    ChangedThere,
    /// A program was at work on the file of a message.
    Busy,
    /// The Maildir has it no more.
    FolderGoneHere,
    /// The server has it no more.
    FolderGoneThere,
    /// It is to be deleted, and has messages that the other side never had.
    FolderHasNew,
    /// It cannot be told from another mailbox of the same name.
    SameName,
    /// Files whose names are not in UTF-8 or have control characters.
    Unreadable {
        /// So many.
        files: usize,
    },
}

impl Note {
    /// The note in a sentence.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let mailbox = &self.mailbox;
        let (english, chinese) = match &self.trouble {
            Trouble::Refused(said) => {
                return language.pick(
                    format!("{mailbox}: the server refused: {said}"),
                    format!("{mailbox}：服务器拒绝：{said}"),
                );
            }
            Trouble::TooManyDeletions { deletions, known } => {
                return language.pick(
                    format!("{mailbox}: {deletions} of {known} messages would be deleted; nothing was. If that is right, say --force"),
                    format!("{mailbox}：将删除 {known} 封中的 {deletions} 封，因此没有删除。若确实如此，请加 --force"),
                );
            }
            Trouble::Unreadable { files } => {
                return language.pick(
                    format!("{mailbox}: files whose names cannot be read were left out: {files}"),
                    format!("{mailbox}：文件名无法读取，已略过 {files} 个文件"),
                );
            }
            Trouble::SameName => (
                "it was left out: another mailbox has the same name",
                "已略过：另有同名邮箱",
            ),
            Trouble::ReadOnly => (
                "the server lets it be read only; nothing was changed there",
                "服务器上此邮箱只读，没有更改",
            ),
            Trouble::NotExpunged => (
                "the server has no UIDPLUS: messages are marked as deleted there, and stay while others are marked too that were not deleted here",
                "服务器没有 UIDPLUS：邮件已标记为删除，但那里还有其他标记为删除的邮件，因此没有清除",
            ),
            Trouble::ChangedThere => (
                "messages that were to be deleted on the server were changed there meanwhile; the next sync decides anew",
                "服务器上待删除的邮件同时有更改，下次同步重新决定",
            ),
            Trouble::Busy => (
                "another program changed a file meanwhile; the next sync goes on with it",
                "其他程序同时更改了文件，下次同步继续处理",
            ),
            Trouble::FolderGoneHere => (
                "it is gone from the Maildir and still on the server; --delete-folders deletes it there",
                "Maildir 中已没有此邮箱，服务器上还有；加 --delete-folders 可在服务器上删除",
            ),
            Trouble::FolderGoneThere => (
                "it is gone from the server and still in the Maildir; --delete-folders deletes it here",
                "服务器上已没有此邮箱，Maildir 中还有；加 --delete-folders 可在本地删除",
            ),
            Trouble::FolderHasNew => (
                "it was not deleted: there are messages in it that the other side never had",
                "没有删除：其中有另一边从未有过的邮件",
            ),
        };
        language.pick(format!("{mailbox}: {english}"), format!("{mailbox}：{chinese}"))
    }
}
