//! Reads `[notify]` of a tenant's file: where it wants to hear what became of
//! its records.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossdock_store::{Phase, State};
use url::Url;
use zeroize::Zeroizing;

use super::Secret;
use super::connection::{ConnectionReader, parse_url};
use super::mistakes::Report;
use super::reader::{Section, listed};

/// What a secret for signing may begin with.
const PREFIX: &str = "whsec_";

/// Bytes of a signing key, as the specification has them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Events of one message unless the setting says otherwise.
const MOST_EVENTS: usize = 100;

/// How long a message is tried unless the setting says otherwise.
const HOURS: u64 = 72;

/// `[notify]`.
#[derive(Clone)]
pub struct NotifyConfig {
    /// `url`: where messages go; `http` or `https`. It may have a query, and is
    /// not printed: it may hold a token.
    pub url: Url,
    /// `secret`, then `old_secret` where there is one: a message is signed with
    /// each.
    pub keys: Vec<SigningKey>,
    /// `states`: what is told; default: every end, and what is held.
    pub states: Vec<State>,
    /// `most_events`: events of one message; default 100.
    pub most_events: usize,
    /// `hours`: how long after its time an event is tried; default 72.
    pub longest: Duration,
    /// `ca_file`: PEM certificates trusted besides the system's roots.
    pub extra_roots: Option<Arc<[u8]>>,
    /// `allow_private`: private, loopback and link-local addresses may be called.
    pub allow_private: bool,
    /// `credentials`: whether it is told how credentials are getting on; default yes.
    pub credentials: bool,
}

impl fmt::Debug for NotifyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyConfig")
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}

/// A key that messages are signed with.
#[derive(Clone)]
pub struct SigningKey(Arc<Zeroizing<Vec<u8>>>);

impl SigningKey {
    /// The key of a secret: Base64 of 24 to 64 bytes, with or without `whsec_`
    /// in front. Nothing for a text that is none.
    pub fn of(secret: &str) -> Option<Self> {
        let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
        let key = Zeroizing::new(STANDARD.decode(text).ok()?);
        KEY_BYTES.contains(&key.len()).then(|| Self(Arc::new(key)))
    }

    /// Its bytes. Whoever calls this must not let them reach a log, an error or
    /// a file.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«key»")
    }
}

/// The setting, or nothing where something is wrong with it, which is reported.
pub(super) fn read_notify(
    mut section: Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<NotifyConfig> {
    let url = section.required(
        report,
        "url",
        "say where messages go, as in url = \"https://erp.example.com/hooks/crossdock\".",
    );
    let instead = "a message is signed, which proves where it comes from";
    let url = url.and_then(|typed| parse_url(&typed, instead, report));
    let key = key(&mut section, "secret", reader, report);
    if section.any("secret").is_none() {
        let advice = "name it, as in secret = { file = \"webhook.txt\" }; `echo whsec_$(openssl rand -base64 32)` makes one.";
        section.missing(report, "secret", advice);
    }
    let old_key = self::key(&mut section, "old_secret", reader, report);
    let states = states(&mut section, report);
    let most_events = section.integer(report, "most_events", 1..=1000);
    let hours = section.integer(report, "hours", 1..=720);
    let ca_file = section.text(report, "ca_file");
    let extra_roots = ca_file.and_then(|typed| reader.ca_file(&typed, report));
    let allow_private = section.boolean(report, "allow_private").unwrap_or(false);
    let credentials = section.boolean(report, "credentials").unwrap_or(true);
    section.finish(report);
    Some(NotifyConfig {
        url: url?,
        keys: [Some(key?), old_key].into_iter().flatten().collect(),
        states,
        most_events: most_events.map_or(MOST_EVENTS, |most| most as usize),
        longest: Duration::from_secs(hours.unwrap_or(HOURS) * 60 * 60),
        extra_roots,
        allow_private,
        credentials,
    })
}

fn key(
    section: &mut Section,
    name: &'static str,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<SigningKey> {
    let typed = section.any(name)?;
    let entry = section.entries().find(|entry| entry.name == name)?;
    let secret: Secret = reader.secret(&entry, report)?;
    let key = SigningKey::of(secret.expose());
    if key.is_none() {
        let detail = "names a text that is no signing secret: it is Base64 of 24 to 64 bytes, with or without `whsec_` in front, as `echo whsec_$(openssl rand -base64 32)` prints one.";
        typed.refuse(report, "config-bad-value", detail);
    }
    key
}

/// What an item can come to that somebody may want to hear of.
fn told() -> impl Iterator<Item = State> {
    let told = |state: &State| state.phase() != Phase::Open || *state == State::Held;
    State::ALL.into_iter().filter(told)
}

fn states(section: &mut Section, report: &mut Report) -> Vec<State> {
    if !section.table().contains_key("states") {
        return told().collect();
    }
    let typed = section.strings(report, "states");
    if typed.is_empty() {
        let detail = format!(
            "has a `states` without any state; these can be told: {}.",
            listed(told().map(State::as_str))
        );
        section.refuse(report, "config-bad-value", detail);
    }
    let mut states = Vec::new();
    for word in typed {
        match told().find(|state| state.as_str() == word.value) {
            Some(state) => states.push(state),
            None => {
                let known = listed(told().map(State::as_str));
                let detail = format!("is no state that is told; these are: {known}.");
                word.refuse(report, "config-bad-value", detail);
            }
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_base64_of_enough_bytes_with_or_without_its_prefix() {
        let plain = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let key = SigningKey::of(plain).unwrap();
        assert_eq!(key.expose().len(), 24);
        let prefixed = SigningKey::of(&format!("whsec_{plain}")).unwrap();
        assert_eq!(prefixed.expose(), key.expose());
        assert_eq!(format!("{key:?}"), "«key»");
        let long = STANDARD.encode([7; 65]);
        let short = STANDARD.encode([7; 23]);
        for text in ["", "whsec_", "not base64 at all, whatever", &long, &short] {
            assert!(SigningKey::of(text).is_none(), "{text}");
        }
    }

    /// What is said of a tenant's file with these lines in `[notify]`.
    fn read(lines: &str) -> Result<NotifyConfig, Vec<String>> {
        let tenants = tempfile::tempdir().unwrap();
        let dir = tenants.path().join("acme");
        std::fs::create_dir(&dir).unwrap();
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
        std::fs::write(dir.join("secret.txt"), secret).unwrap();
        std::fs::write(dir.join("short.txt"), "whsec_AAAA\n").unwrap();
        let text = format!(
            "[notify]\n{lines}\n[connections.shop]\nadapter = \"lingzhi\"\nbase_url = \"https://a.example\"\n"
        );
        std::fs::write(dir.join("tenant.toml"), text).unwrap();
        let read = crate::config::load_tenant(&dir, &crate::secrets::Sources::ignored()).checked();
        match read {
            Ok(config) => Ok(config.notify.unwrap()),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    const URL: &str = "url = \"https://erp.example.com/hook?token=hidden\"\n";
    const KEY: &str = "secret = { file = \"secret.txt\" }\n";

    #[test]
    fn a_small_setting_has_every_default_and_shows_nothing_of_its_url() {
        let config = read(&format!("{URL}{KEY}")).unwrap();
        assert_eq!((config.keys.len(), config.most_events), (1, 100));
        assert_eq!(config.longest, Duration::from_secs(72 * 60 * 60));
        assert_eq!(config.states.len(), 9);
        assert!(config.credentials);
        assert!(config.states.contains(&State::Held) && !config.states.contains(&State::Queued));
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("hidden") && !shown.contains("MfKQ"),
            "{shown}"
        );
        let all = format!(
            "{URL}{KEY}old_secret = {{ file = \"secret.txt\" }}\nstates = [\"failed\"]\nmost_events = 7\nhours = 1\nallow_private = true\ncredentials = false\n"
        );
        let config = read(&all).unwrap();
        assert_eq!((config.keys.len(), config.most_events), (2, 7));
        assert_eq!(config.states, [State::Failed]);
        assert!(config.allow_private && !config.credentials);
    }

    #[test]
    fn what_is_wrong_with_a_setting_is_said_with_its_key() {
        for (lines, expected) in [
            (KEY.to_owned(), "`notify.url` is missing"),
            (URL.to_owned(), "`notify.secret` is missing"),
            (
                format!("url = \"ftp://a\"\n{KEY}"),
                "must start with https://",
            ),
            (
                format!("url = \"https://u:p@a.example\"\n{KEY}"),
                "a message is signed",
            ),
            (
                format!("url = \"https://a.example/#x\"\n{KEY}"),
                "a fragment",
            ),
            (format!("{URL}secret = \"whsec_AAAA\"\n"), "must be { env"),
            (
                format!("{URL}secret = {{ file = \"short.txt\" }}\n"),
                "no signing secret",
            ),
            (
                format!("{URL}{KEY}states = [\"queued\"]\n"),
                "no state that is told",
            ),
            (format!("{URL}{KEY}states = []\n"), "without any state"),
            (format!("{URL}{KEY}hours = 0\n"), "between 1 and 720"),
            (format!("{URL}{KEY}uri = 1\n"), "not a known key"),
        ] {
            let said = read(&lines).unwrap_err().join("\n");
            assert!(said.contains(expected), "{lines}: {said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }
}
