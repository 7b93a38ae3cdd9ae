//! `posthouse group`: addresses whose mail goes to their members, each of whom gets one copy.

use std::io::{self, Write as _};

use clap::Subcommand;

use crate::account::{Data, ask, print_json, written};
use crate::admin::{Admin, unexpected};
use crate::control::people::{Cursor, Groups, Leading, Member, Reached};
use crate::control::{Reply, Request};
use crate::exit::Exit;
use crate::language::Language;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a group. Example: posthouse group add all@example.org team@example.org carol@example.org
    Add {
        /// Its address; its domain must be one of the server's.
        group: String,
        /// Its members: accounts, aliases and other groups; those at other servers are kept for the day mail can be sent there.
        members: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Lists the groups with their members, or the members of one with whether mail reaches them.
    List {
        /// The group.
        group: Option<String>,
        /// As JSON: one array of objects with address and leads_to, or of one group with address and reached (here,
        /// elsewhere, disabled or nobody).
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Removes a group; who was in it stays.
    Remove {
        /// The group.
        group: String,
        #[command(flatten)]
        data: Data,
    },
    /// Adds members to a group, or removes them.
    #[command(subcommand)]
    Member(MemberCommand),
}

#[derive(Subcommand)]
pub(crate) enum MemberCommand {
    /// Adds members. Example: posthouse group member add all@example.org dora@example.org
    Add {
        /// The group.
        group: String,
        /// Their addresses.
        #[arg(required = true)]
        members: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Removes members from the group; their accounts stay.
    Remove {
        /// The group.
        group: String,
        /// Their addresses.
        #[arg(required = true)]
        members: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) async fn run(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Add { group, members, data } => {
            let added = (group.clone(), members.clone());
            let request = Request::Groups(Groups::Add { group, members });
            ask_and_warn(&data, request, added, language).await
        }
        Command::Member(MemberCommand::Add { group, members, data }) => {
            let added = (group.clone(), members.clone());
            let request = Request::Groups(Groups::AddMembers { group, members });
            ask_and_warn(&data, request, added, language).await
        }
        Command::Member(MemberCommand::Remove { group, members, data }) => {
            let request = Request::Groups(Groups::RemoveMembers { group, members });
            ask(&data, request, language).await
        }
        Command::Remove { group, data } => ask(&data, Request::Groups(Groups::Remove(group)), language).await,
        Command::List { group, json, data } => {
            let mut admin = Admin::of(data.path(), language).await?;
            let Some(group) = group else {
                let listed = leading(&mut admin, |from| Request::Groups(Groups::List(from))).await;
                admin.end().await?;
                let listed = listed?;
                return written(match json {
                    true => print_json(&listed),
                    false => print_leading(&listed, language),
                });
            };
            let listed = admin.ask(Request::Groups(Groups::Members(group))).await;
            admin.end().await?;
            let Reply::Members(members) = listed? else {
                return Err(unexpected());
            };
            written(match json {
                true => print_json(&members),
                false => print_members(&members, language),
            })
        }
    }
}

/// Asks, and says which of the addresses that mail is to go to are at other servers.
pub(crate) async fn ask_and_warn(
    data: &Data,
    request: Request,
    (address, leads_to): (String, Vec<String>),
    language: Language,
) -> Result<(), Exit> {
    let mut admin = Admin::of(data.path(), language).await?;
    let asked = admin.ask(request).await;
    let domains = admin.ask(Request::ListDomains).await;
    admin.end().await?;
    let (Reply::Done, Reply::Names(domains)) = (asked?, domains?) else {
        return Err(unexpected());
    };
    for elsewhere in leads_to.iter().filter(|to| is_elsewhere(to, &domains)) {
        let words = language.pick(
            format!(
                "{elsewhere} is at another server. Mail cannot be sent there yet, so mail to {address} is refused \
                 rather than given to some only (posthouse local keeps that of a logged-in sender in World)"
            ),
            format!(
                "{elsewhere} 在其他服务器上，目前还不能向那里发信。因此发往 {address} 的邮件会被拒绝，\
                 而不会只送给一部分人（posthouse local 会把已登录发信人的邮件留在 World 中）"
            ),
        );
        // What was asked for is done all the same.
        let _ = writeln!(io::stderr(), "posthouse: {words}");
    }
    Ok(())
}

fn is_elsewhere(address: &str, ours: &[String]) -> bool {
    let domain = address.rsplit('@').next().unwrap_or_default().to_lowercase();
    !ours.iter().any(|name| name.to_lowercase() == domain)
}

/// All aliases or groups, in the order of their names.
pub(crate) async fn leading(
    admin: &mut Admin,
    request: impl Fn(Cursor) -> Request,
) -> Result<Vec<Leading>, Exit> {
    let mut all = Vec::new();
    let mut from = None;
    loop {
        let Reply::Leading(page) = admin.ask(request(from)).await? else {
            return Err(unexpected());
        };
        all.extend(page.entries);
        from = page.next;
        if from.is_none() {
            all.sort();
            return Ok(all);
        }
    }
}

pub(crate) fn print_leading(listed: &[Leading], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    listed.iter().try_for_each(|Leading { address, leads_to }| {
        let leads_to = match leads_to.is_empty() {
            true => language.pick("nobody", "无").to_owned(),
            false => leads_to.join(" "),
        };
        writeln!(out, "{address}\t{leads_to}")
    })
}

fn print_members(members: &[Member], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    members.iter().try_for_each(|Member { address, reached }| {
        let note = match reached {
            Reached::Here => "",
            Reached::Elsewhere => language.pick("\tat another server", "\t在其他服务器上"),
            Reached::Disabled => language.pick("\tdisabled", "\t已停用"),
            Reached::Nobody => language.pick("\tnobody has the address", "\t无人使用此地址"),
        };
        writeln!(out, "{address}{note}")
    })
}
