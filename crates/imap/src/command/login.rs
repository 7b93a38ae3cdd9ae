//! LOGIN (RFC 3501 §6.2.3).

use std::fmt;

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::print;

/// `LOGIN userid password`.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The login name.
    pub user: Bytes,
    /// The password: never printed by `{:?}`.
    pub password: Bytes,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// `login = "LOGIN" SP userid SP password`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Login, ParseError> {
    cursor.space()?;
    let user = cursor.astring("a user name")?;
    cursor.space()?;
    let password = cursor.astring("a password")?;
    Ok(Login { user, password })
}

pub(super) fn print(out: &mut Vec<u8>, login: &Login) {
    out.extend_from_slice(b"LOGIN ");
    print::astring(out, &login.user);
    out.push(b' ');
    print::astring(out, &login.password);
}
