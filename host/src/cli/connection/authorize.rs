//! `crossdock connection authorize`.

use std::path::Path;
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::deliveries::{understood, when};
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{clean, note, print, print_json};
use super::super::{Global, read_input};
use super::asking::{Asking, Host};
use super::status::{Shown, told};
use crate::clock::now_ms;

pub(super) const HELP: &str = "\
Examples:
  crossdock connection authorize acme mini-shop --wait
  crossdock connection authorize acme mini-shop --code -

Without --code, the platform's address is printed. Whoever opens it and agrees
there is sent back to the host, if [server] public_url says where that is; else
the platform shows a code, or an address that leads nowhere with the code in it.
Either of them goes to --code. The address works once, for ten minutes.";

/// How often it is looked whether the person is back.
const LOOK: Duration = Duration::from_secs(1);

/// Most bytes of a code, or of an address with one.
const MOST_CODE: usize = 16 << 10;

#[derive(Debug, Args)]
pub(in super::super) struct AuthorizeArgs {
    #[command(flatten)]
    asking: Asking,
    /// What the platform gave: the code, or the whole address that it sent the browser to; - for stdin
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Wait until the person is back
    #[arg(long, conflicts_with = "code")]
    wait: bool,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Begun {
    url: String,
    expires_ms: u64,
}

pub(super) async fn run(global: &Global, args: AuthorizeArgs) -> Finished {
    let host = args.asking.host(global)?;
    if let Some(code) = args.code {
        let body = brought(code)?;
        let answer = host.post("code", Some(body)).await?;
        return told(answer, args.json);
    }
    let before: Shown = understood(host.get().await?)?;
    let answer = host.post("authorize", None).await?;
    let begun: Begun = understood(answer.clone())?;
    let until = when(begun.expires_ms);
    let named = host.named();
    if begun.url.is_empty() && !args.json {
        print(&format!(
            "get a code on the platform's own page about the application, and give it by {until} to `crossdock connection authorize {named} --code -`\n"
        ))?;
        return Ok(Exit::Done);
    }
    if !args.wait {
        match args.json {
            true => print_json(&answer)?,
            false => print(&format!(
                "open this address by {until} and agree at the platform:\n\n  {}\n\n\
                 then look at `crossdock connection status {named}`; \
                 if the platform shows a code instead of the host's page, give it to `crossdock connection authorize {named} --code -`\n",
                clean(&begun.url)
            ))?,
        }
        return Ok(Exit::Done);
    }
    let text = format!(
        "open this address by {until} and agree at the platform:\n\n  {}\n",
        clean(&begun.url)
    );
    match args.json {
        // What is printed there is one document.
        true => note(&text),
        false => print(&text)?,
    }
    told(wait(&host, &before, begun.expires_ms).await?, args.json)
}

/// The credentials once they are newer than before.
async fn wait(host: &Host, before: &Shown, until_ms: u64) -> Result<Value, Failure> {
    loop {
        let answer = host.get().await?;
        let shown: Shown = understood(answer.clone())?;
        if shown.state == "ready" && shown.renewed_ms > before.renewed_ms {
            return Ok(answer);
        }
        if now_ms() >= until_ms {
            return Err(anyhow::anyhow!(
                "nobody came back from the platform in time; begin anew, and give a code that it shows to --code"
            )
            .into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is sent of what was typed: a code alone, or an address with code and state.
fn brought(typed: String) -> Result<Bytes, Failure> {
    let typed = Zeroizing::new(typed);
    let text = match typed.trim() {
        "-" => {
            let bytes = Zeroizing::new(read_input(Some(Path::new("-")), MOST_CODE)?);
            let text = String::from_utf8(bytes.to_vec());
            Zeroizing::new(text.map_err(|_| anyhow::anyhow!("the code is not UTF-8 text"))?)
        }
        text => Zeroizing::new(text.to_owned()),
    };
    let text = text.trim();
    let in_address = || {
        let url = url::Url::parse(text)
            .ok()
            .filter(|_| text.contains("://"))?;
        let find = |wanted: &str| {
            let mut pairs = url.query_pairs();
            let found = pairs.find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        Some((find("code")?, find("state")))
    };
    let (code, state) = in_address().unwrap_or_else(|| (text.to_owned(), None));
    if code.is_empty() {
        return Err(anyhow::anyhow!("there is no code; paste what the platform shows").into());
    }
    let mut body = json!({"code": code});
    if let Some(state) = state {
        body["state"] = state.into();
    }
    Ok(Bytes::from(body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_alone_or_out_of_the_address_of_the_browser() {
        for (typed, expected) in [
            ("c0de/+=", json!({"code": "c0de/+="})),
            ("  c0de\n", json!({"code": "c0de"})),
            (
                "https://hub.example/v1/acme/shop/oauth/callback?code=c0%2Bde&state=s1&shop=7",
                json!({"code": "c0+de", "state": "s1"}),
            ),
            ("http://localhost/?code=c0de", json!({"code": "c0de"})),
            ("urn:ietf:c0de", json!({"code": "urn:ietf:c0de"})),
        ] {
            let body = brought(typed.to_owned()).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body, expected, "{typed}");
        }
        assert!(brought("  ".into()).is_err());
    }
}
