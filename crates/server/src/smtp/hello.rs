//! EHLO, HELO and LHLO, and the commands that change nothing: HELP, VRFY, EXPN, NOOP.

use smtp::command::COMMANDS;
use smtp::ehlo::{self, Offer};
use smtp::reply::Enhanced;
use smtp::state::Session;
use smtp::{Dialect, Hello, Refusal, Reply};

use sasl::Mechanism;

use super::connection::Connection;
use super::policy::Port;

impl Connection {
    /// Takes a greeting; it ends a transaction (RFC 5321 §4.1.4).
    pub(super) fn hello(&mut self, hello: Hello) -> Result<Reply, Refusal> {
        // RFC 2033 §4.1: LHLO and EHLO never on the same port.
        if (hello.dialect == Dialect::Lmtp) != (self.policy.port == Port::Lmtp) {
            return Err(Refusal::WrongHello);
        }
        // RFC 6531 §3.7.1: A-labels.
        let host = self.site.host.to_ascii();
        let reply = match hello.dialect {
            Dialect::Smtp => Reply::plain(250, host.into_owned()),
            Dialect::Esmtp | Dialect::Lmtp => ehlo::announce(&host, &self.offer()),
        };
        self.state = Session::Ready(hello);
        Ok(reply)
    }

    fn offer(&self) -> Offer {
        let login_possible = self.login.is_none() && self.policy.check_login().is_ok();
        let mechanisms = match login_possible {
            true => {
                let mechanisms = self.site.authority.mechanisms(&self.lines.channel());
                mechanisms.into_iter().map(Mechanism::name).collect()
            }
            false => Vec::new(),
        };
        Offer {
            size: self.site.message_limit,
            starttls: self.check_starttls().is_ok(),
            mechanisms,
        }
    }
}

/// The answer to HELP: every command with its form.
pub(super) fn help() -> Reply {
    let mut text = String::from("Commands:");
    for entry in COMMANDS {
        text.push_str("\n  ");
        text.push_str(entry.form);
    }
    Reply::worded(214, Enhanced(2, 0, 0), &text)
}
