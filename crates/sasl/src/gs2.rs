//! The header that SCRAM and OAUTHBEARER begin with (RFC 5801 §4, RFC 5802 §7): whether the connection is bound, and
//! whom to act as.

use crate::server::MAX_FIELD;

/// What the client says of binding the exchange to its TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// `n`: it cannot.
    Cannot,
    /// `y`: it can, and believes that the server cannot.
    ServerCannot,
    /// `p=`: it does, in this way.
    Bound(String),
}

/// `gs2-header = gs2-cbind-flag "," [ authzid ] ","`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) flag: Flag,
    pub(crate) act_as: Option<String>,
}

impl Header {
    /// Takes the header off a message; gives the rest as well. `None` where there is none.
    pub(crate) fn parse(message: &str) -> Option<(Header, &str)> {
        let (flag, rest) = message.split_once(',')?;
        let (act_as, rest) = rest.split_once(',')?;
        let flag = match flag {
            "n" => Flag::Cannot,
            "y" => Flag::ServerCannot,
            bound => Flag::Bound(cb_name(bound.strip_prefix("p=")?)?.to_owned()),
        };
        let act_as = match act_as {
            "" => None,
            name => Some(read_name(name.strip_prefix("a=")?)?),
        };
        Some((Header { flag, act_as }, rest))
    }

    pub(crate) fn print(&self) -> String {
        let flag = match &self.flag {
            Flag::Cannot => "n".to_owned(),
            Flag::ServerCannot => "y".to_owned(),
            Flag::Bound(name) => format!("p={name}"),
        };
        let act_as = match &self.act_as {
            None => String::new(),
            Some(name) => format!("a={}", print_name(name)),
        };
        format!("{flag},{act_as},")
    }
}

/// `cb-name = 1*(ALPHA / DIGIT / "." / "-")`.
fn cb_name(name: &str) -> Option<&str> {
    let letter = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'-';
    (!name.is_empty() && name.bytes().all(letter)).then_some(name)
}

/// RFC 5802 §5.1: a comma is `=2C` and an equals sign `=3D`; any other `=` is wrong.
pub(crate) fn read_name(saslname: &str) -> Option<String> {
    if saslname.is_empty() || saslname.len() > MAX_FIELD || saslname.contains(['\0', ',']) {
        return None;
    }
    let mut pieces = saslname.split('=');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (sign, rest) = match piece.split_at_checked(2)? {
            ("2C", rest) => (',', rest),
            ("3D", rest) => ('=', rest),
            _ => return None,
        };
        name.push(sign);
        name.push_str(rest);
    }
    Some(name)
}

pub(crate) fn print_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_equals_signs_come_back() {
        let check = |printed: &str, wanted: Option<&str>| {
            assert_eq!(read_name(printed).as_deref(), wanted, "{printed}");
        };
        check("user", Some("user"));
        check("a=2Cb=3Dc", Some("a,b=c"));
        check("=3D2C", Some("=2C"));
        check("张三", Some("张三"));
        for wrong in ["", "a=", "a=2", "a=2c", "a=41", "=张", "a,b", "a\0"] {
            check(wrong, None);
        }
        assert_eq!(read_name(&print_name("a,b=2C=")).as_deref(), Some("a,b=2C="));
        check(&"x".repeat(MAX_FIELD), Some(&"x".repeat(MAX_FIELD)));
        check(&"x".repeat(MAX_FIELD + 1), None);
    }

    #[test]
    fn headers_are_read_and_come_back() {
        for good in ["n,,", "y,,", "p=tls-exporter,,", "n,a=b=2Cc,", "p=a.b-1,a=张三,"] {
            let (header, rest) = Header::parse(good).unwrap();
            assert_eq!((header.print().as_str(), rest), (good, ""), "{good}");
        }
        for wrong in [
            "", "n", "n,", "n,x,", "n,a=,", "n,a==,", "p,,", "p=,,", "p=a b,,", "N,,", ",,", "F,n,,",
        ] {
            assert_eq!(Header::parse(wrong), None, "{wrong}");
        }
    }
}
