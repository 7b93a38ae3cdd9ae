//! App passwords: one for each program or device, made by us, shown once, and revoked by itself.
//!
//! A generated password has 120 bits of randomness: nobody guesses it, so a tag is kept of it in place of a slow hash
//! (docs/decisions/0007-app-passwords.md), and SCRAM keys are kept whether or not people's own passwords have any.

use engine::{Batch, Partition};
use sasl::Secret;
use subtle::ConstantTimeEq as _;
use types::{AccountId, Address, Timestamp};

use crate::account::now;
use crate::name::Name;
use crate::row::{AppPasswordRow, Row, app_password_key, app_password_of};
use crate::{Directory, DirectoryError, Refusal};

/// Each is compared at a login.
pub(crate) const MAX_APP_PASSWORDS: usize = 50;
/// Characters of a name.
pub(crate) const MAX_NAME: usize = 64;

/// 32 characters that nobody takes for others when copying them from a screen: 5 bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a password: 120 bits. They are shown in groups.
const LENGTH: usize = 24;
const GROUP: usize = 6;

/// How exactly the last use is kept, in seconds: each time would be one write a login.
const USE_STEP: i64 = 3600;

/// An app password, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    /// What its owner calls it.
    pub name: Box<str>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, to the hour; none if it never was.
    pub last_used: Option<Timestamp>,
}

impl Directory {
    /// Makes an app password. It can be seen now and never again.
    ///
    /// # Errors
    /// When there is no such account, the name is taken or cannot be one, there are too many, or the engine fails.
    pub async fn add_app_password(&self, address: &Address, name: &str) -> Result<Secret, DirectoryError> {
        if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
            return Err(Refusal::AppPasswordName.into());
        }
        let (id, _) = self.account_at(address).await?;
        let password = generate()?;
        let tag = self.app_tag(id, &password).await?;
        let scram = self.scram_keys(&Name::of(address), &password).await?;
        let scram = scram.expect("what we generate is ASCII");
        let _changing = self.shared.changing.lock().await;
        let (id, _) = self.account_at(address).await?;
        let rows = self.app_password_rows(id).await?;
        if rows.iter().any(|(_, row)| *row.name == *name) {
            return Err(Refusal::AppPasswordExists(name.into()).into());
        }
        if rows.len() >= MAX_APP_PASSWORDS {
            return Err(Refusal::TooManyAppPasswords.into());
        }
        let row = AppPasswordRow {
            name: name.into(),
            tag,
            tagged_for: None,
            scram,
            created: now(),
            last_used: None,
        };
        let number = unused(|number| rows.iter().all(|(taken, _)| *taken != number))?;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&app_password_key(id, number), &row.print());
        self.shared.engine.commit(batch).await?;
        Ok(password)
    }

    /// The app passwords of an account, oldest first.
    ///
    /// # Errors
    /// When there is no such account, or the engine fails.
    pub async fn app_passwords(&self, address: &Address) -> Result<Vec<AppPassword>, DirectoryError> {
        let (id, _) = self.account_at(address).await?;
        let rows = self.app_password_rows(id).await?;
        let listed = rows.into_iter().map(|(_, row)| AppPassword {
            name: row.name,
            created: row.created,
            last_used: row.last_used,
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by(|a, b| (a.created.0, &a.name).cmp(&(b.created.0, &b.name)));
        Ok(listed)
    }

    /// Revokes an app password: the next login with it is wrong. The account's logins end; which of them were made with it
    /// is not kept.
    ///
    /// # Errors
    /// When there is no such account or app password, or the engine fails.
    pub async fn revoke_app_password(&self, address: &Address, name: &str) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let (id, row) = self.account_at(address).await?;
        let rows = self.app_password_rows(id).await?;
        let found = rows.into_iter().find(|(_, row)| *row.name == *name);
        let (number, _) = found.ok_or_else(|| Refusal::NoAppPassword(name.into()))?;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.delete(&app_password_key(id, number));
        self.shared.engine.commit(batch).await?;
        self.end_logins(id, &Name::of(&row.address));
        Ok(())
    }

    /// All app passwords of an account, with their numbers.
    pub(crate) async fn app_password_rows(
        &self,
        id: AccountId,
    ) -> Result<Vec<(u32, AppPasswordRow)>, DirectoryError> {
        let range = app_password_key(id, 0)..app_password_key(id, u32::MAX);
        let rows = self
            .shared
            .engine
            .scan(Partition::DIRECTORY, range, MAX_APP_PASSWORDS)
            .await?;
        let parse = |row: &engine::Row| {
            let number = app_password_of(&row.key).ok_or(DirectoryError::UnreadableRow {
                table: AppPasswordRow::TABLE,
            })?;
            Ok((number, AppPasswordRow::parse(&row.value)?))
        };
        rows.iter().map(parse).collect()
    }

    /// Whether a password is an app password of an account; it is used then.
    pub(crate) async fn is_app_password(
        &self,
        id: AccountId,
        password: &Secret,
    ) -> Result<bool, DirectoryError> {
        let rows = self.app_password_rows(id).await?;
        for (number, row) in rows {
            let tag = self.app_tag(row.tagged_for.unwrap_or(id), password).await?;
            if row.tag.ct_eq(&tag).into() {
                return self.use_app_password(id, number).await;
            }
        }
        Ok(false)
    }

    /// Notes that an app password is used; whether it is still there.
    pub(crate) async fn use_app_password(&self, id: AccountId, number: u32) -> Result<bool, DirectoryError> {
        let key = app_password_key(id, number);
        let parse = |stored: &bytes::Bytes| AppPasswordRow::parse(stored);
        let Some(row) = self.read(key.clone()).await?.as_ref().map(parse).transpose()? else {
            return Ok(false);
        };
        let now = now();
        if row
            .last_used
            .is_some_and(|last| now.0.abs_diff(last.0) < USE_STEP.unsigned_abs())
        {
            return Ok(true);
        }
        let _changing = self.shared.changing.lock().await;
        // Revoked meanwhile, it must not come back.
        let Some(mut row) = self.read(key.clone()).await?.as_ref().map(parse).transpose()? else {
            return Ok(false);
        };
        row.last_used = Some(now);
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&key, &row.print());
        // That nobody can write is no reason to refuse who may read.
        let _ = self.shared.engine.commit(batch).await;
        Ok(true)
    }

    async fn app_tag(&self, id: AccountId, password: &Secret) -> Result<[u8; 32], DirectoryError> {
        self.tag(b"app password", &[&id.0.to_le_bytes(), password.expose()])
            .await
    }
}

fn generate() -> Result<Secret, DirectoryError> {
    let mut random = [0; LENGTH];
    getrandom::fill(&mut random).map_err(|_| DirectoryError::Hash("the system has no randomness"))?;
    let letter = |octet: &u8| LETTERS.get(usize::from(octet % 32)).copied().unwrap_or_default();
    let groups: Vec<Vec<u8>> = random
        .chunks(GROUP)
        .map(|group| group.iter().map(letter).collect())
        .collect();
    Ok(Secret::new(groups.join(&b'-')))
}

/// A number that is not taken, and not foreseen: a proof that was begun with a revoked one fits no new one.
pub(crate) fn unused(free: impl Fn(u32) -> bool) -> Result<u32, DirectoryError> {
    loop {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|_| DirectoryError::Hash("the system has no randomness"))?;
        let number = u32::from_le_bytes(random);
        // 0 is the account's own password, and the scan ends before the highest.
        if (1..u32::MAX).contains(&number) && free(number) {
            return Ok(number);
        }
    }
}
