//! A salvage at start-up: a part of the log is missing that the index needed, and what is left becomes mailboxes and messages
//! again, before anybody is served. It is said when it begins and what came of it; cut off, it is done again at the next start.

use store::Salvage;
use types::AccountId;

use crate::control::State;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::language::Language;
use crate::words;

/// Salvages what must be salvaged, if anything must.
pub(crate) async fn salvage(folder: &Folder, state: &State, language: Language) -> Result<(), Exit> {
    if !folder.disk().must_salvage() {
        return Ok(());
    }
    tracing::error!(
        "{}",
        language.pick(
            "a part of the log is missing that the index needed: mail is being salvaged from what is left",
            "缺少索引所需的一部分日志：正在从残存的部分抢救邮件",
        )
    );
    let named = state.named().await?;
    let salvage = folder.disk().salvage(&state.store, &named).await?;
    // Whoever comes next must not get the mail of somebody who is not known any more.
    if let Some(last) = salvage.accounts.last() {
        state.directory.skip_numbers(*last).await?;
    }
    report(&salvage, language);
    for id in state.without_name(salvage.accounts).await? {
        tracing::error!("{}", has_no_name(id, language));
    }
    let now = u64::try_from(server::system_clock()().0).unwrap_or(0);
    folder.disk().settle(now).await
}

fn report(salvage: &Salvage, language: Language) {
    let Salvage {
        mailboxes,
        messages,
        found,
        ..
    } = salvage;
    tracing::error!(
        "{}",
        language.pick(
            format!(
                "salvaged: {} in {}, {found} of them from their records alone; \
                 every mailbox has a new UIDVALIDITY, so mail programs will fetch it again; passwords, addresses and \
                 marks that were changed in the missing part are as they were before",
                words::messages(messages),
                words::mailboxes(mailboxes)
            ),
            format!(
                "已抢救：{mailboxes} 个邮箱中的 {messages} 封邮件，其中 {found} 封仅凭其记录找回；\
                 每个邮箱都有新的 UIDVALIDITY，邮件程序会重新下载；缺失部分中更改过的密码、地址和标记恢复为之前的状态"
            ),
        )
    );
    for (AccountId(id), error) in &salvage.failed {
        tracing::error!(
            "{}",
            language.pick(
                format!("account {id} could not be salvaged: {error}"),
                format!("账户 {id} 无法抢救：{error}"),
            )
        );
    }
}

/// That an account's name is not known any more.
pub(crate) fn has_no_name(id: u64, language: Language) -> String {
    language.pick(
        format!("account {id} has mail and no name: its row in the directory is lost; the mail is kept"),
        format!("账户 {id} 有邮件而没有名称：它在目录中的记录已丢失；邮件仍然保留"),
    )
}
