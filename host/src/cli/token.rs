//! `heddle token`: create, list, revoke.

use std::{process::ExitCode, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::{access::Ask, output};
use crate::{
    api::{
        tokens::{TokenCreate, TokenCreated, TokenList},
        wire::TokenBody,
    },
    engine::Role,
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
        ask: Ask,
    },
    /// List the tokens, without their secrets
    List {
        #[command(flatten)]
        ask: Ask,
    },
    /// Let a token open nothing any more
    Revoke {
        /// The token's id
        id: TokenId,
        #[command(flatten)]
        ask: Ask,
    },
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { name, role, expires_in_days, ask } => {
            let days = expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
            let expires_at = days.map(|days| Timestamp::now().plus(days));
            let wanted = serde_json::to_value(TokenCreate { name, role, expires_at })?;
            let created: TokenCreated = ask.call_or_make(Method::POST, "/tokens", Some(wanted)).await?;
            match ask.json {
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
        Command::List { ask } => {
            let tokens: TokenList = ask.call(Method::GET, "/tokens", None).await?;
            print_list(&tokens.items, ask.json)?;
        }
        Command::Revoke { id, ask } => {
            let _nothing: Value = ask.call(Method::DELETE, &format!("/tokens/{id}"), None).await?;
            match ask.json {
                true => output::json(&json!({ "revoked": id }))?,
                false => output::say(&format!("revoked {id}"))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
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
