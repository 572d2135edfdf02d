//! Tokens over the wire, without their secrets.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{one_of, shown, text, time};
use crate::{engine::Role, store::TokenRow};

fn token_id() -> RefOr<Schema> {
    text("Id of a token.", Some("^tok_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

/// Schema of a role.
pub(crate) fn role() -> RefOr<Schema> {
    one_of("What a token may do; each role includes those before it.", Role::ALL.map(Role::as_str))
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenBody {
    /// Its id.
    #[schema(schema_with = token_id)]
    pub id: String,
    /// For people. `admin` is the one in the data directory's file.
    pub name: String,
    /// What it may do.
    #[schema(schema_with = role)]
    pub role: String,
    /// When it was made.
    #[schema(schema_with = time)]
    pub created_at: String,
    /// When it ceases to open; absent, when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub expires_at: Option<String>,
}

impl From<TokenRow> for TokenBody {
    fn from(row: TokenRow) -> Self {
        // The tenant is the caller's own.
        let TokenRow { id, tenant: _, name, role, created_at, expires_at } = row;
        Self {
            id: id.to_string(),
            name,
            role,
            created_at: created_at.to_string(),
            expires_at: shown(expires_at),
        }
    }
}
