//! API tokens: only their hashes are stored.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::{
    error::{Code, Error, Result},
    model::{Digest, TenantId, Timestamp, TokenId},
    store::TokenRow,
};

/// What a token may do. Each role includes those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Starts and steers runs.
    User,
    /// Loads plugins.
    Admin,
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

impl Engine {
    /// The file that holds the admin's token. Made at the first start, readable by its owner only.
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
        let secret = format!("heddle_{}", hex::encode(rand::rng().random::<[u8; 32]>()));
        let unwritten = |error: std::io::Error| {
            Error::unavailable(format!("{} cannot be written: {error}", path.display()), error)
        };
        // Removed first: a file that was there keeps its mode when it is opened for writing.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritten(error)),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(unwritten)?;
        file.write_all(format!("{secret}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
        let token = TokenRow {
            id: TokenId::new(),
            tenant: TenantId::default_tenant(),
            name: "admin".to_owned(),
            role: "admin".to_owned(),
            expires_at: None,
        };
        self.store.token_put(&token, Digest::of(&secret)).await?;
        Ok(path)
    }

    /// Whose secret this is.
    ///
    /// # Errors
    /// `Unauthenticated` if nobody's, or it has expired.
    pub async fn authenticate(&self, secret: &str) -> Result<Principal> {
        // The look-up is by the hash of a secret of 256 random bits: its timing tells nothing about other secrets.
        let unknown = || Error::new(Code::Unauthenticated, "the token is not known or has expired");
        let token = self.store.token_get(Digest::of(secret.trim())).await?.ok_or_else(unknown)?;
        if token.expires_at.is_some_and(|at| at <= Timestamp::now()) {
            return Err(unknown());
        }
        let role = serde_json::from_value(token.role.as_str().into())
            .map_err(|error| Error::internal(format!("token {} has an unknown role", token.id), error))?;
        Ok(Principal { tenant: token.tenant, token: token.id, name: token.name, role })
    }
}
