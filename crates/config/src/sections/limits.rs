//! So much and no more.

use crate::kind::{Number, Size};
use crate::setting::section;

section! {
    Limits, "limits":
    "So much and no more.",
    "上限。";

    memory: usize = 2 << 30, Size(256 << 20..=1 << 42), "",
    "The memory that the server takes at the most. Whoever wants to search or take apart a large message waits until others have done; connections, large messages and mailboxes that would need more are refused for the moment. With 256 MiB a message is taken, and read, up to 48 MiB.",
    "服务器最多使用的内存。要搜索或拆分大邮件时，先等其他人用完；超出时暂时拒绝新的连接、大邮件和大邮箱。256 MiB 时，可收取和读取的邮件最大 48 MiB。";

    connections: usize = 20_000, Number(1..=1_000_000), "",
    "Connections at a time. A smaller `memory` allows fewer.",
    "同时的连接数。`memory` 较小时会更少。";

    connections_per_address: usize = 100, Number(1..=1_000_000), "",
    "Connections from one address, or one /64 network of IPv6. Loopback has no such limit.",
    "来自同一地址（IPv6 为同一 /64 网络）的连接数。本机地址不受此限。";

    message: u64 = 50_000_000, Size(64 << 10..=(1 << 32) - 1), "",
    "The largest message.",
    "最大的邮件。";

    header: usize = 1 << 20, Size(16 << 10..=16 << 20), "",
    "The largest header of a message that comes in.",
    "收到的邮件的最大信头。";

    recipients: usize = 1000, Number(100..=100_000), "",
    "Recipients of one message that comes in.",
    "收到的一封邮件的收件人数。";

    received_fields: usize = 100, Number(100..=1000), "",
    "`Received` fields of a message: with more it is taken to go round in circles.",
    "邮件的 `Received` 字段数：超过则视为循环投递。";
}
