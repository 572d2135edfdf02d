//! `heddle token`: create, list, revoke.

use std::{process::ExitCode, time::Duration};

use super::{
    access::{Access, Where},
    output,
};
use crate::{
    api::{
        tokens::{TokenCreate, TokenCreated, TokenList},
        wire::TokenBody,
    },
    engine::{NewToken, Role},
    model::{Timestamp, TokenId},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token and print its secret, which is shown this once
    Create {
        /// For people: who or what uses it
        name: String,
        /// What it may do: viewer (looks), user (starts and steers runs) or admin (loads plugins, makes tokens)
        #[arg(long)]
        role: Role,
        /// It opens for so many days [default: until it is revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
        expires_in_days: Option<u16>,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tokens, without their secrets
    List {
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a token open nothing any more
    Revoke {
        /// The token's id
        id: TokenId,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { name, role, expires_in_days, place, json } => {
            let days = expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
            let expires_at = days.map(|days| Timestamp::now().plus(days));
            let access = place.open(false).await?;
            let created = create(&access, TokenCreate { name, role, expires_at }).await;
            access.close().await;
            let created = created?;
            match json {
                true => output::json(&created)?,
                false => {
                    let TokenCreated { token, secret } = created;
                    eprintln!(
                        "token {} with the role {}; its secret is shown this once:",
                        token.id, token.role
                    );
                    output::say(&secret)?;
                }
            }
        }
        Command::List { place, json } => {
            let access = place.open(true).await?;
            let tokens = list(&access).await;
            access.close().await;
            print_list(&tokens?, json)?;
        }
        Command::Revoke { id, place, json } => {
            let access = place.open(true).await?;
            let revoked = revoke(&access, id).await;
            access.close().await;
            revoked?;
            match json {
                true => output::json(&serde_json::json!({ "revoked": id }))?,
                false => output::say(&format!("revoked {id}"))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(access: &Access, wanted: TokenCreate) -> anyhow::Result<TokenCreated> {
    match access {
        Access::Local(local) => {
            let TokenCreate { name, role, expires_at } = wanted;
            let (token, secret) = local.tenant.token_create(NewToken { name, role, expires_at }).await?;
            Ok(TokenCreated { token: token.into(), secret })
        }
        Access::Remote(client) => client.post_json("/tokens", &wanted).await,
    }
}

async fn list(access: &Access) -> anyhow::Result<Vec<TokenBody>> {
    match access {
        Access::Local(local) => Ok(local.tenant.tokens().await?.into_iter().map(Into::into).collect()),
        Access::Remote(client) => Ok(client.get::<TokenList>("/tokens").await?.items),
    }
}

async fn revoke(access: &Access, id: TokenId) -> anyhow::Result<()> {
    match access {
        Access::Local(local) => Ok(local.tenant.token_revoke(id).await?),
        Access::Remote(client) => client.delete(&format!("/tokens/{id}")).await,
    }
}

fn print_list(tokens: &[TokenBody], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&tokens);
    }
    if tokens.is_empty() {
        return output::say("no tokens; the first `heddle serve` makes the admin's");
    }
    let rows = tokens.iter().map(|token| {
        vec![
            token.id.clone(),
            output::plain(&token.name),
            token.role.clone(),
            output::seconds(&token.created_at),
            token.expires_at.as_deref().map_or_else(|| "never".to_owned(), output::seconds),
        ]
    });
    output::say(&output::table(&["TOKEN", "NAME", "ROLE", "CREATED", "EXPIRES"], &[], rows.collect()))
}
