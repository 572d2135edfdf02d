//! API tokens: only their hashes are stored.

use std::{
    fmt,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{Engine, Tenant};
use crate::{
    artifacts::sync_directory,
    error::{Code, Error, Result},
    model::{Digest, TenantId, Timestamp, TokenId},
    store::TokenRow,
};

/// Name of the token in the data directory's file. It is made again when the file is gone.
pub(super) const ADMIN: &str = "admin";
/// Of the file beside it that says which token it is.
const ID_EXTENSION: &str = "id";
/// A tenant's tokens.
const MAX_TOKENS: usize = 1000;
/// Characters of a token's name.
const MAX_NAME: usize = 100;

/// What a token may do. Each role includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Starts and steers runs.
    User,
    /// Loads plugins, makes and revokes tokens.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::User, Self::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| Error::invalid(format!("{text:?} is no role; there are viewer, user and admin")))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant that the token opens.
    pub tenant: TenantId,
    /// The token.
    pub token: TokenId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// A token that somebody wants.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// For people: who or what uses it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ceases to open. Absent, it opens until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// A secret of 256 random bits. Its prefix lets scanners of code and logs find one that got there.
fn new_secret() -> String {
    format!("heddle_{}", hex::encode(rand::rng().random::<[u8; 32]>()))
}

/// Write a file that its owner alone may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // Removed first: a file that was there keeps its mode when it is opened for writing.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all())
}

impl Engine {
    /// The file that holds the admin's token. Made at the first start, readable by its owner only. When it is gone, there
    /// is a new token at the next start, and the old one opens nothing any more.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be written.
    pub async fn admin_token(&self) -> Result<PathBuf> {
        let path = self.config.data_dir.join("admin-token");
        if let Ok(secret) = std::fs::read_to_string(&path)
            && self.store.token_get(Digest::of(secret.trim())).await?.is_some()
        {
            return Ok(path);
        }
        let tenant = self.tenant(&TenantId::default_tenant());
        // Before there is a new one: whatever happens from here on, the old one opens nothing.
        for old in self.old_admin_tokens(&tenant).await? {
            self.store.token_delete(tenant.id(), old).await?;
        }
        self.principals.forget(|_| true);
        let token = TokenRow {
            id: TokenId::new(),
            tenant: tenant.id().clone(),
            name: ADMIN.to_owned(),
            role: Role::Admin.to_string(),
            created_at: Timestamp::now(),
            expires_at: None,
        };
        let secret = new_secret();
        let unwritable = |path: &Path, error: std::io::Error| {
            Error::unavailable(format!("{} cannot be written: {error}", path.display()), error)
        };
        for (path, text) in
            [(&path.with_extension(ID_EXTENSION), token.id.to_string()), (&path, secret.clone())]
        {
            write_private(path, &text).map_err(|error| unwritable(path, error))?;
        }
        // Before anybody is told of it: after a power cut that forgot the files there would be another one.
        sync_directory(&self.config.data_dir).map_err(|error| unwritable(&path, error))?;
        self.store.token_put(&token, Digest::of(&secret)).await?;
        Ok(path)
    }

    /// The tokens that were in the file before. A database of its own has no other admin's; one that other hosts use has
    /// theirs too, so there the file beside it says which it was.
    async fn old_admin_tokens(&self, tenant: &Tenant) -> Result<Vec<TokenId>> {
        if self.config.database.is_none() {
            let tokens = tenant.tokens().await?.into_iter();
            return Ok(tokens.filter(|token| token.name == ADMIN).map(|token| token.id).collect());
        }
        let text =
            std::fs::read_to_string(self.config.data_dir.join("admin-token").with_extension(ID_EXTENSION));
        Ok(text.ok().and_then(|text| text.trim().parse().ok()).into_iter().collect())
    }

    /// Whose secret this is.
    ///
    /// # Errors
    /// `Unauthenticated` if nobody's, or it has expired.
    pub async fn authenticate(&self, secret: &str) -> Result<Principal> {
        // The look-up is by the hash of a secret of 256 random bits: its timing tells nothing about other secrets.
        let unknown = || Error::new(Code::Unauthenticated, "the token is not known or has expired");
        let digest = Digest::of(secret.trim());
        let read = async { self.store.token_get(digest).await?.ok_or_else(unknown) };
        let token = self.principals.get_or_read(digest, |_| 1, read).await?;
        if token.expires_at.is_some_and(|at| at <= Timestamp::now()) {
            return Err(unknown());
        }
        let role = token
            .role
            .parse()
            .map_err(|error| Error::internal(format!("token {} has an unknown role", token.id), error))?;
        Ok(Principal { tenant: token.tenant.clone(), token: token.id, name: token.name.clone(), role })
    }
}

impl Tenant {
    /// Make a token. Its secret is returned here and known nowhere else.
    ///
    /// # Errors
    /// `Invalid` for its name or its end, `Conflict` if there are too many.
    pub async fn token_create(&self, new: NewToken) -> Result<(TokenRow, String)> {
        let NewToken { name, role, expires_at } = new;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let message = format!(
                "a token's name has 1 to {MAX_NAME} characters, and none of them is a control character"
            );
            return Err(Error::invalid(message));
        }
        if name == ADMIN {
            let message =
                format!("{ADMIN:?} is the name of the token in the data directory's file; take another one");
            return Err(Error::invalid(message));
        }
        let created_at = Timestamp::now();
        if let Some(at) = expires_at.filter(|at| *at <= created_at) {
            return Err(Error::invalid(format!("the token would have expired at {at}; it is {created_at}")));
        }
        if self.tokens().await?.len() >= MAX_TOKENS {
            return Err(Error::conflict(format!("there are {MAX_TOKENS} tokens; revoke some first")));
        }
        let tenant = self.id().clone();
        let token =
            TokenRow { id: TokenId::new(), tenant, name, role: role.to_string(), created_at, expires_at };
        let secret = new_secret();
        self.engine.store.token_put(&token, Digest::of(&secret)).await?;
        Ok((token, secret))
    }

    /// The tokens, oldest first.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>> {
        Ok(self.engine.store.token_list(self.id()).await?)
    }

    /// Let a token open nothing any more.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn token_revoke(&self, token: TokenId) -> Result<()> {
        let deleted = self.engine.store.token_delete(self.id(), token).await;
        // Also if its answer was lost: what it was is read anew.
        self.engine.principals.forget(|_| true);
        match deleted? {
            true => Ok(()),
            false => Err(Error::not_found("token", token)),
        }
    }
}
