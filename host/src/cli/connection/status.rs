//! `crossdock connection status`, `renew` and `revoke`.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::super::Global;
use super::super::deliveries::{understood, when};
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, print, print_json, sentence};
use super::asking::Asking;

pub(super) const HELP: &str = "\
Example:
  crossdock connection status acme mini-shop

The exit code is 0 if requests can be signed, and 2 if a person is needed or
renewing fails.";

#[derive(Debug, Args)]
pub(in super::super) struct StatusArgs {
    #[command(flatten)]
    asking: Asking,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
}

/// Credentials, as the host shows them.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    connection: String,
    pub state: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    scopes: Option<String>,
    #[serde(default)]
    expires_ms: Option<u64>,
    #[serde(default)]
    refresh_expires_ms: Option<u64>,
    #[serde(default)]
    pub renewed_ms: Option<u64>,
    #[serde(default)]
    renewals: u64,
    #[serde(default)]
    failure: Option<Said>,
}

/// Why they are not renewed.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    blame: String,
    code: String,
    message: String,
    since_ms: u64,
    #[serde(default)]
    next_ms: Option<u64>,
}

impl Shown {
    /// 0 if requests can be signed, or if that needs nothing granted.
    pub fn exit(&self) -> Exit {
        match &*self.state {
            "ready" | "none" => Exit::Done,
            _ => Exit::Refused,
        }
    }

    pub fn text(&self, paint: Paint) -> String {
        let state = match &*self.state {
            "none" => "nothing is granted to it: its file has every secret".to_owned(),
            "missing" => paint.warn("nobody has authorized it yet"),
            "ready" => paint.good("authorized"),
            "failing" => paint.bad("renewing fails"),
            "needs-person" => paint.bad("a person has to authorize it anew"),
            "revoked" => paint.warn("forgotten"),
            other => sentence(other),
        };
        let mut text = format!("{}: {state}\n", paint.bold(&sentence(&self.connection)));
        let mut line = |name: &str, value: String| {
            text.push_str(&format!("  {name:<10} {value}\n"));
        };
        if let Some(account) = &self.account {
            line("account", sentence(account));
        }
        if let Some(scopes) = &self.scopes {
            line("scopes", sentence(scopes));
        }
        if let Some(expires) = self.expires_ms {
            line("until", when(expires));
        }
        if let Some(expires) = self.refresh_expires_ms {
            line("renewable", format!("until {}", when(expires)));
        }
        if let Some(renewed) = self.renewed_ms {
            let times = match self.renewals {
                0 => String::new(),
                1 => ", renewed once".to_owned(),
                times => format!(", renewed {times} times"),
            };
            line("since", format!("{}{times}", when(renewed)));
        }
        if let Some(said) = &self.failure {
            let Said { code, blame, .. } = said;
            line(
                "failure",
                sentence(&format!("{code} ({blame}): {}", said.message)),
            );
            let next = said
                .next_ms
                .map(|next| format!(", tried again at {}", when(next)));
            line(
                "failing",
                format!("since {}{}", when(said.since_ms), next.unwrap_or_default()),
            );
        }
        text
    }
}

pub(super) async fn status(global: &Global, args: StatusArgs) -> Finished {
    let answer = args.asking.host(global)?.get().await?;
    told(answer, args.json)
}

pub(super) async fn renew(global: &Global, args: StatusArgs) -> Finished {
    let answer = args.asking.host(global)?.post("renew", None).await?;
    told(answer, args.json)
}

pub(super) async fn revoke(global: &Global, args: StatusArgs) -> Finished {
    let answer = args.asking.host(global)?.delete().await?;
    let shown = show(answer, args.json)?;
    // It is what was asked for.
    Ok(match &*shown.state {
        "revoked" => Exit::Done,
        _ => shown.exit(),
    })
}

/// Shows an answer, and says by the exit code what it comes to.
pub(super) fn told(answer: Value, json: bool) -> Finished {
    Ok(show(answer, json)?.exit())
}

fn show(answer: Value, json: bool) -> Result<Shown, Failure> {
    let shown: Shown = understood(answer.clone())?;
    match json {
        true => print_json(&answer)?,
        false => print(&shown.text(Paint::stdout()))?,
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_shown_with_what_a_person_has_to_know() {
        let shown: Shown = serde_json::from_value(json!({
            "connection": "shop", "state": "failing", "account": "shop\u{1b}[2J 7", "scopes": "read write",
            "expires_ms": 1_700_000_000_000_u64, "refresh_expires_ms": 1_700_000_300_000_u64,
            "renewed_ms": 1_700_000_000_000_u64, "renewals": 3,
            "failure": {"blame": "platform", "code": "platform-unreachable", "message": "no\nanswer",
                "since_ms": 1_700_000_000_000_u64, "next_ms": 1_700_000_300_000_u64},
            "a member of a later version": 1
        }))
        .unwrap();
        let text = shown.text(Paint::stdout());
        for part in [
            "shop: renewing fails\n",
            "  account    shop\\u{1b}[2J 7\n",
            "  scopes     read write\n",
            "  until      2023-11-14 22:13:20Z\n",
            "  renewable  until 2023-11-14 22:18:20Z\n",
            "  since      2023-11-14 22:13:20Z, renewed 3 times\n",
            "  failure    platform-unreachable (platform): no answer\n",
            "  failing    since 2023-11-14 22:13:20Z, tried again at 2023-11-14 22:18:20Z\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(shown.exit(), Exit::Refused);
    }

    #[test]
    fn the_exit_code_says_whether_requests_can_be_signed() {
        for (state, exit) in [
            ("none", Exit::Done),
            ("ready", Exit::Done),
            ("missing", Exit::Refused),
            ("needs-person", Exit::Refused),
            ("revoked", Exit::Refused),
            ("of a later version", Exit::Refused),
        ] {
            let shown = json!({"connection": "shop", "state": state, "renewals": 0});
            let shown: Shown = serde_json::from_value(shown).unwrap();
            assert_eq!(shown.exit(), exit, "{state}");
            assert!(shown.text(Paint::stdout()).starts_with("shop: "));
        }
    }
}
