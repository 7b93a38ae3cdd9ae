//! `posthouse account`: adds, lists, changes and removes accounts.

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::admin::{Admin, unexpected};
use crate::control::people::About;
use crate::control::{Entry, Listed, Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::{app_password, quota};

/// Accounts that are imported in one transaction.
pub(crate) const CHUNK: usize = 256;

/// Refused lines of an import that are printed.
const MAX_PRINTED: usize = 20;

/// Where the data lies.
#[derive(clap::Args)]
pub(crate) struct Data {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
}

impl Data {
    /// The data folder.
    pub(crate) fn path(&self) -> &Path {
        &self.data
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds an account. Example: echo secret | posthouse account add carol@example.org --password-stdin
    Add(WithPassword),
    /// Gives an account another password.
    Password(WithPassword),
    /// Lets nobody log in to an account and refuses mail for it; its mail stays, and open sessions end.
    Disable {
        /// Its address.
        address: String,
        #[command(flatten)]
        data: Data,
    },
    /// Lets a disabled account be used again.
    Enable {
        /// Its address.
        address: String,
        #[command(flatten)]
        data: Data,
    },
    /// Tells how much an account holds and may hold, or changes it. Example: posthouse account quota carol@example.org
    /// --storage 2G
    Quota {
        /// The account's address.
        address: String,
        #[command(flatten)]
        limits: quota::Limits,
    },
    /// Lists the accounts.
    List {
        /// As JSON: one array of objects with id, address, added (seconds since 1970) and disabled.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Removes an account and all its mail.
    Remove {
        /// Its address.
        address: String,
        #[command(flatten)]
        data: Data,
    },
    /// Adds the accounts of a file with lines of the form address,password. Mail comes with: posthouse import
    Import {
        /// The file.
        file: PathBuf,
        /// The passwords are hashes that another server has made: {SHA512-CRYPT}, {BLF-CRYPT}, or PHC strings of
        /// Argon2, PBKDF2 or scrypt. Each is replaced by our own when its account logs in.
        #[arg(long)]
        hashed: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Makes, lists and revokes passwords for single programs and devices. Example: posthouse account app-password
    /// carol@example.org list
    AppPassword {
        /// The account's address.
        address: String,
        #[command(subcommand)]
        command: app_password::Command,
    },
}

/// What the second column of an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Passwords,
    Hashes,
}

#[derive(clap::Args)]
pub(crate) struct WithPassword {
    /// The account's address.
    address: String,
    /// Reads the password from standard input, up to the end of the line, instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data: Data,
}

pub(crate) async fn run(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Add(arguments) => {
            let entry = arguments.entry(language)?;
            let mut admin = Admin::of(&arguments.data.data, language).await?;
            let added = add(&mut admin, Request::Add(vec![entry])).await?;
            admin.end().await?;
            added.into_iter().next().flatten().map_or(Ok(()), Err)
        }
        Command::Password(arguments) => {
            let entry = arguments.entry(language)?;
            ask(&arguments.data, Request::Password(entry), language).await
        }
        Command::Remove { address, data } => ask(&data, Request::Remove(address), language).await,
        Command::Disable { address, data } => ask(&data, Request::Disable(address), language).await,
        Command::Enable { address, data } => ask(&data, Request::Enable(address), language).await,
        Command::Quota { address, limits } => quota::run(About::Account(address), limits, language).await,
        Command::List { json, data } => {
            let mut admin = Admin::of(&data.data, language).await?;
            let accounts = list(&mut admin).await?;
            admin.end().await?;
            written(match json {
                true => print_json(&accounts),
                false => print(&accounts, language),
            })
        }
        Command::Import { file, hashed, data } => {
            let column = if hashed { Column::Hashes } else { Column::Passwords };
            import(&file, column, &data, language).await
        }
        Command::AppPassword { address, command } => app_password::run(address, command, language).await,
    }
}

/// Asks for what is answered with nothing.
pub(crate) async fn ask(data: &Data, request: Request, language: Language) -> Result<(), Exit> {
    let mut admin = Admin::of(&data.data, language).await?;
    let asked = admin.ask(request).await;
    admin.end().await?;
    match asked? {
        Reply::Done => Ok(()),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn add(admin: &mut Admin, request: Request) -> Result<Vec<Option<Exit>>, Exit> {
    match admin.ask(request).await? {
        Reply::Outcomes(outcomes) => Ok(outcomes
            .into_iter()
            .map(|refused| refused.map(Exit::from))
            .collect()),
        _ => Err(unexpected()),
    }
}

/// All accounts.
pub(crate) async fn list(admin: &mut Admin) -> Result<Vec<Listed>, Exit> {
    let mut accounts: Vec<Listed> = Vec::new();
    loop {
        let after = accounts.last().map_or(0, |account| account.id);
        match admin.ask(Request::List(after)).await? {
            Reply::Accounts(page) if page.is_empty() => return Ok(accounts),
            Reply::Accounts(page) => accounts.extend(page),
            _ => return Err(unexpected()),
        }
    }
}

fn print(accounts: &[Listed], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    accounts.iter().try_for_each(|account| {
        let note = match account.disabled {
            true => language.pick("\tdisabled", "\t已停用"),
            false => "",
        };
        writeln!(out, "{}{note}", account.address)
    })
}

/// Whoever reads may have read enough.
pub(crate) fn written(printed: io::Result<()>) -> Result<(), Exit> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| Exit::new(Code::Io, error.to_string())),
    }
}

/// Something as JSON, on standard output.
pub(crate) fn print_json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordFrom {
    /// The first line of standard input.
    Input,
    /// Whoever sits at the terminal.
    Terminal,
}

impl PasswordFrom {
    /// The password for an address.
    pub(crate) fn entry(self, address: &str, language: Language) -> Result<Entry, Exit> {
        let password = match self {
            PasswordFrom::Input => read_password(),
            PasswordFrom::Terminal => ask_password(address, language),
        };
        let password = password.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Exit::not_utf8(language.pick("the password", "密码"), language),
            _ => Exit::new(Code::NoInput, error.to_string()),
        })?;
        let address = address.to_owned();
        Ok(Entry { address, password })
    }
}

impl WithPassword {
    fn entry(&self, language: Language) -> Result<Entry, Exit> {
        let from = match self.password_stdin {
            true => PasswordFrom::Input,
            false => PasswordFrom::Terminal,
        };
        from.entry(&self.address, language)
    }
}

/// The first line of standard input.
fn read_password() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// Asks at the terminal, without echo.
fn ask_password(address: &str, language: Language) -> io::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let words = language.pick(
            "no terminal to ask for the password at; use --password-stdin",
            "没有终端可以询问密码；请用 --password-stdin",
        );
        return Err(io::Error::other(words));
    }
    write!(
        io::stderr(),
        "{}",
        language.pick(format!("Password of {address}: "), format!("{address} 的密码："))
    )?;
    read_hidden()
}

/// A line from the terminal that is not shown while it is typed.
pub(crate) fn read_hidden() -> io::Result<String> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let password = read_password();
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    writeln!(io::stderr())?;
    password
}

/// A line of an import, with its number.
type Numbered = (usize, Entry);

async fn import(file: &Path, column: Column, data: &Data, language: Language) -> Result<(), Exit> {
    let bytes = std::fs::read(file).map_err(|error| Exit::file(file, &error, language))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
        let file = file.display();
        let place = language.pick(format!("{file}: line {line}"), format!("{file}：第 {line} 行"));
        Exit::not_utf8(&place, language)
    })?;
    let (entries, mut refused) = parse(&text, language);
    let total = entries.len();
    let mut admin = Admin::of(&data.data, language).await?;
    let progress = progress(total);
    let mut waiting = entries.into_iter();
    let mut added = 0;
    loop {
        let (numbers, chunk): (Vec<_>, Vec<_>) = waiting.by_ref().take(CHUNK).unzip();
        if chunk.is_empty() {
            break;
        }
        progress.inc(u64::try_from(chunk.len()).unwrap_or(0));
        let request = match column {
            Column::Passwords => Request::Add(chunk),
            Column::Hashes => Request::Import(chunk),
        };
        for (number, outcome) in numbers.into_iter().zip(add(&mut admin, request).await?) {
            match outcome {
                None => added += 1,
                Some(exit) => refused.push((number, exit.said(language).to_owned())),
            }
        }
    }
    progress.finish_and_clear();
    admin.end().await?;
    let words = language.pick(
        match added {
            1 => "1 account added".to_owned(),
            added => format!("{added} accounts added"),
        },
        format!("已添加 {added} 个账户"),
    );
    // The code says it too.
    let _ = writeln!(io::stderr(), "{words}");
    match refused.is_empty() {
        true => Ok(()),
        false => Err(not_all(refused, language)),
    }
}

fn progress(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len}  {per_sec}  {eta}");
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(0));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn not_all(mut refused: Vec<(usize, String)>, language: Language) -> Exit {
    refused.sort();
    let count = refused.len();
    let mut words = language.pick(
        match count {
            1 => "1 line was refused:".to_owned(),
            count => format!("{count} lines were refused:"),
        },
        format!("{count} 行被拒绝："),
    );
    for (number, why) in refused.iter().take(MAX_PRINTED) {
        words += &language.pick(
            format!("\n  line {number}: {why}"),
            format!("\n  第 {number} 行：{why}"),
        );
    }
    if count > MAX_PRINTED {
        words += "\n  …";
    }
    Exit::new(Code::Data, words)
}

/// The accounts of a file, and the lines that hold none.
fn parse(text: &str, language: Language) -> (Vec<Numbered>, Vec<(usize, String)>) {
    let mut entries = Vec::new();
    let mut refused = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || (number == 1 && line.trim().eq_ignore_ascii_case("address,password")) {
            continue;
        }
        match parse_line(line) {
            Some(entry) => entries.push((number, entry)),
            None => refused.push((
                number,
                language
                    .pick("not of the form address,password", "不是“地址,密码”的形式")
                    .to_owned(),
            )),
        }
    }
    (entries, refused)
}

/// RFC 4180 §2, as far as two fields need it. A password without quotes may hold commas.
fn parse_line(line: &str) -> Option<Entry> {
    let (address, password) = match line.strip_prefix('"') {
        // An address with quotes of its own: `"""a b""@example.org",secret`.
        Some(rest) => rest.split_once("\",")?,
        None => line.split_once(',')?,
    };
    let unquoted = password.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(Entry {
        address: address.trim().replace("\"\"", "\""),
        password: unquoted.map_or_else(|| password.to_owned(), |inner| inner.replace("\"\"", "\"")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_import() {
        let check = |line: &str, wanted: Option<(&str, &str)>| {
            let got = parse_line(line);
            let got = got.as_ref().map(|entry| (&*entry.address, &*entry.password));
            assert_eq!(got, wanted, "{line}");
        };
        check("a@example.org,secret", Some(("a@example.org", "secret")));
        check("a@example.org,a,b", Some(("a@example.org", "a,b")));
        check("a@example.org,\"a,\"\"b\"", Some(("a@example.org", "a,\"b")));
        check("\"a@example.org\",x", Some(("a@example.org", "x")));
        check(
            "\"\"\"a b\"\"@example.org\",x",
            Some(("\"a b\"@example.org", "x")),
        );
        check("a@example.org", None);
    }

    #[test]
    fn a_file_may_have_a_head_and_empty_lines() {
        let (entries, refused) = parse(
            "\u{feff}address,password\r\na@b,c\r\n\r\nd\r\n",
            Language::English,
        );
        assert_eq!(
            entries
                .iter()
                .map(|(n, e)| (*n, &*e.address, &*e.password))
                .collect::<Vec<_>>(),
            [(2, "a@b", "c")]
        );
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, 4);
    }
}
