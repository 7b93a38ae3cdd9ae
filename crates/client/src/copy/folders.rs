//! Which mailbox becomes which: special ones by what they are for (RFC 6154), the others by their names, in the target's spelling.

use std::collections::{BTreeMap, HashMap};

use super::{Folder, Options, Plan, Skipped};
use crate::error::{Cause, Error};
use crate::imap::{Client, Listed, Namespace};

/// What a mailbox is for, and how programs call such a one, in small letters, where the server does not say it.
const ROLES: [(&str, &[&str]); 5] = [
    (
        "\\Sent",
        &[
            "sent",
            "sent messages",
            "sent items",
            "sent mail",
            "已发送",
            "已发送邮件",
            "已发邮件",
        ],
    ),
    ("\\Drafts", &["drafts", "draft", "草稿箱", "草稿"]),
    (
        "\\Trash",
        &[
            "trash",
            "deleted messages",
            "deleted items",
            "已删除",
            "已删除邮件",
            "废件箱",
            "垃圾箱",
        ],
    ),
    (
        "\\Junk",
        &[
            "junk",
            "spam",
            "junk mail",
            "junk e-mail",
            "junk email",
            "bulk mail",
            "垃圾邮件",
        ],
    ),
    ("\\Archive", &["archive", "archives", "归档", "存档"]),
];

/// They show messages of other mailboxes (RFC 6154 §2, RFC 8457 §2).
const VIRTUAL: [&str; 3] = ["\\All", "\\Flagged", "\\Important"];

/// A mailbox of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// How the server calls it.
    pub name: String,
    /// The same with slashes between levels, without what all names of the account begin with.
    pub path: String,
    /// What it is for, as RFC 6154 writes it.
    pub role: Option<&'static str>,
    /// Whether the account is subscribed to it.
    pub subscribed: bool,
}

/// The mailboxes of an account that is copied from or into files.
pub struct Mailboxes(Account);

impl Mailboxes {
    /// Asks the server.
    ///
    /// # Errors
    /// When it refuses, or is gone.
    pub async fn of(client: &mut Client) -> Result<Self, Error> {
        Account::of(client).await.map(Mailboxes)
    }

    /// Those that are wanted, and why others are left out.
    ///
    /// # Errors
    /// When one is asked for that is not there, or the server is gone.
    pub async fn wanted(
        &self,
        client: &mut Client,
        options: &Options,
    ) -> Result<(Vec<Own>, Vec<(String, Skipped)>), Error> {
        let subscribed = client.list_subscribed("*").await?;
        must_be_there(&self.0, client, options)?;
        let (mut wanted, mut left) = (Vec::new(), Vec::new());
        for listed in self.0.listed.iter().filter(|listed| listed.is_selectable()) {
            let name = listed.name.text.to_string();
            match skipped(&self.0, listed, options) {
                Some(Skipped::NotWanted) => {}
                Some(why) => left.push((name, why)),
                None => wanted.push(Own {
                    path: match listed.name.is_inbox() {
                        true => "INBOX".to_owned(),
                        // A slash within a level would be another level.
                        false => self
                            .0
                            .levels(&name)
                            .iter()
                            .map(|level| level.replace('/', "_"))
                            .collect::<Vec<_>>()
                            .join("/"),
                    },
                    role: self.0.role_of(&name),
                    subscribed: subscribed.iter().any(|own| own.name.text == listed.name.text),
                    name,
                }),
            }
        }
        wanted.sort_by(|one, other| (&one.path, &one.name).cmp(&(&other.path, &other.name)));
        tell_apart(&mut wanted);
        Ok((wanted, left))
    }

    /// Where a mailbox goes that is called so elsewhere, with slashes between levels. What it is for, where that is known, goes before its name.
    #[must_use]
    pub fn place(&self, path: &str, role: Option<&str>, options: &Options) -> Folder {
        let levels: Vec<String> = path.split('/').map(str::to_owned).collect();
        let known = |role: &&str| {
            ROLES.iter().find(|(own, _)| {
                own.trim_start_matches('\\')
                    .eq_ignore_ascii_case(role.trim_start_matches('\\'))
            })
        };
        let named = || match levels.as_slice() {
            [only] => ROLES
                .iter()
                .find(|(_, names)| names.contains(&only.to_lowercase().as_str())),
            _ => None,
        };
        let role = role
            .as_ref()
            .and_then(known)
            .or_else(named)
            .map(|(role, _)| *role);
        let is_inbox = path.eq_ignore_ascii_case("INBOX");
        let to = match (&options.into, role.and_then(|role| self.0.roles.get(role))) {
            (Some(into), _) => {
                let above = self
                    .0
                    .join("", &into.split('/').map(str::to_owned).collect::<Vec<_>>());
                match is_inbox {
                    true => above,
                    false => self.0.join(&above, &levels),
                }
            }
            _ if is_inbox => "INBOX".to_owned(),
            (None, Some(known)) => known.clone(),
            (None, None) => self.0.join("", &levels),
        };
        let is_there = self.0.has(&to);
        Folder {
            from: path.to_owned(),
            is_there,
            subscribed: true,
            role: role.filter(|role| !is_there && options.into.is_none() && !self.0.roles.contains_key(role)),
            to,
        }
    }
}

/// Names that differ only in what a path cannot have get a number.
fn tell_apart(wanted: &mut [Own]) {
    let mut taken: std::collections::HashSet<String> = wanted.iter().map(|own| own.path.clone()).collect();
    let mut before = String::new();
    for own in wanted {
        let is_again = own.path == before;
        before.clone_from(&own.path);
        if is_again {
            let mut others = (2..).map(|number: u64| format!("{before}~{number}"));
            own.path = others.find(|other| !taken.contains(other)).unwrap_or_default();
            taken.insert(own.path.clone());
        }
    }
}

/// How an account spells names.
struct Account {
    listed: Vec<Listed>,
    prefix: String,
    separator: Option<char>,
    /// What the names of mailboxes begin with that are not the account's own.
    foreign: Vec<String>,
    /// The mailboxes that are for something.
    roles: HashMap<&'static str, String>,
}

impl Account {
    async fn of(client: &mut Client) -> Result<Self, Error> {
        let listed = client.list("*").await?;
        let spaces = match client.has("NAMESPACE") {
            true => client.namespaces().await?,
            false => crate::imap::Namespaces::default(),
        };
        let own = spaces.personal.first();
        let prefix = own.map_or_else(String::new, |own| own.prefix.text.to_string());
        let inbox = listed.iter().find(|listed| listed.name.is_inbox());
        let separator = own
            .and_then(|own| own.separator)
            .or_else(|| inbox.and_then(|inbox| inbox.separator))
            .or_else(|| listed.iter().find_map(|listed| listed.separator));
        let name = |space: &Namespace| space.prefix.text.to_string();
        let foreign = spaces.others.iter().chain(&spaces.shared).map(name);
        let foreign = foreign.filter(|prefix| !prefix.is_empty()).collect();
        let mut account = Account {
            listed,
            prefix,
            separator,
            foreign,
            roles: HashMap::new(),
        };
        account.roles = account.find_roles();
        Ok(account)
    }

    /// What the server says goes before what a name may mean.
    fn find_roles(&self) -> HashMap<&'static str, String> {
        let own = || self.listed.iter().filter(|listed| listed.is_selectable());
        let mut roles = HashMap::new();
        for (role, names) in ROLES {
            let said = own().find(|listed| listed.has(role));
            let named = || {
                own().find(|listed| {
                    let levels = self.levels(&listed.name.text);
                    matches!(levels.as_slice(), [only] if names.contains(&only.to_lowercase().as_str()))
                        && !ROLES.iter().any(|(other, _)| listed.has(other))
                })
            };
            if let Some(found) = said.or_else(named) {
                roles.insert(role, found.name.text.to_string());
            }
        }
        roles
    }

    fn role_of(&self, name: &str) -> Option<&'static str> {
        let found = self.roles.iter().find(|(_, own)| own.as_str() == name);
        found.map(|(role, _)| *role)
    }

    /// The levels of a name, without the prefix of the account's own names.
    fn levels(&self, name: &str) -> Vec<String> {
        let own = name
            .strip_prefix(self.prefix.as_str())
            .filter(|own| !own.is_empty());
        let own = own.unwrap_or(name);
        match self.separator {
            Some(separator) => own.split(separator).map(str::to_owned).collect(),
            None => vec![own.to_owned()],
        }
    }

    /// A name of levels; where there is only one level, they are joined with a hyphen.
    fn join(&self, above: &str, levels: &[String]) -> String {
        let separator = self.separator.map_or_else(|| "-".to_owned(), String::from);
        let clean = |level: &String| match self.separator {
            Some(separator) => level.replace(separator, "_"),
            None => level.clone(),
        };
        let levels: Vec<String> = levels.iter().map(clean).collect();
        match above {
            "" => format!("{}{}", self.prefix, levels.join(&separator)),
            above => format!("{above}{separator}{}", levels.join(&separator)),
        }
    }

    fn has(&self, name: &str) -> bool {
        let is_inbox = name.eq_ignore_ascii_case("INBOX");
        let mut there = self.listed.iter().filter(|listed| listed.is_selectable());
        there.any(|listed| *listed.name.text == *name || (is_inbox && listed.name.is_inbox()))
    }
}

/// Why a mailbox is left out.
fn skipped(account: &Account, listed: &Listed, options: &Options) -> Option<Skipped> {
    let name = &listed.name.text;
    let is_wanted = options.mailboxes.is_empty() || options.mailboxes.iter().any(|wanted| **wanted == **name);
    if !is_wanted {
        return Some(Skipped::NotWanted);
    }
    if !options.mailboxes.is_empty() {
        // Who names it wants it, whatever it is.
        return None;
    }
    if !options.virtual_ones && VIRTUAL.iter().any(|attribute| listed.has(attribute)) {
        return Some(Skipped::Virtual);
    }
    let foreign = account
        .foreign
        .iter()
        .any(|prefix| name.starts_with(prefix.as_str()));
    foreign.then_some(Skipped::Foreign)
}

fn must_be_there(account: &Account, client: &Client, options: &Options) -> Result<(), Error> {
    match options.mailboxes.iter().find(|name| !account.has(name)) {
        None => Ok(()),
        Some(missing) => Err(client.error(
            &format!("LIST {missing}"),
            Cause::Message("there is no such mailbox".into()),
        )),
    }
}

/// What is to be done between two accounts.
pub(super) async fn plan(source: &mut Client, target: &mut Client, options: &Options) -> Result<Plan, Error> {
    let from = Account::of(source).await?;
    let to = Account::of(target).await?;
    let subscribed = source.list_subscribed("*").await?;
    must_be_there(&from, source, options)?;
    let mut plan = Plan::default();
    let mut by_target: BTreeMap<String, Vec<Folder>> = BTreeMap::new();
    let mut names: Vec<&Listed> = from
        .listed
        .iter()
        .filter(|listed| listed.is_selectable())
        .collect();
    names.sort_by(|one, other| one.name.text.cmp(&other.name.text));
    for listed in names {
        match skipped(&from, listed, options) {
            Some(Skipped::NotWanted) => {}
            Some(why) => plan.skipped.push((listed.name.text.to_string(), why)),
            None => {
                let name = listed.name.text.to_string();
                let goes_to = name_at_target(&from, &to, &name, options);
                let is_there = to.has(&goes_to);
                // One mailbox for a purpose is enough.
                let role = from
                    .role_of(&name)
                    .filter(|role| !is_there && options.into.is_none() && !to.roles.contains_key(role));
                by_target.entry(goes_to.clone()).or_default().push(Folder {
                    is_there,
                    role,
                    subscribed: subscribed.iter().any(|own| own.name.text == listed.name.text),
                    from: name,
                    to: goes_to,
                });
            }
        }
    }
    plan.folders = by_target.into_values().collect();
    Ok(plan)
}

fn name_at_target(from: &Account, to: &Account, name: &str, options: &Options) -> String {
    let is_inbox = name.eq_ignore_ascii_case("INBOX");
    if let Some(into) = &options.into {
        let above = to.join("", &into.split('/').map(str::to_owned).collect::<Vec<_>>());
        return match is_inbox {
            true => above,
            false => to.join(&above, &from.levels(name)),
        };
    }
    if is_inbox {
        return "INBOX".to_owned();
    }
    // The nearest mailbox above that is for something says where those below it go.
    let levels = from.levels(name);
    for depth in (1..=levels.len()).rev() {
        let (above, below) = levels.split_at(depth);
        let Some(role) = from.role_of(&from.join("", above)) else {
            continue;
        };
        if let Some(known) = to.roles.get(role) {
            return match below {
                [] => known.clone(),
                below => to.join(known, below),
            };
        }
    }
    to.join("", &levels)
}
