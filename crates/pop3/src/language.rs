//! The languages of what a person reads, and LANG (RFC 6856 §3).

use bytes::BytesMut;

use crate::reply;

/// A language that every reply is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// What is spoken before anybody has chosen: English, and ASCII (RFC 2277 §4.5).
    #[default]
    Default,
    /// English.
    English,
    /// Chinese.
    Chinese,
}

/// A text in both languages: English, then Chinese.
pub(crate) type Words = [&'static str; 2];

impl Language {
    /// Every language, as LANG lists them.
    pub const ALL: &[Language] = &[Language::English, Language::Chinese, Language::Default];

    /// Its tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Language::Default => "i-default",
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }

    /// What it calls itself.
    const fn name(self) -> &'static str {
        match self {
            Language::Default => "English (default)",
            Language::English => "English",
            Language::Chinese => "中文",
        }
    }

    /// The language that a range asks for: the range itself, or what is left of it without its last subtags
    /// (RFC 4647 §3.4), so that `zh-CN` finds `zh`. What `*` is, the caller knows.
    #[must_use]
    pub fn find(range: &str) -> Option<Self> {
        let mut range = range;
        loop {
            let found = Self::ALL
                .iter()
                .find(|language| language.tag().eq_ignore_ascii_case(range));
            if let Some(language) = found {
                return Some(*language);
            }
            (range, _) = range.rsplit_once('-')?;
        }
    }

    pub(crate) fn choose(self, words: Words) -> &'static str {
        let [english, chinese] = words;
        match self {
            Language::Default | Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Prints the language listing (RFC 6856 §3.2).
    pub fn print_list(self, out: &mut BytesMut) {
        reply::Words::Languages.print(self, out);
        for language in Self::ALL {
            reply::line(format_args!("{} {}", language.tag(), language.name()), out);
        }
        reply::end(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_find_languages() {
        let check = |range, wanted| assert_eq!(Language::find(range), wanted, "{range}");
        check("en", Some(Language::English));
        check("EN-us", Some(Language::English));
        check("zh-Hans-CN", Some(Language::Chinese));
        check("i-default", Some(Language::Default));
        check("i", None);
        check("MUL", None);
        check("e", None);
        check("english", None);
        check("-", None);
        check("*", None);
    }
}
