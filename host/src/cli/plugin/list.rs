//! `crossdock plugin list`.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Global;
use super::super::client::{self, NoAnswer, Told};
use super::super::failure::{Exit, Failure, Finished};
use super::super::loaded::{self, PluginView};
use super::super::terminal::{Paint, note, print, print_json};
use crate::api::Plugins;
use crate::plugin::verify::CONTRACTS;

pub(super) const HELP: &str = "\
Asks the host that runs at the configured address, with the admin token in CROSSDOCK_TOKEN if that is set.
Where none listens, the plugins folder is loaded here and now. Which of the two was done is said on stderr.
One that is starting answers when everything is loaded, and is waited for, a minute at most.";

#[derive(Debug, Args)]
pub(in super::super) struct ListArgs {
    /// For programs: what `GET /v1/plugins` answers
    #[arg(long)]
    json: bool,
    /// Ask the host at this URL, and only that one
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    url: Option<String>,
    /// The environment variable that holds the admin token
    #[arg(long, value_name = "VARIABLE", default_value = client::TOKEN_VARIABLE)]
    token_env: String,
    /// Load the plugins folder here, whether a host runs or not
    #[arg(long)]
    local: bool,
}

/// What `GET /v1/plugins` answers.
#[derive(Deserialize)]
struct Answered {
    plugins: Vec<PluginView>,
}

pub(super) async fn run(global: &Global, args: ListArgs) -> Finished {
    let token = client::token(&args.token_env);
    let token = token.as_deref();
    if let Some(url) = &args.url {
        return match ask(url, token, &args.token_env).await? {
            Asked::Host(body) => show(&body, args.json),
            Asked::Nobody(why) => Err(anyhow::anyhow!(
                "{why}; start the host with `crossdock serve`, or leave out --url: without a host, the plugins folder is loaded here"
            )
            .into()),
        };
    }
    if !args.local {
        let url = client::here(global.config()?.listen);
        match ask(&url, token, &args.token_env).await? {
            Asked::Host(body) => {
                note(&format!("as the host at {url} says"));
                return show(&body, args.json);
            }
            Asked::Nobody(why) => note(&format!("{why}; loading the plugins folder here")),
        }
    }
    let host = global.host().await?;
    let plugins = host.plugins();
    if args.json {
        print_json(&Plugins {
            plugins: &plugins,
            contracts: &CONTRACTS,
            following: host.following().plugins,
        })?;
    } else {
        print(&loaded::plugins(Paint::stdout(), &loaded::views(&plugins)?))?;
    }
    Ok(Exit::Done)
}

enum Asked {
    /// What a host answered.
    Host(String),
    /// There is none, in one sentence.
    Nobody(String),
}

/// Asks a host. One that wants another token, or that takes the question and says
/// nothing, is an error; something else that answers there is nobody.
async fn ask(url: &str, token: Option<&str>, variable: &str) -> Result<Asked, Failure> {
    ask_within(client::LONG_PATIENCE, url, token, variable).await
}

async fn ask_within(
    most: Duration,
    url: &str,
    token: Option<&str>,
    variable: &str,
) -> Result<Asked, Failure> {
    // It may be starting: loading what it loads already would make both slower.
    let waiting = || {
        note(&format!(
            "waiting for the host at {url}, which may be starting"
        ));
    };
    let answer = match client::get_from_slow(url, "/v1/plugins", token, most, waiting).await {
        Ok(answer) => answer,
        Err(nobody @ NoAnswer::Nobody { .. }) => return Ok(Asked::Nobody(nobody.to_string())),
        Err(why @ (NoAnswer::Late { .. } | NoAnswer::Request(_))) => {
            return Err(anyhow::anyhow!("{why}").into());
        }
    };
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status.is_success() && serde_json::from_str::<Answered>(&body).is_ok() {
        return Ok(Asked::Host(body));
    }
    match serde_json::from_str::<Told>(&body) {
        Ok(told) if told.code == "unauthorized" => {
            let said = client::not_let_in(url, token.is_some(), "an admin token", variable);
            Err(anyhow::anyhow!("{said}, or use --local to load the plugins folder here").into())
        }
        Ok(told) => Err(anyhow::anyhow!(
            "the host at {url} says: {}; with --local the plugins folder is loaded here",
            told.detail
        )
        .into()),
        Err(_) => Ok(Asked::Nobody(format!(
            "what answers at {url} is not a crossdock host"
        ))),
    }
}

fn show(body: &str, json: bool) -> Finished {
    let broken = |error| {
        let why = crate::json_failure::sentence(&error);
        anyhow::anyhow!(
            "the host's answer cannot be read ({why}); is it another version of crossdock?"
        )
    };
    if json {
        let raw: &RawValue = serde_json::from_str(body).map_err(broken)?;
        print_json(&serde_json::from_str::<serde_json::Value>(raw.get()).map_err(broken)?)?;
    } else {
        let answered: Answered = serde_json::from_str(body).map_err(broken)?;
        print(&loaded::plugins(Paint::stdout(), &answered.plugins))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one request with these bytes.
    async fn answering(answer: &'static str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await.unwrap();
            let status = if answer.contains("unauthorized") {
                "401 Unauthorized"
            } else {
                "200 OK"
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            socket.write_all(head.as_bytes()).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        url
    }

    #[tokio::test]
    async fn a_host_that_has_not_answered_is_never_taken_for_nobody() {
        // As one that listens and still loads.
        let starting = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", starting.local_addr().unwrap());
        let most = Duration::from_millis(50);
        let Err(Failure::Other(error)) = ask_within(most, &url, None, "X").await else {
            panic!("it should be an error");
        };
        assert!(error.to_string().contains("has not answered within"));
    }

    #[tokio::test]
    async fn a_host_is_told_from_nobody_and_from_somebody_else() {
        let host = answering(r#"{"plugins":[]}"#).await;
        assert!(matches!(ask(&host, None, "X").await, Ok(Asked::Host(_))));

        let other = answering("<html>hello</html>").await;
        assert!(matches!(ask(&other, None, "X").await, Ok(Asked::Nobody(_))));

        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let nobody = ask(&format!("http://{address}"), None, "X").await;
        assert!(matches!(nobody, Ok(Asked::Nobody(_))));

        let closed_to_us = answering(r#"{"code":"unauthorized","detail":"no"}"#).await;
        let Err(Failure::Other(error)) = ask(&closed_to_us, None, "MY_TOKEN").await else {
            panic!("it should be an error");
        };
        assert!(error.to_string().contains("MY_TOKEN"));
        assert!(ask("ftp://example.com", None, "X").await.is_err());
    }
}
