//! A section is written once, and becomes a struct, its defaults, its reader and its documentation.

use crate::Words;
use crate::kind::Kind;

/// A setting, as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in its section.
    pub key: &'static str,
    /// What it has where the file does not say it, as TOML; nothing where there is no such value.
    pub default: Option<String>,
    /// What to write where there is no default, as TOML.
    pub example: &'static str,
    /// What it may be.
    pub form: Words,
    /// What it does.
    pub about: Words,
}

/// The settings of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The section's name; empty for what stands above all sections.
    pub name: &'static str,
    /// What they are about.
    pub about: Words,
    /// The settings, in order.
    pub settings: Vec<Setting>,
}

impl Setting {
    /// What is written in a file: the default, or an example.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.default.as_deref().unwrap_or(self.example)
    }
}

/// Defines a section. Each setting: its field and key, its type, its default, its kind, an example where there is no
/// default, what it does in English and in Chinese.
macro_rules! section {
    (
        $name:ident, $section:literal: $english:literal, $chinese:literal;
        $( $field:ident: $type:ty = $default:expr, $kind:expr, $example:literal, $about:literal, $about_zh:literal; )*
    ) => {
        #[doc = concat!("`[", $section, "]`: ", $english)]
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(unreachable_pub, reason = "one section is read into another struct")]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "`: ", $about)]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $default, )* }
            }
        }

        impl $name {
            /// What a file says, and the defaults where it says nothing.
            pub(crate) fn take(section: &mut $crate::section::Section<'_>) -> Self {
                let default = Self::default();
                $name {
                    $( $field: section.take(stringify!($field), &$kind).unwrap_or(default.$field), )*
                }
            }

            /// How its settings are described.
            pub(crate) fn describe() -> $crate::Group {
                let default = Self::default();
                $crate::Group {
                    name: $section,
                    about: $crate::Words::new($english, $chinese),
                    settings: vec![ $(
                        $crate::setting::describe(
                            &$kind,
                            &default.$field,
                            (stringify!($field), $example),
                            $crate::Words::new($about, $about_zh),
                        ),
                    )* ],
                }
            }
        }
    };
}

pub(crate) fn describe<K: Kind>(
    kind: &K,
    default: &K::Value,
    (key, example): (&'static str, &'static str),
    about: Words,
) -> Setting {
    Setting {
        key,
        default: kind.print(default),
        example,
        form: kind.form(),
        about,
    }
}

pub(crate) use section;
