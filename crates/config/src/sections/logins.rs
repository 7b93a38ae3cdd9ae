//! Guessing passwords is made slow.

use std::time::Duration;

use crate::kind::{Number, Time};
use crate::setting::section;

section! {
    Logins, "logins":
    "Guessing passwords is made slow. Loopback is exempt.",
    "减慢猜测密码的速度。本机地址不受此限。";

    tries_per_name: u32 = 10, Number(1..=10_000), "",
    "Wrong passwords for one name from one address, before no more are looked at from there.",
    "同一地址对同一名字的错误密码次数，超过则不再理会。";

    tries_per_address: u32 = 100, Number(1..=1_000_000), "",
    "Wrong passwords from one address, or one /64 network of IPv6, whatever the names.",
    "同一地址（IPv6 为同一 /64 网络）的错误密码次数，不论名字。";

    tries_per_account: u32 = 100, Number(1..=1_000_000), "",
    "Wrong passwords for one name from all addresses together. Those from which its owner has logged in in the last 35 days are not held up by it.",
    "所有地址对同一名字的错误密码总次数，超过则不再理会。名字的主人在最近 35 天内登录过的地址不受此限。";

    tries_per_connection: u32 = 5, Number(1..=100), "",
    "Wrong passwords on one connection, before it is closed.",
    "同一连接的错误密码次数，超过则断开。";

    longest_delay: Duration = Duration::from_secs(8), Time(0..=60), "",
    "Answers to wrong passwords come later and later, up to so much.",
    "对错误密码的回答越来越慢，最多延迟这么久。";

    forget: Duration = Duration::from_secs(15 * 60), Time(60..=86_400), "",
    "After so long without a wrong password an address is new again.",
    "这么久没有错误密码后，重新计数。";
}
