//! What a hash of a password costs.

use crate::kind::Number;
use crate::setting::section;

section! {
    Passwords, "passwords":
    "Argon2id (RFC 9106). A higher cost makes a stolen table harder to guess and each login slower.",
    "Argon2id（RFC 9106）。代价越高，被盗的密码表越难猜，登录也越慢。";

    memory_kib: u32 = 19_456, Number(8..=(1 << 22) - 1), "",
    "Memory of a hash, in KiB.",
    "每次计算使用的内存，单位 KiB。";

    passes: u32 = 2, Number(1..=999), "",
    "Passes over it.",
    "遍数。";
}
