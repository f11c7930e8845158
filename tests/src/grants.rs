//! Shops whose tokens a token server gives, and a person who agrees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use crossdock_stand_ins::platforms::oauth::OauthClient;
use crossdock_stand_ins::{Options, StandIns};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use url::Url;

use crate::bed::Bed;
use crate::client::Client;
use crate::leaks::Leaks;
use crate::platforms::TENANT;

/// The location of all stock.
pub const LOCATION: u64 = 7;

/// Where the host says that it can be reached; the person's browser in these
/// tests knows the way there.
const PUBLIC: &str = "https://crossdock.example";

/// One connection and how it gets its token.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// A person agrees; the client proves itself by basic authentication.
    Code,
    /// The same with the client's secret in the body.
    CodeInBody,
    /// The same with PKCE alone.
    CodePublic,
    /// The app's own credentials.
    Client,
    /// Shopify's way of the same.
    Shopify,
}

impl Way {
    /// The connection's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "shop",
            Self::CodeInBody => "in-body",
            Self::CodePublic => "public",
            Self::Client => "machine",
            Self::Shopify => "shopify",
        }
    }

    /// The client's identifier at the token server.
    pub fn client(self) -> &'static str {
        match self {
            Self::Code => "shop app:1",
            Self::CodeInBody => "in-body",
            Self::CodePublic => "public",
            Self::Client => "machine",
            Self::Shopify => "shopify-app",
        }
    }

    fn grant(self) -> &'static str {
        match self {
            Self::Code | Self::CodeInBody | Self::CodePublic => "authorization_code",
            Self::Client | Self::Shopify => "client_credentials",
        }
    }

    /// The connection as a piece of the tenant's file.
    fn connection(self, stand_ins: &StandIns, bed: &Bed, limits: &str) -> String {
        let (name, grant, id) = (self.name(), self.grant(), self.client());
        let oauth = stand_ins.base_url("oauth");
        let base = stand_ins.base_url("shopify");
        let token_url = match self {
            Self::Shopify => format!("{base}/admin/oauth/access_token"),
            _ => format!("{oauth}/token"),
        };
        let mut more = format!("client_id = {id:?}, header = \"X-Shopify-Access-Token\"");
        if grant == "authorization_code" {
            more.push_str(&format!(", authorize_url = \"{oauth}/authorize\""));
        }
        if matches!(self, Self::CodeInBody | Self::Shopify) {
            more.push_str(", client_auth = \"body\"");
        }
        let mut secrets = String::new();
        let secret = secret_of(id);
        if !secret.is_empty() {
            more.push_str(", secret = \"client-secret\"");
            bed.put_tenant(TENANT, &format!("{name}.secret"), &secret);
            secrets = format!("secrets = {{ client-secret = {{ file = \"{name}.secret\" }} }}\n");
        }
        format!(
            "[connections.{name}]\nadapter = \"shopify\"\nbase_url = \"{base}\"\nallow_private = true\n{secrets}\
             auth = {{ oauth2 = {{ grant = \"{grant}\", token_url = \"{token_url}\", {more} }} }}\n\
             settings = {{ default_location = \"{LOCATION}\" }}\n{limits}\n"
        )
    }
}

fn secret_of(client: &str) -> String {
    let known = OauthClient::everybodys();
    let client = known.into_iter().find(|known| known.id == client);
    client.map_or(String::new(), |client| client.secret)
}

/// A host's folder and the stand-ins that it speaks to.
pub struct Shops {
    /// The far end.
    pub stand_ins: Arc<StandIns>,
    /// The host's folder.
    pub bed: Bed,
    /// The connections as the tenant's file has them.
    connections: String,
}

impl Shops {
    /// With a connection for each way; `limits` are further keys of each.
    ///
    /// # Panics
    /// When there is no place for them.
    pub fn new(options: Options, ways: &[Way], limits: &str) -> Self {
        let stand_ins = StandIns::start_in_background(options, 1).expect("the stand-ins");
        let bed = Bed::with_plugins(&["shopify"]);
        bed.share_compiled_code();
        bed.configure(&format!("[server]\npublic_url = \"{PUBLIC}\"\n"));
        let connections: Vec<String> = ways
            .iter()
            .map(|way| way.connection(&stand_ins, &bed, limits))
            .collect();
        let connections = connections.join("\n");
        bed.put_tenant(TENANT, "tenant.toml", &connections);
        Self {
            stand_ins: Arc::new(stand_ins),
            bed,
            connections,
        }
    }

    /// The tenant's file with something else at its top.
    pub fn tell(&self, notify: &str) {
        let text = format!("{notify}\n{}", self.connections);
        self.bed.put_tenant(TENANT, "tenant.toml", &text);
    }

    /// The stock of an item, as the shop has it.
    pub fn stock(&self, item: u64) -> Option<i64> {
        let level = self.stand_ins.shopify().level(item, LOCATION);
        level.map(|level| level.quantity)
    }

    /// What must be found nowhere: every token and code so far, and the clients'
    /// secrets.
    pub fn leaks(&self) -> Leaks {
        let mut leaks = Leaks::default();
        for (number, text) in self.stand_ins.oauth().texts().iter().enumerate() {
            leaks.secret(&format!("token {number}"), text);
        }
        for client in OauthClient::everybodys() {
            if !client.secret.is_empty() {
                leaks.secret(&client.id, &client.secret);
            }
        }
        leaks
    }

    /// Every file of the host's folder that shows a secret.
    pub fn shown_in_files(&self) -> Vec<String> {
        shown_in(&self.bed, &self.leaks())
    }
}

/// Every file of a host's folder that shows a secret, but those that a person put
/// there to hold one.
pub fn shown_in(bed: &Bed, leaks: &Leaks) -> Vec<String> {
    let mut shown = Vec::new();
    for path in files(&bed.path("")) {
        if path.extension().is_some_and(|kind| kind == "secret") {
            continue;
        }
        // A file may go while it is looked for.
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let found = leaks.found(&bytes);
        if !found.is_empty() {
            shown.push(format!("{}: {found:?}", path.display()));
        }
    }
    shown
}

/// All files below a folder; not what links lead to.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}

/// The path of a connection's credentials; `tail` begins with a slash or is empty.
pub fn credentials(connection: &str, tail: &str) -> String {
    format!("/v1/{TENANT}/{connection}/credentials{tail}")
}

/// What the host says of a connection's grant.
///
/// # Errors
/// If it does not answer.
pub async fn standing(host: &Client, connection: &str) -> anyhow::Result<Value> {
    host.get(&credentials(connection, "")).await
}

/// The state alone, empty if the host does not answer.
pub async fn state(host: &Client, connection: &str) -> String {
    let standing = standing(host, connection).await.unwrap_or_default();
    standing["state"].as_str().unwrap_or_default().to_owned()
}

/// One request of a browser that follows nothing: status, `Location`, text.
///
/// # Errors
/// If there is no answer.
pub async fn browse(url: &str) -> anyhow::Result<(StatusCode, Option<String>, String)> {
    let pool: Pool<_, Empty<Bytes>> = Pool::builder(TokioExecutor::new()).build_http();
    let answer = pool.get(url.parse()?).await?;
    let status = answer.status();
    let location = answer.headers().get("location");
    let location = location.and_then(|it| it.to_str().ok()).map(str::to_owned);
    let text = answer.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok((status, location, text))
}

/// Begins an authorization and agrees: the address of the callback as the
/// browser is sent there.
///
/// # Errors
/// If either server refuses.
pub async fn agree(host: &Client, connection: &str) -> anyhow::Result<Url> {
    let begun = host
        .post(&credentials(connection, "/authorize"), "{}")
        .await?;
    let url = begun["url"].as_str().context("an address to open")?;
    let (status, location, text) = browse(url).await?;
    ensure!(status == StatusCode::FOUND, "{status}: {text}");
    Ok(location.context("a way back")?.parse()?)
}

/// Follows the callback to the host, wherever that listens.
///
/// # Errors
/// If it does not answer.
pub async fn call_back(base: &str, callback: &Url) -> anyhow::Result<(StatusCode, String)> {
    let query = callback.query().unwrap_or_default();
    let (status, _, text) = browse(&format!("{base}{}?{query}", callback.path())).await?;
    Ok((status, text))
}

/// Authorises a connection as a person does.
///
/// # Errors
/// If anybody refuses.
pub async fn authorise(host: &Client, base: &str, connection: &str) -> anyhow::Result<()> {
    let callback = agree(host, connection).await?;
    let (status, text) = call_back(base, &callback).await?;
    ensure!(
        status.is_success(),
        "the callback answered {status}: {text}"
    );
    Ok(())
}

/// A record of stock.
pub fn record(item: u64, quantity: i64) -> String {
    json!({"sku": item.to_string(), "quantity": quantity}).to_string()
}

/// Delivers a record now: what became of its item, as `(status, code)`; a
/// problem's code where the call as a whole was refused.
///
/// # Errors
/// If the host does not answer.
pub async fn deliver(
    host: &Client,
    connection: &str,
    item: u64,
    quantity: i64,
) -> anyhow::Result<(String, String)> {
    let path = format!("/v1/{TENANT}/{connection}/stock.update");
    let (_, answer) = host
        .send(Method::POST, &path, Some(&record(item, quantity)))
        .await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = match answer.get("items").and_then(|items| items.get(0)) {
        Some(item) => (text(&item["status"]), text(&item["code"])),
        None => ("refused".to_owned(), text(&answer["code"])),
    };
    Ok(found)
}

/// Queues a record.
///
/// # Errors
/// If the host does not take it in.
pub async fn queue(
    host: &Client,
    connection: &str,
    item: u64,
    quantity: i64,
) -> anyhow::Result<()> {
    let path = format!("/v1/{TENANT}/{connection}/stock.update?queue=true");
    host.post(&path, &record(item, quantity)).await?;
    Ok(())
}
