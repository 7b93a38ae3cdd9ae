//! `--help` and the errors of the command line in Chinese. The English text stands beside each command and option; here
//! it is the key, and a test finds what is missing.

mod command;
mod mail;
mod mistake;

use clap::{Arg, ArgAction, Command};

use crate::language::Language;
pub(crate) use command::{Arguments, run};
pub(crate) use mistake::mistake;

/// What is said in Chinese.
const CHINESE: &[(&str, &str)] = &[
    (
        "Posthouse, a complete mail system in one program",
        "驿站：一个程序就是一套完整的邮件系统",
    ),
    (
        "The language of messages: en or zh. That of the locale unless given",
        "消息的语言：en 或 zh。不给出时取自语言环境",
    ),
    (
        "Runs a playground on this machine: no configuration, two accounts, nothing leaves loopback",
        "在本机试用：无需配置，自带两个账户，邮件不会离开本机",
    ),
    (
        "Makes a server ready: settings, data folder, first account, systemd unit, and the DNS records to publish",
        "准备一台服务器：设置文件、数据文件夹、第一个账户、systemd 单元，以及要发布的 DNS 记录",
    ),
    ("Runs a server", "运行服务器"),
    (
        "Prints every setting of a server with what it does: a file to begin with",
        "打印服务器的全部设置及其作用，可作为设置文件的起点",
    ),
    (
        "Adds, lists, changes, disables and removes accounts, of a running server or a stopped one",
        "添加、列出、修改、停用和删除账户；服务器运行或停止时都可以",
    ),
    ("Makes addresses lead to others", "别名：让地址指向其他地址"),
    (
        "Adds, lists and removes domains, and says who gets mail to names that nobody has, and how much their accounts may hold",
        "添加、列出和删除域，指定无人使用的名字的邮件由谁接收，以及其中账户的配额",
    ),
    (
        "Verifies a data folder, of a running server or a stopped one: the log, the index and its daily copy, all mail",
        "检查数据文件夹（日志、索引及其每日副本、全部邮件）；服务器运行或停止时都可以",
    ),
    (
        "Verifies a data folder, of a running server or a stopped one: the log, the index and its daily copy, all mail.\n\nSays where mail was salvaged because a part of the log was lost, and which accounts have mail and no name.",
        "检查数据文件夹（日志、索引及其每日副本、全部邮件）；服务器运行或停止时都可以。\n\n也会说明哪些邮件因日志缺失而被抢救过，以及哪些账户有邮件却没有名称",
    ),
    (
        "Writes the mail of an account into files: Maildir, mbox, .eml or zip. Example: posthouse export alice@example.org alice.zip",
        "把账户的邮件导出为文件：Maildir、mbox、.eml 或 zip。例如：posthouse export alice@example.org alice.zip",
    ),
    (
        "Writes the mail of an account into files: Maildir, mbox, .eml or zip. Example: posthouse export alice@example.org alice.zip\n\nFolders, flags, keywords and dates go along, and manifest.json says what is there. Of a running server or a stopped one.",
        "把账户的邮件导出为文件：Maildir、mbox、.eml 或 zip。例如：posthouse export alice@example.org alice.zip\n\n文件夹、标记、关键字和日期一并导出，manifest.json 是清单。服务器运行或停止时都可以",
    ),
    (
        "Where the mail goes: a new or empty folder, or a new file ending in .zip",
        "导出到哪里：新的或空的文件夹，或者以 .zip 结尾的新文件",
    ),
    (
        "How: zip for a file ending in .zip, otherwise maildir unless given",
        "格式：不给出时，以 .zip 结尾的文件为 zip，其他为 maildir",
    ),
    (
        "Checks an export instead: every message that its manifest names is there and unchanged, and nothing else is",
        "改为检查已导出的内容：清单中的每封邮件都在且未被改动，也没有多余的",
    ),
    (
        "As JSON: one object with mailboxes, messages, octets and problems (of --verify: findings)",
        "输出 JSON：一个对象，含 mailboxes、messages、octets 和 problems（--verify 时为 findings）",
    ),
    (
        "Brings mail from files into an account: an export, or a Maildir or mbox of other programs. Example: posthouse import alice@example.org ~/Maildir --into Old",
        "把文件中的邮件导入账户：导出的内容，或其他程序的 Maildir、mbox。例如：posthouse import alice@example.org ~/Maildir --into 旧邮件",
    ),
    (
        "Brings mail from files into an account: an export, or a Maildir or mbox of other programs. Example: posthouse import alice@example.org ~/Maildir --into Old\n\nWhat a folder has already is not brought again: an import can be repeated. Accounts come with `posthouse account import`.",
        "把文件中的邮件导入账户：导出的内容，或其他程序的 Maildir、mbox。例如：posthouse import alice@example.org ~/Maildir --into 旧邮件\n\n文件夹中已有的邮件不会再次导入，因此可以重复执行。导入账户本身请用 posthouse account import",
    ),
    (
        "An export, a Maildir, an mbox, a folder of these or of .eml files, a zip of .eml files, or one message",
        "导出的内容、Maildir、mbox、含有它们或 .eml 文件的文件夹、.eml 文件的 zip，或单封邮件",
    ),
    (
        "Takes it for this, and reads it as if it had no manifest",
        "按此格式读取，且不看清单",
    ),
    (
        "The folder to put it into; the inbox becomes this folder, others go below it",
        "放入哪个文件夹：收件箱成为这个文件夹，其他的放在它下面",
    ),
    (
        "As JSON: one object with imported, skipped, failed, octets, mailboxes, uidls, uidls_lost and problems",
        "输出 JSON：一个对象，含 imported、skipped、failed、octets、mailboxes、uidls、uidls_lost 和 problems",
    ),
    (
        "Brings back messages that were deleted not long ago, into their mailboxes. Example: posthouse undelete carol@example.org --since 2h",
        "恢复不久前删除的邮件，放回原来的邮箱。例如：posthouse undelete carol@example.org --since 2h",
    ),
    (
        "Only what was deleted since: 2h, 3d, 2026-11-24, or a time such as 2026-11-24T08:00 (UTC). All that is kept unless given",
        "只恢复此后删除的：2h、3d、2026-11-24，或 2026-11-24T08:00 这样的时间（UTC）。不给出时恢复所有保留的邮件",
    ),
    (
        "Lists what would be brought back, and brings nothing back",
        "只列出可以恢复的邮件，不恢复",
    ),
    (
        "As JSON: one object with messages and left; with --list an array of objects with mailbox, uid, octets, received, deleted, from and subject",
        "输出 JSON：一个对象，含 messages 和 left；加上 --list 时为对象的数组，含 mailbox、uid、octets、received、deleted、from 和 subject",
    ),
    ("The data folder", "数据文件夹"),
    (
        "Copies a data folder, of a running server or a stopped one, into DIR; again into the same DIR: only what is new. \
         Example: posthouse backup /backup/mail --data /var/lib/posthouse",
        "把数据文件夹备份到 DIR；服务器运行或停止时都可以；再次备份到同一 DIR 时只复制新增的内容。\
         例如：posthouse backup /backup/mail --data /var/lib/posthouse",
    ),
    (
        "The folder of the backup: a new or empty one, or that of an earlier backup",
        "备份的文件夹：新的、空的，或之前备份过的",
    ),
    (
        "Makes none, but reads the backup in DIR to its end and says whether it is whole",
        "不做备份，只读完 DIR 中的备份并说明它是否完好",
    ),
    (
        "Makes a data folder of a backup, or brings one account's mail back. Examples: \
         posthouse restore /backup/mail --data /var/lib/new; \
         posthouse restore /backup/mail --account carol@example.org --data /var/lib/posthouse",
        "从备份恢复出数据文件夹，或找回一个账户的邮件。例如：\
         posthouse restore /backup/mail --data /var/lib/new；\
         posthouse restore /backup/mail --account carol@example.org --data /var/lib/posthouse",
    ),
    ("The folder of the backup", "备份的文件夹"),
    (
        "Mends the data folder of a stopped server as far as that can be done, keeps what was damaged, and lists what is lost. \
         Example: posthouse repair --dry-run --data /var/lib/posthouse",
        "修复已停止的服务器的数据文件夹：修复能修复的，保留损坏的文件，列出丢失的内容。\
         例如：posthouse repair --dry-run --data /var/lib/posthouse",
    ),
    (
        "Changes nothing, and says what would be done",
        "不做任何改动，只说明会做什么",
    ),
    (
        "The data folder: a new one, or with --account that of a server, running or stopped",
        "数据文件夹：新的；加 --account 时是服务器的（运行或停止都可以）",
    ),
    (
        "Only this account, into the data folder as it is: mailboxes and messages that are missing there come back",
        "只恢复这个账户，恢复到现有的数据文件夹中：找回其中缺少的邮箱和邮件",
    ),
    (
        "With --account: puts its mailboxes below this one, and not where they were",
        "与 --account 合用：把邮箱放到这个邮箱之下，而不是原来的位置",
    ),
    (
        "Restores also a backup that is damaged, as far as it can be read. What is missing is said",
        "备份已损坏时也恢复能读出的部分，并说明缺少了什么",
    ),
    (
        "Adds an account. Example: echo secret | posthouse account add carol@example.org --password-stdin",
        "添加账户。例如：echo secret | posthouse account add carol@example.org --password-stdin",
    ),
    ("Gives an account another password", "修改账户的密码"),
    ("Lists the accounts", "列出账户"),
    (
        "As JSON: one array of objects with id, address, added (seconds since 1970) and disabled",
        "输出 JSON：对象的数组，含 id、address、added（1970 年以来的秒数）和 disabled",
    ),
    ("Removes an account and all its mail", "删除账户及其全部邮件"),
    ("Its address", "它的地址"),
    (
        "Adds the accounts of a file with lines of the form address,password. Mail comes with: posthouse import",
        "从文件添加账户，每行的形式为“地址,密码”。导入邮件请用 posthouse import",
    ),
    ("The file", "文件"),
    (
        "The passwords are hashes that another server has made: {SHA512-CRYPT}, {BLF-CRYPT}, or PHC strings of Argon2, PBKDF2 or scrypt. Each is replaced by our own when its account logs in",
        "密码是另一台服务器生成的散列值：{SHA512-CRYPT}、{BLF-CRYPT}，或 Argon2、PBKDF2、scrypt 的 PHC 字符串。账户登录时换成本服务器自己的散列值",
    ),
    (
        "Makes, lists and revokes passwords for single programs and devices. Example: posthouse account app-password carol@example.org list",
        "为单个程序或设备创建、列出和撤销密码。例如：posthouse account app-password carol@example.org list",
    ),
    (
        "Makes one and prints it, now and never again. Example: posthouse account app-password carol@example.org add phone",
        "创建一个并打印出来，只显示这一次。例如：posthouse account app-password carol@example.org add phone",
    ),
    (
        "What it is called, such as the device it is for",
        "它的名称，例如所用的设备",
    ),
    (
        "Lists them: name, when it was made, when it was last used (to the hour)",
        "列出：名称、创建时间、最近使用时间（精确到小时）",
    ),
    (
        "As JSON: one array of objects with name, created and last_used (seconds since 1970, or null)",
        "输出 JSON：对象的数组，含 name、created 和 last_used（1970 年以来的秒数，或 null）",
    ),
    (
        "Revokes one: nobody logs in with it from then on",
        "撤销一个：此后不能再用它登录",
    ),
    ("What it is called", "它的名称"),
    ("The account's address", "账户的地址"),
    (
        "Reads the password from standard input, up to the end of the line, instead of asking for it",
        "从标准输入读取密码（到行末为止），而不是询问",
    ),
    (
        "Makes an address lead to others. Example: posthouse alias set team@example.org alice@example.org bob@example.org",
        "让一个地址指向其他地址。例如：posthouse alias set team@example.org alice@example.org bob@example.org",
    ),
    (
        "The alias; its domain must be one of the server's",
        "别名；它的域必须属于本服务器",
    ),
    (
        "Who gets its mail: addresses of this server",
        "由谁接收它的邮件：本服务器的地址",
    ),
    ("Removes an alias", "删除别名"),
    ("Lists the aliases and where they lead", "列出别名及其指向"),
    (
        "As JSON: one array of objects with address and leads_to",
        "输出 JSON：对象的数组，含 address 和 leads_to",
    ),
    (
        "Lets nobody log in to an account and refuses mail for it; its mail stays, and open sessions end",
        "停用账户：不能登录，拒收邮件；已有邮件保留，打开的会话随即结束",
    ),
    ("Lets a disabled account be used again", "重新启用账户"),
    (
        "Tells how much an account holds and may hold, or changes it. Example: posthouse account quota carol@example.org --storage 2G",
        "显示或修改账户的用量与配额。例如：posthouse account quota carol@example.org --storage 2G",
    ),
    (
        "Tells how much each account of a domain may hold that has no limit of its own, and how much all of them together, or changes it. Example: posthouse domain quota example.org --storage 2G --total-storage 100G",
        "显示或修改域中没有自己配额的每个账户的配额，以及所有账户合计的配额。例如：posthouse domain quota example.org --storage 2G --total-storage 100G",
    ),
    (
        "The most octets of mail of all accounts together: a size, or none",
        "所有账户的邮件合计最多占用的字节数：大小，或 none（无限制）",
    ),
    (
        "The most messages of all accounts together: a number, or none",
        "所有账户的邮件合计最多多少封：数字，或 none（无限制）",
    ),
    (
        "The most octets of mail: 500M, 2G (K, M, G and T are powers of 1024), a number, none, or default",
        "邮件最多占用的字节数：500M、2G（K、M、G、T 为 1024 的幂）、数字、none（无限制）或 default（取自域）",
    ),
    (
        "The most messages, each copy counted: a number, none, or default",
        "最多的邮件封数（每份副本都计入）：数字、none（无限制）或 default（取自域）",
    ),
    ("No limit of either kind", "两种限制都不设"),
    (
        "As JSON: one object with storage and messages, each with used, limit (or null) and source, and the same of all accounts of the domain together",
        "输出 JSON：一个对象，含 storage 和 messages，各有 used、limit（或 null）和 source；域的合计在 together 中",
    ),
    (
        "Groups: addresses whose mail goes to all their members",
        "群组：邮件发给全体成员的地址",
    ),
    (
        "Makes a group. Example: posthouse group add all@example.org team@example.org carol@example.org",
        "创建群组。例如：posthouse group add all@example.org team@example.org carol@example.org",
    ),
    (
        "Its address; its domain must be one of the server's",
        "它的地址；它的域必须属于本服务器",
    ),
    (
        "Its members: accounts, aliases and other groups; those at other servers are kept for the day mail can be sent there",
        "它的成员：账户、别名和其他群组；其他服务器上的成员会保留，待将来可以向那里发信",
    ),
    (
        "Lists the groups with their members, or the members of one with whether mail reaches them",
        "列出群组及其成员，或一个群组的成员及其能否收到邮件",
    ),
    (
        "As JSON: one array of objects with address and leads_to, or of one group with address and reached (here, elsewhere, disabled or nobody)",
        "输出 JSON：对象的数组，含 address 和 leads_to；对单个群组含 address 和 reached（here、elsewhere、disabled 或 nobody）",
    ),
    ("Removes a group; who was in it stays", "删除群组；其成员不受影响"),
    ("The group", "群组"),
    (
        "Adds members to a group, or removes them",
        "向群组添加成员，或移除成员",
    ),
    (
        "Adds members. Example: posthouse group member add all@example.org dora@example.org",
        "添加成员。例如：posthouse group member add all@example.org dora@example.org",
    ),
    ("Their addresses", "他们的地址"),
    (
        "Removes members from the group; their accounts stay",
        "从群组移除成员；其账户不受影响",
    ),
    ("The alias", "别名"),
    ("Makes a domain one of the server's", "把一个域交给本服务器"),
    ("Its name", "它的名字"),
    ("Lists the domains", "列出域"),
    (
        "Gives a domain up that has no accounts, and its aliases and groups with it",
        "放弃一个没有账户的域及其别名和群组",
    ),
    (
        "Says who gets mail to names of a domain that nobody has; without an address nobody does",
        "指定域中无人使用的名字的邮件由谁接收；不给出地址则无人接收",
    ),
    ("The domain", "域"),
    ("An address of this server", "本服务器的地址"),
    (
        "As JSON: one object with mailboxes, messages and findings",
        "输出 JSON：一个对象，含 mailboxes、messages 和 findings",
    ),
    ("Where mail and accounts are kept", "保存邮件和账户的文件夹"),
    (
        "Added to every standard port: SMTP is 25 + N",
        "加到每个标准端口上：SMTP 为 25 + N",
    ),
    ("No accounts and no sample messages", "不创建账户和示例邮件"),
    (
        "Puts mail to other domains, whoever sends it, into the mailbox of this address",
        "把发往其他域的邮件（不论发信人）都放进这个地址的邮箱",
    ),
    (
        "The settings, in TOML. The least is one line: hostname = \"mail.example.org\"",
        "TOML 格式的设置文件。至少一行：hostname = \"mail.example.org\"",
    ),
    (
        "Where mail and accounts are kept. What the settings say unless given",
        "保存邮件和账户的文件夹。不给出时以设置文件为准",
    ),
    ("Added to every port", "加到每个端口上"),
    (
        "Reads the settings, says what is wrong with them, and does nothing else",
        "只读取设置文件并报告其中的错误",
    ),
    (
        "The domain of the addresses, such as example.org",
        "邮件地址的域，如 example.org",
    ),
    (
        "The server's own name. mail.DOMAIN unless given",
        "服务器自己的名字。不给出时为 mail.域",
    ),
    (
        "The first account. Asked for at a terminal unless given, otherwise admin@DOMAIN",
        "第一个账户。不给出时在终端询问，否则为 admin@域",
    ),
    (
        "Reads the first account's password from standard input, up to the end of the line, instead of asking for it",
        "从标准输入读取第一个账户的密码（到行末为止），而不是询问",
    ),
    ("The file of settings to write", "要写入的设置文件"),
    (
        "Where mail and accounts are to be kept",
        "用来保存邮件和账户的文件夹",
    ),
    (
        "The user of the system that runs the server",
        "运行服务器的系统用户",
    ),
    (
        "The systemd unit to write. posthouse.service beside the settings unless given",
        "要写入的 systemd 单元。不给出时为设置文件旁的 posthouse.service",
    ),
    (
        "Prints what would be written, and writes nothing",
        "只打印将要写入的内容，什么也不写",
    ),
    ("As the page of the documentation", "输出为文档页面"),
    (
        "Prints the help of a command. Example: posthouse help profile add",
        "显示某个命令的帮助。例如：posthouse help profile add",
    ),
    ("The command, and one below it", "命令，以及它下面的命令"),
    ("Prints help", "显示帮助"),
    ("Prints the version", "显示版本"),
];

/// The command line with its help in a language.
pub(crate) fn speak(command: Command, language: Language) -> Command {
    let version = Arg::new("version")
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .help("Prints the version");
    let command = command
        .disable_version_flag(true)
        .propagate_version(false)
        .arg(version);
    let command = with_help(command);
    language.pick(command.clone(), translate(command))
}

/// Ours in place of clap's, whose words cannot be changed.
fn with_help(command: Command) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help("Prints help");
    let command = command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(help);
    command.mut_subcommands(with_help)
}

/// Every text with its Chinese.
fn table() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    CHINESE.iter().chain(mail::CHINESE)
}

fn chinese(english: &str) -> String {
    let found = table().find(|(known, _)| *known == english);
    found.map_or(english, |(_, chinese)| chinese).to_owned()
}

fn translate(command: Command) -> Command {
    let about = command.get_about().map(|about| chinese(&about.to_string()));
    let mut command = command
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .help_template("{about-with-newline}\n用法：{usage}\n\n{all-args}");
    let long = command.get_long_about().map(|about| chinese(&about.to_string()));
    if let Some(about) = about {
        command = command.about(about);
    }
    if let Some(long) = long {
        command = command.long_about(long);
    }
    command.mut_args(translate_argument).mut_subcommands(translate)
}

fn translate_argument(argument: Arg) -> Arg {
    let mut help = argument
        .get_help()
        .map(|help| chinese(&help.to_string()))
        .unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_value && !defaults.is_empty() {
        help += &format!("［默认：{}］", defaults.join(" "));
    }
    let possible = argument.get_possible_values();
    let possible: Vec<&str> = possible
        .iter()
        .map(clap::builder::PossibleValue::get_name)
        .collect();
    if takes_value && !possible.is_empty() {
        help += &format!("［可选：{}］", possible.join("、"));
    }
    let heading = match argument.is_positional() {
        true => "参数",
        false => "选项",
    };
    let argument = argument.help(help).help_heading(heading);
    match takes_value {
        true => argument.hide_default_value(true).hide_possible_values(true),
        false => argument,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::Arguments;

    fn texts(command: &Command, found: &mut Vec<String>) {
        found.extend(command.get_about().map(ToString::to_string));
        found.extend(command.get_long_about().map(ToString::to_string));
        found.extend(
            command
                .get_arguments()
                .filter_map(|argument| argument.get_help().map(ToString::to_string)),
        );
        command.get_subcommands().for_each(|below| texts(below, found));
    }

    #[test]
    fn nothing_is_missing_and_nothing_is_left_over() {
        let mut found = Vec::new();
        texts(&speak(Arguments::command(), Language::English), &mut found);
        let missing = |text: &&String| table().all(|(known, _)| known != *text);
        let missing: Vec<&String> = found.iter().filter(missing).collect();
        assert!(missing.is_empty(), "no Chinese for {missing:#?}");
        for (known, _) in table() {
            assert!(found.iter().any(|text| text == known), "nobody says {known:?}");
        }
    }

    #[test]
    fn the_help_of_every_command_is_chinese() {
        fn check(command: &mut Command) {
            let help = command.render_help().to_string();
            for english in [
                "Usage",
                "Options:",
                "Arguments:",
                "Commands:",
                "[default",
                "[possible",
                "Print",
            ] {
                assert!(!help.contains(english), "{english} in\n{help}");
            }
            assert!(help.contains("用法：") && help.contains("选项"), "{help}");
            command.get_subcommands_mut().for_each(check);
        }
        let mut command = speak(Arguments::command(), Language::Chinese);
        command.build();
        check(&mut command);
    }

    #[test]
    fn mistakes_are_said_in_chinese() {
        let check = |line: &[&str], wanted: &str| {
            let command = speak(Arguments::command(), Language::Chinese);
            let error = command.try_get_matches_from(line).unwrap_err();
            let words = mistake(&error).unwrap();
            assert!(words.contains(wanted), "{line:?}: {words}");
        };
        check(&["posthouse", "fly"], "没有 fly 这个命令");
        check(&["posthouse", "serve", "--fast"], "没有 --fast 这个选项或参数");
        check(&["posthouse", "setup"], "缺少参数");
        check(&["posthouse", "local", "--port-offset", "x"], "的值 \"x\" 不对");
    }
}
