//! What a setting may be: how it is read from TOML, how it is printed, and how that is said to a person.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use types::{Address, Domain};

use crate::Words;

/// A kind of setting.
pub(crate) trait Kind {
    /// What it becomes.
    type Value;

    /// Reads it; says what it must be where it is something else.
    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Words>;

    /// Prints it as TOML; nothing where there is no value.
    fn print(&self, value: &Self::Value) -> Option<String>;

    /// What it may be, after the words "must be".
    fn form(&self) -> Words;

    /// What is wrong with a value that is something else.
    fn wrong(&self) -> Words {
        let form = self.form();
        Words::new(
            format!("must be {}", form.english),
            format!("必须是{}", form.chinese),
        )
    }
}

/// What need not be given.
pub(crate) struct Optional<K>(pub(crate) K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Words> {
        self.0.read(value).map(Some)
    }

    fn print(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(|value| self.0.print(value))
    }

    fn form(&self) -> Words {
        self.0.form()
    }
}

/// A list in brackets.
pub(crate) struct List<K>(pub(crate) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Words> {
        let array = value.as_array().ok_or_else(|| self.wrong())?;
        array.iter().map(|value| self.0.read(value.get_ref())).collect()
    }

    fn print(&self, value: &Self::Value) -> Option<String> {
        let printed: Vec<_> = value.iter().filter_map(|value| self.0.print(value)).collect();
        Some(format!("[{}]", printed.join(", ")))
    }

    fn form(&self) -> Words {
        let form = self.0.form();
        Words::new(
            format!("a list in brackets; each {}", form.english),
            format!("方括号中的列表，每一项是{}", form.chinese),
        )
    }
}

/// A whole number.
pub(crate) struct Number<T>(pub(crate) RangeInclusive<T>);

impl<T: TryFrom<u64> + PartialOrd + Display> Kind for Number<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>) -> Result<T, Words> {
        whole(value)
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| self.0.contains(number))
            .ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &T) -> Option<String> {
        Some(value.to_string())
    }

    fn form(&self) -> Words {
        let (least, most) = (self.0.start(), self.0.end());
        Words::new(
            format!("a whole number from {least} to {most}"),
            format!(" {least} 到 {most} 之间的整数"),
        )
    }
}

/// Octets: a number, or a text with a unit.
pub(crate) struct Size<T>(pub(crate) RangeInclusive<T>);

/// Units of octets, largest first.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];

impl<T: TryFrom<u64> + PartialOrd + Display> Kind for Size<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>) -> Result<T, Words> {
        let octets = whole(value).or_else(|| with_unit(value.as_str()?, &SIZES));
        octets
            .and_then(|octets| T::try_from(octets).ok())
            .filter(|octets| self.0.contains(octets))
            .ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &T) -> Option<String> {
        Some(format!("\"{}\"", in_units(value, &SIZES, " ")))
    }

    fn form(&self) -> Words {
        let [least, most] = [self.0.start(), self.0.end()].map(|size| in_units(size, &SIZES, " "));
        Words::new(
            format!("a size from {least} to {most}, such as \"50 MB\", or a number of octets"),
            format!(" {least} 到 {most} 的大小，如 \"50 MB\"，或字节数"),
        )
    }
}

/// A length of time: a number of seconds, or a text with a unit.
pub(crate) struct Time(pub(crate) RangeInclusive<u64>);

/// Units of time, largest first.
const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl Kind for Time {
    type Value = Duration;

    fn read(&self, value: &DeValue<'_>) -> Result<Duration, Words> {
        let seconds = whole(value).or_else(|| with_unit(value.as_str()?, &TIMES));
        seconds
            .filter(|seconds| self.0.contains(seconds))
            .map(Duration::from_secs)
            .ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &Duration) -> Option<String> {
        Some(format!("\"{}\"", in_units(&value.as_secs(), &TIMES, "")))
    }

    fn form(&self) -> Words {
        let [least, most] = [self.0.start(), self.0.end()].map(|time| in_units(time, &TIMES, ""));
        Words::new(
            format!("a time from {least} to {most}, such as \"5m\" (s, m, h, d), or a number of seconds"),
            format!(" {least} 到 {most} 的时间，如 \"5m\"（s 秒、m 分、h 时、d 天），或秒数"),
        )
    }
}

/// Yes or no.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, value: &DeValue<'_>) -> Result<bool, Words> {
        value.as_bool().ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }

    fn form(&self) -> Words {
        Words::new("true or false", " true 或 false")
    }
}

/// One of some words.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>) -> Result<T, Words> {
        let word = value.as_str();
        let found = self.0.iter().find(|(name, _)| Some(*name) == word);
        found.map(|(_, value)| *value).ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &T) -> Option<String> {
        let found = self.0.iter().find(|(_, known)| known == value);
        found.map(|(name, _)| format!("\"{name}\""))
    }

    fn form(&self) -> Words {
        let words: Vec<_> = self.0.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        Words::new(words.join(" or "), format!(" {}", words.join(" 或 ")))
    }
}

/// A domain's name.
pub(crate) struct DomainName;

impl Kind for DomainName {
    type Value = Domain;

    fn read(&self, value: &DeValue<'_>) -> Result<Domain, Words> {
        let text = value.as_str().ok_or_else(|| self.wrong())?;
        Domain::check(text).map_err(|error| Words::new(error.to_string(), format!("必须是域名（{error}）")))
    }

    fn print(&self, value: &Domain) -> Option<String> {
        Some(quoted(value.as_str()))
    }

    fn form(&self) -> Words {
        Words::new("a domain, such as \"example.org\"", "域名，如 \"example.org\"")
    }
}

/// A file, a folder or a socket.
pub(crate) struct Path;

impl Kind for Path {
    type Value = PathBuf;

    fn read(&self, value: &DeValue<'_>) -> Result<PathBuf, Words> {
        let text = value.as_str().filter(|path| !path.is_empty());
        text.map(PathBuf::from).ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &PathBuf) -> Option<String> {
        Some(quoted(&value.to_string_lossy()))
    }

    fn form(&self) -> Words {
        Words::new("a path in quotes", "引号中的路径")
    }
}

/// A text that is not empty.
pub(crate) struct Text;

impl Kind for Text {
    type Value = String;

    fn read(&self, value: &DeValue<'_>) -> Result<String, Words> {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn form(&self) -> Words {
        Words::new("a text in quotes", "引号中的文本")
    }
}

/// Where something secret may be sent: over TLS, or to this machine.
pub(crate) struct SafeUrl;

impl Kind for SafeUrl {
    type Value = String;

    fn read(&self, value: &DeValue<'_>) -> Result<String, Words> {
        let is_safe = |url: &&str| match url.split_once("://") {
            Some(("https", rest)) => !rest.is_empty() && !rest.starts_with(['/', ':']),
            Some(("http", rest)) => ["localhost", "127.0.0.1", "[::1]"].iter().any(|here| {
                rest.strip_prefix(here)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            }),
            _ => false,
        };
        let text = value.as_str().filter(is_safe);
        text.map(str::to_owned).ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn form(&self) -> Words {
        Words::new(
            "an address that begins with https://, or http:// on this machine",
            "以 https:// 开头的地址，或本机的 http:// 地址",
        )
    }
}

/// Something for each of some mail addresses.
pub(crate) struct ByAddress<K>(pub(crate) K);

impl<K: Kind> ByAddress<K> {
    fn entry(&self, address: &str, value: &DeValue<'_>) -> Result<(Address, K::Value), Words> {
        let parsed = Address::parse(address)
            .map_err(|error| Words::new(error.to_string(), format!("必须是邮件地址（{error}）")))?;
        Ok((parsed, self.0.read(value)?))
    }
}

impl<K: Kind> Kind for ByAddress<K> {
    type Value = Vec<(Address, K::Value)>;

    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Words> {
        let table = value.as_table().ok_or_else(|| self.wrong())?;
        let entries = table.iter().map(|(address, value)| {
            let address = address.get_ref();
            self.entry(address, value.get_ref()).map_err(|what| {
                Words::new(
                    format!("{address}: {}", what.english),
                    format!("{address}：{}", what.chinese),
                )
            })
        });
        entries.collect()
    }

    fn print(&self, value: &Self::Value) -> Option<String> {
        let entries = value
            .iter()
            .filter_map(|(address, value)| Some((address, self.0.print(value)?)));
        let printed: Vec<_> = entries
            .map(|(address, value)| format!("{} = {value}", quoted(&address.to_string())))
            .collect();
        match printed.is_empty() {
            true => Some("{}".to_owned()),
            false => Some(format!("{{ {} }}", printed.join(", "))),
        }
    }

    fn form(&self) -> Words {
        let form = self.0.form();
        Words::new(
            format!(
                "a table such as {{ \"alice@example.org\" = … }}; for each address {}",
                form.english
            ),
            format!(
                "形如 {{ \"alice@example.org\" = … }} 的表，每个地址对应{}",
                form.chinese
            ),
        )
    }
}

/// An address with a port.
pub(crate) struct Socket;

impl Kind for Socket {
    type Value = SocketAddr;

    fn read(&self, value: &DeValue<'_>) -> Result<SocketAddr, Words> {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &SocketAddr) -> Option<String> {
        Some(quoted(&value.to_string()))
    }

    fn form(&self) -> Words {
        Words::new(
            "an address with a port, such as \"0.0.0.0:25\" or \"[::]:25\"",
            "地址和端口，如 \"0.0.0.0:25\" 或 \"[::]:25\"",
        )
    }
}

/// The name of a user or a group of the system.
pub(crate) struct SystemName;

impl Kind for SystemName {
    type Value = String;

    fn read(&self, value: &DeValue<'_>) -> Result<String, Words> {
        let is_name = |name: &&str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-.$".contains(c))
        };
        let name = value.as_str().filter(is_name);
        name.map(str::to_owned).ok_or_else(|| self.wrong())
    }

    fn print(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn form(&self) -> Words {
        Words::new(
            "a name of the system, such as \"posthouse\"",
            "系统中的名字，如 \"posthouse\"",
        )
    }
}

/// A text as TOML.
#[must_use]
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, octets) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?.trim_end();
    number.parse::<u64>().ok()?.checked_mul(*octets)
}

/// In the largest unit that leaves no rest; nothing, in the smallest.
fn in_units(number: &impl Display, units: &[(&str, u64)], space: &str) -> String {
    let text = number.to_string();
    let number: u64 = text.parse().unwrap_or(u64::MAX);
    let fits = |(_, size): &&(&str, u64)| number >= *size && number.is_multiple_of(*size);
    let found = match number {
        0 => units.last(),
        _ => units.iter().find(fits),
    };
    match found {
        Some((unit, size)) => format!("{}{space}{unit}", number / size),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        let check = |text, wanted| assert_eq!(with_unit(text, &SIZES), wanted, "{text}");
        check("50 MB", Some(50_000_000));
        check("64KiB", Some(65_536));
        check("12 B", Some(12));
        check("12", None);
        check("MB", None);
        check("-1 MB", None);
        check("99999999999999 GB", None);
        assert_eq!(with_unit("30m", &TIMES), Some(1800));
        assert_eq!(in_units(&1800, &TIMES, ""), "30m");
        assert_eq!(in_units(&90, &TIMES, ""), "90s");
        assert_eq!(in_units(&0, &TIMES, ""), "0s");
        assert_eq!(in_units(&(1u64 << 32), &SIZES, " "), "4 GiB");
        assert_eq!(in_units(&50_000_000, &SIZES, " "), "50 MB");
    }
}
