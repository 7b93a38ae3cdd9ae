//! What the running server may do: it is not root once its ports are open, and sees no files but its own.
//!
//! Both are done before there is a second thread: what Linux takes from one thread it does not take from the others.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use config::Settings;
use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, path_beneath_rules,
};
use nix::unistd::{Gid, Group, Uid, User, geteuid, initgroups, setgid, setuid};

use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::log::Log;

/// The newest version of Landlock whose rights we name; an older kernel does what it can.
const LANDLOCK: ABI = ABI::V5;

/// Who the server becomes.
pub(crate) struct Identity {
    user: User,
    group: Gid,
}

impl Identity {
    /// Who the settings name, where there is anything to give up.
    pub(crate) fn find(settings: &Settings, language: Language) -> Result<Option<Self>, Exit> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let Some(name) = &settings.process.user else {
            let words = language.pick(
                "as root the server does not run: name a user in the settings ([process] user = \"posthouse\"),\n\
                 and make one: useradd --system --home-dir /var/lib/posthouse --shell /usr/sbin/nologin posthouse",
                "服务器不以 root 身份运行：请在设置中给出用户（[process] user = \"posthouse\"），\n\
                 并创建该用户：useradd --system --home-dir /var/lib/posthouse --shell /usr/sbin/nologin posthouse",
            );
            return Err(Exit::new(Code::Config, words));
        };
        let unknown = |what: &str, name: &str| {
            let words = language.pick(
                format!("[process] {what} = {name:?}: the system knows no such {what}"),
                format!(
                    "[process] {what} = {name:?}：系统中没有这个{}",
                    if what == "user" { "用户" } else { "组" }
                ),
            );
            Exit::new(Code::Config, words)
        };
        let user = User::from_name(name)
            .ok()
            .flatten()
            .ok_or_else(|| unknown("user", name))?;
        let group = match &settings.process.group {
            None => user.gid,
            Some(name) => {
                let group = Group::from_name(name).ok().flatten();
                group.ok_or_else(|| unknown("group", name))?.gid
            }
        };
        Ok(Some(Identity { user, group }))
    }

    /// Gives a file or folder that root has made to the server.
    pub(crate) fn own(&self, path: &Path, language: Language) -> Result<(), Exit> {
        let given = chown(path, Some(self.user.uid.as_raw()), Some(self.group.as_raw()));
        given.map_err(|error| Exit::file(path, &error, language))
    }

    /// Becomes the user, for good.
    pub(crate) fn assume(self, language: Language) -> Result<(), Exit> {
        let Identity { user, group } = self;
        if user.uid.is_root() {
            tracing::warn!("the server goes on as root, as the settings say");
            return Ok(());
        }
        let name = CString::new(user.name.as_str()).expect("the system's names hold no NUL");
        let assumed = initgroups(&name, group)
            .and_then(|()| setgid(group))
            .and_then(|()| setuid(user.uid));
        assumed.map_err(|error| {
            let words = language.pick(
                format!("root could not become {}: {error}", user.name),
                format!("无法从 root 切换到 {}：{error}", user.name),
            );
            Exit::new(Code::CannotCreate, words)
        })?;
        assert!(setuid(Uid::from_raw(0)).is_err(), "root was given up, and is not");
        tracing::info!(user = %user.name, group = group.as_raw(), "root has been given up");
        Ok(())
    }
}

/// Where the system's certificates lie, and how a name becomes an address.
const TO_REACH_OTHERS: [&str; 6] = [
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
];

/// What the server reads and writes.
struct Files {
    written: BTreeSet<PathBuf>,
    read: BTreeSet<PathBuf>,
}

impl Files {
    fn of(settings: &Settings, data: &Path, log: &Log) -> Self {
        let mut written = BTreeSet::from([data.to_owned()]);
        let folder_of = |path: &Path| path.parent().map(Path::to_owned);
        written.extend(log.path().and_then(folder_of));
        written.extend(settings.listen.lmtp_socket.as_deref().and_then(folder_of));
        // How many cores there are, and how much memory is taken.
        let mut read = BTreeSet::from(["/proc/self".into(), "/sys/fs/cgroup".into()]);
        let main = [&settings.tls.certificate, &settings.tls.key];
        let named = settings.certificates.iter();
        let named = named.flat_map(|named| [&named.certificate, &named.key]);
        let clients = settings.auth.client_certificates.as_ref();
        let keys = settings.oidc.as_ref().and_then(|oidc| oidc.keys.as_ref());
        let asking = settings
            .oidc
            .as_ref()
            .and_then(|oidc| oidc.introspection.as_ref());
        if asking.is_some() {
            read.extend(TO_REACH_OTHERS.map(PathBuf::from));
        }
        let others = clients
            .into_iter()
            .chain(keys)
            .chain(asking.map(|asking| &asking.secret));
        for file in main.into_iter().flatten().chain(named).chain(others) {
            // What renews a file puts another one beside it, and often the name is a link.
            let target = file.canonicalize().ok();
            read.extend(
                [Some(file.as_path()), target.as_deref()]
                    .into_iter()
                    .flatten()
                    .filter_map(folder_of),
            );
        }
        Files { written, read }
    }

    fn confine(&self) -> Result<RulesetStatus, RulesetError> {
        let all = AccessFs::from_all(LANDLOCK);
        let status = Ruleset::default()
            .handle_access(all)?
            .create()?
            .add_rules(path_beneath_rules(&self.written, all))?
            .add_rules(path_beneath_rules(&self.read, AccessFs::from_read(LANDLOCK)))?
            .restrict_self()?;
        Ok(status.ruleset)
    }
}

/// Keeps the process from all files but the server's own.
pub(crate) fn confine(settings: &Settings, data: &Path, log: &Log) {
    if !settings.process.landlock {
        tracing::info!("landlock: off, as the settings say");
        return;
    }
    let files = Files::of(settings, data, log);
    match files.confine() {
        Ok(RulesetStatus::FullyEnforced) => {
            tracing::info!("landlock: no files but the server's own can be opened")
        }
        Ok(RulesetStatus::PartiallyEnforced) => {
            tracing::info!(
                "landlock: no files but the server's own can be opened, as far as this kernel can tell"
            );
        }
        Ok(RulesetStatus::NotEnforced) => {
            tracing::warn!("landlock: this kernel has none, and files are not fenced off")
        }
        Err(error) => tracing::warn!(%error, "landlock: files are not fenced off"),
    }
}
