//! An account is taken out of a directory whole, and added again: there, after it was removed, or in another one.
//!
//! It comes back as it was: one that was disabled is at no moment enabled. App passwords are tagged with the secret of their
//! directory (docs/decisions/0007-app-passwords.md), so they come back where that is the same; elsewhere they would fit nothing, and are
//! left out.

use engine::{Batch, Partition};
use types::{AccountId, Address};

use crate::account::{Hashed, Rest};
use crate::app_password::unused;
use crate::name::Name;
use crate::row::{AppPasswordRow, ForeignRow, Row, foreign_key};
use crate::{Access, Allowance, Directory, DirectoryError, foreign};

/// How the hashes begin that are made here.
const OWN_HASH: &str = "$argon2id$v=19$";

/// What is kept of an account beside its address. It has secrets, and is not printed.
#[derive(Clone)]
pub struct KeptAccount {
    /// The hash of its password.
    pub hash: Box<str>,
    /// Whether it can be used.
    pub access: Access,
    /// Its own limits.
    pub allowance: Allowance,
    /// Its app passwords, as the directory keeps them.
    pub app_passwords: Vec<Vec<u8>>,
    /// Tells the secrets of directories apart; zeros where there are no app passwords.
    pub secret: [u8; 32],
}

impl Directory {
    /// What is kept of an account; `None` where there is no such account.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn kept_account(&self, address: &Address) -> Result<Option<KeptAccount>, DirectoryError> {
        let Some((id, row)) = self.account_named(&Name::of(address)).await? else {
            return Ok(None);
        };
        let mut app_passwords = Vec::new();
        for (_, mut row) in self.app_password_rows(id).await? {
            row.tagged_for.get_or_insert(id);
            app_passwords.push(row.print());
        }
        // Where there is no secret yet, none is drawn for this.
        let secret = match app_passwords.is_empty() {
            true => [0; 32],
            false => self.print_of_secret().await?,
        };
        Ok(Some(KeptAccount {
            hash: row.password,
            access: row.access,
            allowance: row.allowance,
            app_passwords,
            secret,
        }))
    }

    /// Adds an account with what [`Directory::kept_account`] gave, here or elsewhere. Keys of SCRAM are made at its next login.
    ///
    /// # Errors
    /// When the address is taken, the hash is none, or the engine fails.
    pub async fn return_account(
        &self,
        address: &Address,
        kept: KeptAccount,
    ) -> Result<AccountId, DirectoryError> {
        let hash = foreign::check(&kept.hash)?;
        if !kept.hash.starts_with(OWN_HASH) {
            // Before it can log in: see login::level.
            let mut batch = Batch::new(Partition::DIRECTORY);
            batch.put(&foreign_key(), &ForeignRow.print());
            self.shared.engine.commit(batch).await?;
        }
        let mut app_passwords = Vec::new();
        if !kept.app_passwords.is_empty() && kept.secret == self.print_of_secret().await? {
            for stored in &kept.app_passwords {
                let number = unused(|number| app_passwords.iter().all(|(taken, _)| *taken != number))?;
                app_passwords.push((number, AppPasswordRow::parse(stored)?));
            }
        }
        let rest = Rest {
            access: kept.access,
            allowance: kept.allowance,
            app_passwords,
        };
        let hashed = Hashed {
            hash,
            keys: None,
            rest,
        };
        let mut outcomes = self.add_hashed(vec![(address.clone(), Ok(hashed))]).await;
        outcomes.pop().expect("one outcome for each account")
    }

    /// Says of a secret which it is, and nothing else.
    async fn print_of_secret(&self) -> Result<[u8; 32], DirectoryError> {
        self.tag(b"which directory", &[]).await
    }
}
