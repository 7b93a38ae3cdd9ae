//! How long somebody is waited for.

use std::time::Duration;

use crate::kind::Time;
use crate::setting::section;

const MINUTE: u64 = 60;

section! {
    Timeouts, "timeouts":
    "How long somebody is waited for.",
    "等待多久。";

    smtp: Duration = Duration::from_secs(5 * MINUTE), Time(10..=3600), "",
    "For the next command of an SMTP client. RFC 5321 asks for 5 minutes.",
    "SMTP 客户端的下一条命令。RFC 5321 要求 5 分钟。";

    imap: Duration = Duration::from_secs(31 * MINUTE), Time(30 * MINUTE..=86_400), "",
    "For an IMAP client that has logged in. RFC 3501 asks for 30 minutes at least.",
    "已登录的 IMAP 客户端。RFC 3501 要求至少 30 分钟。";

    pop3: Duration = Duration::from_secs(10 * MINUTE), Time(10 * MINUTE..=86_400), "",
    "For the next command of a POP3 client. RFC 1939 asks for 10 minutes at least.",
    "POP3 客户端的下一条命令。RFC 1939 要求至少 10 分钟。";

    imap_login: Duration = Duration::from_secs(3 * MINUTE), Time(10..=3600), "",
    "From the greeting to the login of an IMAP client, whatever it says meanwhile.",
    "IMAP 客户端从问候到登录的时间。";

    handshake: Duration = Duration::from_secs(MINUTE), Time(5..=600), "",
    "For a TLS handshake.",
    "TLS 握手。";

    write: Duration = Duration::from_secs(5 * MINUTE), Time(10..=3600), "",
    "For a client to read what is sent to it.",
    "客户端读取发给它的内容。";

    stop: Duration = Duration::from_secs(10), Time(0..=600), "",
    "For sessions to finish what they are doing when the server stops.",
    "服务器停止时，等待会话完成手头的事。";
}
