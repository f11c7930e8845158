//! `crossdock token`.

use clap::Subcommand;
use serde::Serialize;

use super::failure::{Exit, Finished};
use super::terminal::{print, print_json};
use crate::config::{Token, TokenHash};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token: shown once, kept nowhere
    #[command(
        after_help = "The token is for the caller (`Authorization: Bearer …`). Its hash goes into the tenant's \
            tenant.toml as `tokens = […]`, or into crossdock.toml under [server] as `admin_tokens = […]`."
    )]
    New {
        /// For programs: {"token", "hash"}
        #[arg(long)]
        json: bool,
    },
}

/// For programs.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    hash: String,
}

pub(super) fn run(command: &TokenCommand) -> Finished {
    let TokenCommand::New { json } = command;
    let token = Token::generate();
    let made = Made {
        token: token.expose(),
        hash: TokenHash::of(token.expose()).to_string(),
    };
    if *json {
        print_json(&made)?;
    } else {
        print(&text(&made))?;
    }
    Ok(Exit::Done)
}

fn text(made: &Made) -> String {
    format!(
        "{}\n\n\
         The line above is the token. Give it to the caller now; it is shown once and kept nowhere.\n\
         Put its hash at the top of the tenant's tenant.toml:\n\n\
         tokens = [\"{hash}\"]\n\n\
         or, for an administrator, who sees what is loaded and the records of all tenants, into crossdock.toml below [server]:\n\n\
         admin_tokens = [\"{hash}\"]\n",
        made.token,
        hash = made.hash
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_paste_holds_the_hash_and_not_the_token() {
        let token = Token::generate();
        let hash = TokenHash::of(token.expose());
        let text = text(&Made {
            token: token.expose(),
            hash: hash.to_string(),
        });
        assert!(text.starts_with(token.expose()));
        assert_eq!(text.matches(token.expose()).count(), 1);
        let line = text
            .lines()
            .find(|line| line.starts_with("tokens = "))
            .unwrap();
        let parsed: TokenHash = line
            .trim_start_matches("tokens = [\"")
            .trim_end_matches("\"]")
            .parse()
            .unwrap();
        assert!(parsed.verify(token.expose()));
    }
}
