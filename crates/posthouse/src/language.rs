//! The language of messages: English, or Chinese.

use std::str::FromStr;

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The language of the environment's locale (POSIX: `LC_ALL` before `LC_MESSAGES` before `LANG`).
    pub(crate) fn of_locale() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        Self::of(&locale.unwrap_or_default())
    }

    /// The language that `--lang` names, before the command line is understood.
    pub(crate) fn of_command_line(words: impl Iterator<Item = String>) -> Option<Self> {
        let words: Vec<String> = words.take_while(|word| word != "--").collect();
        let after = words.windows(2).find_map(|pair| match pair {
            [option, value] if option == "--lang" => Some(value.as_str()),
            _ => None,
        });
        let joined = || words.iter().find_map(|word| word.strip_prefix("--lang="));
        after.or_else(joined)?.parse().ok()
    }

    fn of(locale: &str) -> Self {
        match locale.get(..2) {
            Some("zh") => Language::Chinese,
            _ => Language::English,
        }
    }

    /// The same, as the settings call it.
    pub(crate) fn tongue(self) -> config::Tongue {
        self.pick(config::Tongue::English, config::Tongue::Chinese)
    }

    /// The text in this language.
    pub(crate) fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

impl FromStr for Language {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "en" => Ok(Language::English),
            "zh" => Ok(Language::Chinese),
            _ => Err("must be en or zh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_has_a_language() {
        let check = |locale, wanted| assert_eq!(Language::of(locale), wanted, "{locale}");
        check("zh_CN.UTF-8", Language::Chinese);
        check("zh", Language::Chinese);
        check("en_US.UTF-8", Language::English);
        check("C", Language::English);
        check("", Language::English);
        check("é", Language::English);
    }
}
