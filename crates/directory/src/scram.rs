//! What SCRAM needs (RFC 5802 §3): salts, keys of passwords where an administrator wants them, and proofs.
//!
//! The salt of a name comes from the name and a secret of this directory, whether somebody has the name or not, and all
//! keys that serve have the same number of rounds: so the server's first message says nothing of who has an account.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use engine::{Batch, Partition};
use sasl::Secret;
use sasl::scram::server::{Kept, Proof};
use types::AccountId;

use crate::name::{Name, login_address};
use crate::row::{AccountRow, Leads, Row, ScramRow, SecretRow, account_key, scram_key, secret_key};
use crate::throttle::Try;
use crate::{Access, Directory, DirectoryError, Login, LoginRefusal};

/// The number of an account's own password among its keys; app passwords have higher ones.
const OWN_PASSWORD: u32 = 0;
/// Octets of a salt.
const SALT: usize = 16;

/// Rounds of SCRAM keys. A stolen table is attacked through its weakest form (RFC 7677 §4), so there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds(NonZeroU32);

impl Rounds {
    /// The fewest.
    pub const LEAST: u32 = 100_000;
    /// The most: a client computes them at every login.
    pub const MOST: u32 = 10_000_000;

    /// Takes a number of rounds; none where they are too few or too many.
    #[must_use]
    pub fn check(rounds: u32) -> Option<Self> {
        (Self::LEAST..=Self::MOST)
            .contains(&rounds)
            .then(|| NonZeroU32::new(rounds).map(Rounds))?
    }

    pub(crate) fn number(self) -> NonZeroU32 {
        self.0
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds::check(Self::LEAST).expect("the least are enough")
    }
}

/// Whether keys are kept of the passwords that people choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scram {
    /// They are not; app passwords have keys all the same, since nobody guesses those.
    #[default]
    Off,
    /// They are, with so many rounds.
    On(Rounds),
}

impl Scram {
    pub(crate) fn rounds(self) -> Rounds {
        match self {
            Scram::Off => Rounds::default(),
            Scram::On(rounds) => rounds,
        }
    }
}

impl Directory {
    /// What is kept of a login name, for a proof. It looks the same for a name that nobody has, and takes as long.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn scram(&self, login: &str) -> Result<Kept, DirectoryError> {
        let name = login_address(login, self.default_domain()).ok();
        let name = name.as_ref().map(Name::of);
        let rounds = self.shared.scram.rounds().number().get();
        let salt = self.salt(name.as_ref().map_or(login, Name::as_str)).await?;
        // A name that nobody has is looked for as long as one that somebody has; no account has the number 0.
        let found = match &name {
            Some(name) => self.name_row(name).await?,
            None => None,
        };
        let id = match found.map(|row| row.leads) {
            Some(Leads::Account(id)) => id,
            Some(Leads::Alias(_) | Leads::Group(_)) | None => AccountId(0),
        };
        let own = self.scram_row(id).await?;
        let own = own.map(|row| (OWN_PASSWORD, row));
        let others = self.app_password_rows(id).await?;
        let others = others.into_iter().map(|(number, row)| (number, row.scram));
        let keys = own.into_iter().chain(others);
        Ok(Kept {
            salt,
            rounds,
            // Those of other rounds fit no proof: they are made anew at the next login with the password.
            keys: keys.map(|(number, row)| (number, row.keys)).collect(),
        })
    }

    /// Logs somebody in by a proof, which is counted as a password is.
    ///
    /// # Errors
    /// When it is wrong, was wrong too often, or the directory cannot be read.
    pub async fn login_by_proof(
        &self,
        proof: &Proof,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Login>, LoginRefusal> {
        let address = login_address(&proof.login, self.default_domain()).ok();
        let known = address.as_ref().map(Name::of);
        let ticket = self
            .admit(Try::new(peer, known.as_ref().map_or(&*proof.login, Name::as_str)))
            .await?;
        let proven = match (proof.keys(), &known) {
            (Some(number), Some(name)) => self.proven(name, number).await,
            _ => Ok(None),
        };
        Self::settle(ticket, proven, Instant::now).await
    }

    /// The account, if the keys of the proof are still its.
    async fn proven(&self, name: &Name, number: u32) -> Result<Option<Arc<Login>>, DirectoryError> {
        let found = self.entrant(name).await?;
        let Some((login, _)) = found.filter(|(_, row)| row.access == Access::Enabled) else {
            return Ok(None);
        };
        let valid = match number {
            OWN_PASSWORD => self.scram_row(login.account).await?.is_some(),
            number => self.use_app_password(login.account, number).await?,
        };
        Ok(valid.then_some(login))
    }

    /// New keys of a password; none where it cannot have any.
    pub(crate) async fn scram_keys(
        &self,
        name: &Name,
        password: &Secret,
    ) -> Result<Option<ScramRow>, DirectoryError> {
        let rounds = self.shared.scram.rounds().number();
        let salt = self.salt(name.as_str()).await?;
        let keys = self.shared.hasher.keys(password.clone(), salt, rounds).await?;
        Ok(keys.map(|keys| ScramRow {
            rounds: rounds.get(),
            keys,
        }))
    }

    /// New keys of an account's own password, where they are wanted.
    pub(crate) async fn own_keys(
        &self,
        name: &Name,
        password: &Secret,
    ) -> Result<Option<ScramRow>, DirectoryError> {
        match self.shared.scram {
            Scram::Off => Ok(None),
            Scram::On(_) => self.scram_keys(name, password).await,
        }
    }

    pub(crate) async fn scram_row(&self, id: AccountId) -> Result<Option<ScramRow>, DirectoryError> {
        let stored = self.read(scram_key(id)).await?;
        stored.map(|stored| ScramRow::parse(&stored)).transpose()
    }

    async fn salt(&self, name: &str) -> Result<Vec<u8>, DirectoryError> {
        let tag = self.tag(b"salt", &[name.as_bytes()]).await?;
        Ok(tag.into_iter().take(SALT).collect())
    }

    /// What only this directory can make of some octets, for one purpose.
    pub(crate) async fn tag(&self, purpose: &[u8], pieces: &[&[u8]]) -> Result<[u8; 32], DirectoryError> {
        let key = self.shared.secret.get_or_try_init(|| self.secret()).await?;
        let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
        context.update(purpose);
        for piece in pieces {
            context.update(&u64::try_from(piece.len()).unwrap_or(u64::MAX).to_le_bytes());
            context.update(piece);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        Ok(tag)
    }

    /// The directory's secret, drawn when it is wanted for the first time.
    async fn secret(&self) -> Result<[u8; 32], DirectoryError> {
        if let Some(stored) = self.read(secret_key()).await? {
            return Ok(SecretRow::parse(&stored)?.key);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| DirectoryError::Hash("the system has no randomness"))?;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&secret_key(), &SecretRow { key }.print());
        self.shared.engine.commit(batch).await?;
        Ok(key)
    }

    /// Gives an account whose password was right what is missing: a hash as they are made now in place of another
    /// program's, and SCRAM keys where they are wanted.
    pub(crate) async fn renew(
        &self,
        (id, row): (AccountId, &AccountRow),
        password: &Secret,
        hash: Option<Box<str>>,
    ) -> Result<(), DirectoryError> {
        let rounds = self.shared.scram.rounds().number().get();
        let missing = match self.shared.scram {
            Scram::Off => false,
            Scram::On(_) => self.scram_row(id).await?.is_none_or(|row| row.rounds != rounds),
        };
        let keys = match missing {
            true => self.own_keys(&Name::of(&row.address), password).await?,
            false => None,
        };
        if hash.is_none() && keys.is_none() {
            return Ok(());
        }
        let _changing = self.shared.changing.lock().await;
        match self.account_row(id).await? {
            Some(now) if now.password == row.password => {}
            // Somebody has changed the password meanwhile.
            _ => return Ok(()),
        }
        let mut batch = Batch::new(Partition::DIRECTORY);
        if let Some(password) = hash {
            let renewed = AccountRow {
                password,
                ..row.clone()
            };
            batch.put(&account_key(id), &renewed.print());
        }
        if let Some(keys) = keys {
            batch.put(&scram_key(id), &keys.print());
        }
        Ok(self.shared.engine.commit(batch).await?)
    }
}
