//! What `posthouse local` prints when it is ready: one table of addresses and logins, and a first mail.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use server::listen::{Encryption, Protocol};
use server::smtp::Port;

use crate::language::Language;
use crate::local::{PORTS, address};

/// What there is to tell.
pub(crate) struct Start<'a> {
    pub(crate) data: &'a Path,
    pub(crate) offset: u16,
    /// The ports that are listened on, with the offset.
    pub(crate) open: &'a [u16],
    /// Names whose passwords are the same.
    pub(crate) logins: &'a [&'a str],
    pub(crate) language: Language,
}

/// Prints it. A standard output that is closed is nobody's loss.
pub(crate) fn print(start: &Start<'_>) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(start.text().as_bytes()).and_then(|()| out.flush());
}

impl Start<'_> {
    fn text(&self) -> String {
        let Start { data, language, .. } = self;
        let data = data.display();
        let version = env!("CARGO_PKG_VERSION");
        let head = language.pick(
            format!("Posthouse {version} is ready. Mail is kept in {data}. Ctrl-C stops it."),
            format!("驿站 {version} 已就绪。邮件保存在 {data}。按 Ctrl-C 停止。"),
        );
        let table = self.table();
        let first = if self.logins.len() == 2 {
            self.first_mail()
        } else {
            self.first_account()
        };
        format!("{head}\n\n{table}\n\n{first}\n")
    }

    fn port(&self, port: u16) -> u16 {
        port.saturating_add(self.offset)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(
            self.language
                .pick(["For", "Address", "Encryption"], ["用途", "地址", "加密"]),
        );
        for (port, protocol, encryption) in PORTS {
            if !self.open.contains(&self.port(port)) {
                continue;
            }
            let place = format!("127.0.0.1:{}", self.port(port));
            table.add_row([
                self.purpose(protocol, encryption),
                place,
                self.encryption(encryption),
            ]);
        }
        let certificate = self.language.pick("Certificate", "证书");
        table.add_row([
            certificate.to_owned(),
            self.data.join("tls/certificate.pem").display().to_string(),
            self.language
                .pick("--ca FILE trusts it", "用 --ca 信任它")
                .to_owned(),
        ]);
        for name in self.logins {
            let (login, password) = self.language.pick(("Login", "password"), ("登录", "密码"));
            table.add_row([
                login.to_owned(),
                address(name).to_string(),
                format!("{password} {name}"),
            ]);
        }
        table
    }

    fn purpose(&self, protocol: Protocol, encryption: Encryption) -> String {
        let secure = if encryption == Encryption::AtOnce { "S" } else { "" };
        match protocol {
            Protocol::Smtp(Port::Relay) => self.language.pick("SMTP".to_owned(), "SMTP（收信）".to_owned()),
            Protocol::Smtp(Port::Submission) => self.language.pick(
                format!("SMTP{secure}, submission"),
                format!("SMTP{secure}（发信）"),
            ),
            Protocol::Smtp(Port::Lmtp) => "LMTP".to_owned(),
            Protocol::Imap => format!("IMAP{secure}"),
            Protocol::Pop3 => format!("POP3{secure}"),
        }
    }

    fn encryption(&self, encryption: Encryption) -> String {
        let words = match encryption {
            Encryption::AtOnce => "TLS",
            Encryption::Later => self.language.pick("none, or STARTTLS", "无，或 STARTTLS"),
            Encryption::Never => self.language.pick("none", "无"),
        };
        words.to_owned()
    }

    /// Sending and reading with this program, and with what every machine has.
    fn first_mail(&self) -> String {
        let (smtp, submission, pop3) = (self.port(25), self.port(587), self.port(110));
        let program = program();
        let (send, read, python) = self.language.pick(
            ("Send a first mail:", "Read it:", "The same with Python:"),
            ("发第一封信：", "收信：", "用 Python 做同样的事："),
        );
        let (subject, text) = self
            .language
            .pick(("Hello", "Hello, Bob!"), ("你好", "你好，Bob！"));
        format!(
            r#"{send}
{program} send --server 'smtp://alice:alice@127.0.0.1:{submission}?tls=none' --from alice@example.org \
    --to bob@example.org --subject {subject} --text '{text}'
{read}
{program} show --server 'pop3://bob:bob@127.0.0.1:{pop3}?tls=none' -n 0
{program} fetch --server 'pop3://bob:bob@127.0.0.1:{pop3}?tls=none' mail

{python}
python3 - <<'EOF'
import email.message, poplib, smtplib
mail = email.message.EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "alice@example.org", "bob@example.org", "{subject}"
mail.set_content("{text}\n")
with smtplib.SMTP("127.0.0.1", {smtp}) as smtp:
    smtp.login("alice", "alice")
    smtp.send_message(mail)
pop = poplib.POP3("127.0.0.1", {pop3})
pop.user("bob"), pop.pass_("bob")
print(b"\n".join(pop.retr(pop.stat()[0])[1]).decode())
EOF"#
        )
    }

    fn first_account(&self) -> String {
        let data = self.data.display();
        let words = self.language.pick("Add an account:", "添加一个账户：");
        let program = program();
        format!("{words}\n{program} account add carol@example.org --data {data}")
    }
}

/// This program as whoever started it called it, so that what is printed can be pasted into the next terminal.
fn program() -> String {
    let called = std::env::args().next();
    called
        .filter(|name| !name.contains(char::is_whitespace))
        .unwrap_or_else(|| "posthouse".to_owned())
}
