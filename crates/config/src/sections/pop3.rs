//! What POP3 asks of its clients.

use std::time::Duration;

use types::Address;

use crate::kind::{ByAddress, Choice, Time};
use crate::setting::section;

/// A language of what a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `"en"`
    English,
    /// `"zh"`
    Chinese,
}

/// The longest delay between two logins: a day.
const MAX_DELAY: u64 = 24 * 60 * 60;

section! {
    Pop3, "pop3":
    "What POP3 asks of its clients.",
    "POP3 对客户端的要求。";

    login_delay: Duration = Duration::ZERO, Time(0..=MAX_DELAY), "",
    "After a login, the same account may not log in again over POP3 before so long (LOGIN-DELAY, RFC 2449).",
    "登录后，同一账户须过这么久才能再次通过 POP3 登录（LOGIN-DELAY，RFC 2449）。";

    login_delays: Vec<(Address, Duration)> = Vec::new(), ByAddress(Time(0..=MAX_DELAY)), "",
    "The same for some accounts, by their addresses; they go before `login_delay`.",
    "同上，按地址为个别账户设定，优先于 `login_delay`。";

    language: Language = Language::English, Choice(&[("en", Language::English), ("zh", Language::Chinese)]), "",
    "The language for a client that leaves the choice to the server (`LANG *`, RFC 6856). The first words are English whatever it is.",
    "客户端让服务器选择时（`LANG *`，RFC 6856）使用的语言。无论如何，最初的话是英文。";
}
