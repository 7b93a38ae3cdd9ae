//! `posthouse setup`: makes a server ready. What is there already is left as it is, and said.

use std::fmt::Display;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use config::{Given, Limits, Settings, commented, quoted};
use nix::unistd::{User, geteuid};
use types::{Address, Domain};

use crate::account::{PasswordFrom, add, list};
use crate::admin::Admin;
use crate::control::Request;
use crate::dns::Zone;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::serve;
use crate::unit::Unit;
use crate::words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The domain of the addresses, such as example.org.
    domain: String,
    /// The server's own name. mail.DOMAIN unless given.
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// The first account. Asked for at a terminal unless given, otherwise admin@DOMAIN.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// Reads the first account's password from standard input, up to the end of the line, instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    /// The file of settings to write.
    #[arg(long, value_name = "FILE", default_value = serve::CONFIG)]
    config: PathBuf,
    /// Where mail and accounts are to be kept.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/posthouse")]
    data: PathBuf,
    /// The user of the system that runs the server.
    #[arg(long, value_name = "NAME", default_value = "posthouse")]
    user: String,
    /// The systemd unit to write. posthouse.service beside the settings unless given.
    #[arg(long, value_name = "FILE")]
    unit: Option<PathBuf>,
    /// Prints what would be written, and writes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What is to be made.
struct Plan {
    domain: Domain,
    settings: Settings,
    /// The settings as a file.
    text: String,
    config: PathBuf,
    unit: PathBuf,
    unit_text: String,
    language: Language,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let plan = Plan::of(arguments, language)?;
    if arguments.dry_run {
        return plan.show();
    }
    let owner = owner(arguments, language)?;
    plan.write(&plan.config, &plan.text, language.pick("settings", "设置"))?;
    // The file that is there is what the server reads.
    let settings = serve::read(&plan.config, language)?;
    plan.settle(&settings, arguments).await?;
    if let Some(owner) = &owner {
        give(&settings.data, owner).map_err(|error| Exit::file(&settings.data, &error, language))?;
    }
    plan.write(
        &plan.unit,
        &plan.unit_text,
        language.pick("systemd unit", "systemd 单元"),
    )?;
    plan.say_what_is_left();
    Ok(())
}

impl Plan {
    fn of(arguments: &Arguments, language: Language) -> Result<Self, Exit> {
        let domain = domain(&arguments.domain)?;
        let hostname = match &arguments.hostname {
            Some(hostname) => self::domain(hostname)?,
            None => self::domain(&format!("mail.{domain}"))?,
        };
        let config = absolute(&arguments.config, language)?;
        let data = absolute(&arguments.data, language)?;
        let given = given(arguments, (&domain, &hostname), &data);
        let text = commented(&given, language.tongue());
        let settings =
            Settings::parse(&text).map_err(|problems| Exit::new(Code::Data, problems.to_string()))?;
        let unit = match &arguments.unit {
            Some(unit) => absolute(unit, language)?,
            None => config.with_file_name("posthouse.service"),
        };
        let program = std::env::current_exe().map_err(|error| Exit::new(Code::Io, error.to_string()))?;
        let unit_text = Unit {
            program: &program,
            config: &config,
            data: &data,
            user: &arguments.user,
            memory: u64::try_from(settings.limits.memory).unwrap_or(u64::MAX),
        }
        .print();
        Ok(Plan {
            domain,
            settings,
            text,
            config,
            unit,
            unit_text,
            language,
        })
    }

    fn records(&self) -> String {
        let zone = Zone {
            domain: &self.domain.to_ascii(),
            hostname: &self.settings.hostname.to_ascii(),
        };
        zone.print(self.language)
    }

    /// Prints everything, and does nothing.
    fn show(&self) -> Result<(), Exit> {
        let (config, unit) = (self.config.display(), self.unit.display());
        let records = self.language.pick("DNS records", "DNS 记录");
        let (text, unit_text) = (&self.text, &self.unit_text);
        let all = format!(
            "### {config}\n{text}\n### {unit}\n{unit_text}\n### {records}\n{}",
            self.records()
        );
        let printed = io::stdout().lock().write_all(all.as_bytes());
        printed.map_err(|error| Exit::new(Code::Io, error.to_string()))
    }

    /// Writes a file that is not there. It holds no secrets, and others than its owner read it.
    fn write(&self, path: &Path, text: &str, what: &str) -> Result<(), Exit> {
        let failed = |error: io::Error| Exit::file(path, &error, self.language);
        let place = path.display();
        if path.exists() {
            say(self.language.pick(
                format!("{what}: {place} is there, and is left as it is"),
                format!("{what}：{place} 已存在，保持不变"),
            ));
            return Ok(());
        }
        make_parents(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o644).open(path);
        let mut file = file.map_err(failed)?;
        file.set_permissions(Permissions::from_mode(0o644))
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        say(self.language.pick(
            format!("{what}: {place} written"),
            format!("{what}：已写入 {place}"),
        ));
        Ok(())
    }

    /// The data folder with the domain and the first account.
    async fn settle(&self, settings: &Settings, arguments: &Arguments) -> Result<(), Exit> {
        let language = self.language;
        let data = settings.data.display();
        let there = settings.data.exists();
        make_parents(&settings.data).map_err(|error| Exit::file(&settings.data, &error, language))?;
        let mut admin = Admin::of_new(&settings.data, settings, language).await?;
        say(match there {
            true => language.pick(
                format!("data folder: {data} is there"),
                format!("数据文件夹：{data} 已存在"),
            ),
            false => language.pick(
                format!("data folder: {data} made"),
                format!("数据文件夹：已创建 {data}"),
            ),
        });
        let settled = self.add_account(&mut admin, arguments).await;
        admin.end().await?;
        settled
    }

    async fn add_account(&self, admin: &mut Admin, arguments: &Arguments) -> Result<(), Exit> {
        let language = self.language;
        admin.ask(Request::AddDomain(self.domain.to_string())).await?;
        let accounts = list(admin).await?;
        if let (None, Some(first)) = (&arguments.admin, accounts.first()) {
            let (first, count) = (&first.address, accounts.len());
            say(language.pick(
                format!("accounts: {count} are there, {first} the first"),
                format!("账户：已有 {count} 个，第一个是 {first}"),
            ));
            return Ok(());
        }
        let address = match &arguments.admin {
            Some(address) => address.clone(),
            None => self.ask_address()?,
        };
        let address = Address::parse(&address)
            .map_err(|error| {
                let shown = address.escape_debug();
                let chinese = format!("{shown} 不是邮件地址：{}", words::address_chinese(error));
                Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
            })?
            .to_string();
        if accounts.iter().any(|account| account.address == address) {
            say(language.pick(
                format!("account: {address} is there"),
                format!("账户：{address} 已存在"),
            ));
            return Ok(());
        }
        let from = match arguments.password_stdin {
            true => PasswordFrom::Input,
            false => PasswordFrom::Terminal,
        };
        let entry = from.entry(&address, language)?;
        let added = add(admin, Request::Add(vec![entry])).await?;
        if let Some(refused) = added.into_iter().next().flatten() {
            return Err(refused);
        }
        say(language.pick(
            format!("account: {address} added"),
            format!("账户：已添加 {address}"),
        ));
        Ok(())
    }

    fn ask_address(&self) -> Result<String, Exit> {
        let usual = format!("admin@{}", self.domain);
        if !io::stdin().is_terminal() {
            return Ok(usual);
        }
        let failed = |error: io::Error| Exit::new(Code::NoInput, error.to_string());
        let words = self.language.pick("First account", "第一个账户");
        write!(io::stderr(), "{words} [{usual}]: ").map_err(failed)?;
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(failed)?;
        match line.trim() {
            "" => Ok(usual),
            address => Ok(address.to_owned()),
        }
    }

    fn say_what_is_left(&self) {
        let (unit, records) = (self.unit.display(), self.records());
        let config = self.config.display();
        say(self.language.pick(
            format!(
                "\nPublish these DNS records (there are no DKIM keys yet):\n\n{records}\n\
                 Put the certificate into {config}, [tls]; until then the server uses one of its own.\n\
                 Start it: posthouse serve --config {config}\n\
                 or with systemd: systemctl enable --now {unit}"
            ),
            format!(
                "\n请发布以下 DNS 记录（目前还没有 DKIM 密钥）：\n\n{records}\n\
                 请把证书写入 {config} 的 [tls]；在此之前服务器使用自签名证书。\n\
                 启动：posthouse serve --config {config}\n\
                 或用 systemd：systemctl enable --now {unit}"
            ),
        ));
    }
}

/// What the file of settings gives.
fn given<'a>(arguments: &Arguments, (domain, hostname): (&Domain, &Domain), data: &Path) -> Vec<Given<'a>> {
    let give = |section, key, value| Given { section, key, value };
    let mut given = vec![
        give("", "hostname", quoted(hostname.as_str())),
        give("", "domain", quoted(domain.as_str())),
        give("", "data", quoted(&data.to_string_lossy())),
    ];
    if geteuid().is_root() {
        given.push(give("process", "user", quoted(&arguments.user)));
    }
    // A small machine has other programs too.
    let half = total_memory() / 2;
    if half < Limits::default().memory as u64 {
        let mebibytes = (half >> 20).max(256);
        given.push(give("limits", "memory", quoted(&format!("{mebibytes} MiB"))));
    }
    given
}

/// Octets of memory of the machine.
fn total_memory() -> u64 {
    let machine = rustix::system::sysinfo();
    u64::from(machine.mem_unit).saturating_mul(machine.totalram)
}

fn domain(text: &str) -> Result<Domain, Exit> {
    Domain::check(text).map_err(|error| {
        let shown = text.escape_debug();
        let chinese = format!("{shown} 不是域名：{}", words::address_chinese(error));
        Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
    })
}

fn absolute(path: &Path, language: Language) -> Result<PathBuf, Exit> {
    std::path::absolute(path).map_err(|error| Exit::file(path, &error, language))
}

/// Whose the data folder is to be, where root makes it.
fn owner(arguments: &Arguments, language: Language) -> Result<Option<User>, Exit> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let name = &arguments.user;
    let found = User::from_name(name).ok().flatten();
    found.map(Some).ok_or_else(|| {
        let words = language.pick(
            format!(
                "there is no user {name} on this system; make one, or name another with --user:\n\
                 useradd --system --home-dir /var/lib/posthouse --shell /usr/sbin/nologin {name}"
            ),
            format!(
                "系统中没有用户 {name}；请创建，或用 --user 指定另一个：\n\
                 useradd --system --home-dir /var/lib/posthouse --shell /usr/sbin/nologin {name}"
            ),
        );
        Exit::new(Code::NoUser, words)
    })
}

/// Makes the folders above, where they are missing: everybody may go through them.
fn make_parents(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) else {
        return Ok(());
    };
    make_parents(folder)?;
    fs::create_dir(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Gives a folder and all that is in it.
fn give(path: &Path, owner: &User) -> io::Result<()> {
    chown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => give(&entry.path(), owner)?,
            kind if kind.is_symlink() => {}
            _ => chown(entry.path(), Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))?,
        }
    }
    Ok(())
}

/// A standard output that is closed is nobody's loss.
fn say(words: impl Display) {
    let _ = writeln!(io::stdout(), "{words}");
}
