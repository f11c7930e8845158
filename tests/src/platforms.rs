//! One tenant's connections to the platforms' stand-ins, with the accounts
//! that the stand-ins know by default.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crossdock::host::{Call, Host};
use crossdock::problem::Problem;
use crossdock::report::{ItemReport, Report};
use crossdock::telemetry::incoming::Incoming;
use crossdock_stand_ins::{Options, StandIns};
use serde_json::Value;

use crate::bed::Bed;

/// The platforms of which seed documents are kept.
pub const PLATFORMS: [&str; 5] = ["lingzhi", "fengchao", "doudian", "wangdian", "dingliyun"];

/// All bundled adapters; each has a stand-in.
pub const BUNDLED: [&str; 6] = [
    "lingzhi",
    "fengchao",
    "doudian",
    "wangdian",
    "dingliyun",
    "shopify",
];

/// The platforms that take any stock record; Shopify's articles are numbers.
pub const STOCK_PLATFORMS: [&str; 4] = ["lingzhi", "fengchao", "doudian", "dingliyun"];

/// The tenant of all connections.
pub const TENANT: &str = "acme";

/// One `[connections.…]` of the tenant's file.
#[derive(Debug, Clone)]
pub struct Connection {
    name: String,
    platform: &'static str,
    /// Settings as TOML values.
    settings: BTreeMap<String, String>,
    /// Secrets with another text than the stand-in's account.
    secrets: BTreeMap<&'static str, String>,
    /// `name = value` lines of `limits`.
    limits: BTreeMap<String, String>,
    /// Operation and jq script.
    scripts: Vec<(String, String)>,
}

impl Connection {
    /// A connection of the platform's name with the stand-in's account.
    ///
    /// # Panics
    /// When there is no such platform: its name is a constant of the test.
    pub fn to(platform: &'static str) -> Self {
        let settings: &[(&str, &str)] = match platform {
            "lingzhi" => &[],
            "fengchao" => &[
                ("appid", "app-demo"),
                ("seller_nick", "38173182"),
                ("path", "/gateway/dd/sku/syncstock"),
            ],
            "doudian" => &[("app_key", "app-key")],
            "wangdian" => &[("sid", "wdtapi3"), ("key", "appkey")],
            "dingliyun" => &[("tenant_id", "demo")],
            "shopify" => &[("default_location", "7")],
            other => panic!("there is no platform {other}"),
        };
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), format!("{value:?}")))
            .collect();
        Self {
            name: platform.to_owned(),
            platform,
            settings,
            secrets: BTreeMap::new(),
            limits: BTreeMap::new(),
            scripts: Vec::new(),
        }
    }

    /// Under another name than the platform's.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// A setting; `value` is TOML.
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// Another text of a secret that the account has.
    pub fn secret(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.secrets.insert(name, text.into());
        self
    }

    /// A limit; `value` is TOML.
    pub fn limit(mut self, name: &str, value: impl ToString) -> Self {
        self.limits.insert(name.to_owned(), value.to_string());
        self
    }

    /// The jq script of an operation.
    pub fn script(mut self, operation: &str, source: impl Into<String>) -> Self {
        self.scripts.push((operation.to_owned(), source.into()));
        self
    }

    /// Secrets as `name = text` and the connection's `auth`.
    fn account(&self) -> (&'static [(&'static str, &'static str)], &'static str) {
        match self.platform {
            "fengchao" => (&[("app_secret", "secret-demo")], ""),
            "doudian" => (
                &[("app_secret", "secret"), ("access_token", "token-demo")],
                "",
            ),
            "wangdian" => (&[("secret", "testsecret"), ("salt", "testsalt")], ""),
            "dingliyun" => (
                &[("password", "demo-password")],
                r#"auth = { basic = { user = "demo-user", secret = "password" } }"#,
            ),
            "shopify" => (
                &[("access-token", "shpat-demo")],
                r#"auth = { header = { name = "X-Shopify-Access-Token", secret = "access-token" } }"#,
            ),
            _ => (&[], ""),
        }
    }

    fn write(&self, bed: &Bed, base_url: &str, out: &mut String) -> std::fmt::Result {
        let Self { name, platform, .. } = self;
        writeln!(out, "[connections.{name}]")?;
        writeln!(out, "adapter = \"{platform}\"")?;
        writeln!(out, "base_url = \"{base_url}\"")?;
        writeln!(out, "allow_private = true")?;
        let (secrets, auth) = self.account();
        writeln!(out, "{auth}")?;
        if !self.settings.is_empty() {
            writeln!(out, "[connections.{name}.settings]")?;
            for (setting, value) in &self.settings {
                writeln!(out, "{setting} = {value}")?;
            }
        }
        if !secrets.is_empty() {
            writeln!(out, "[connections.{name}.secrets]")?;
            for (secret, text) in secrets {
                let file = format!("{name}-{secret}.txt");
                let own = self.secrets.get(secret).map(String::as_str);
                bed.put_tenant(TENANT, &file, own.unwrap_or(text));
                writeln!(out, "{secret} = {{ file = \"{file}\" }}")?;
            }
        }
        if !self.scripts.is_empty() {
            writeln!(out, "[connections.{name}.mappings]")?;
            for (operation, source) in &self.scripts {
                let file = format!("{name}.{operation}.jq");
                bed.put_tenant(TENANT, &file, source);
                writeln!(out, "\"{operation}\" = \"{file}\"")?;
            }
        }
        if !self.limits.is_empty() {
            writeln!(out, "[connections.{name}.limits]")?;
            for (limit, value) in &self.limits {
                writeln!(out, "{limit} = {value}")?;
            }
        }
        Ok(())
    }
}

/// The stand-ins and a host with one tenant that is connected to them.
pub struct Platforms {
    /// The far end.
    pub stand_ins: Arc<StandIns>,
    /// The host.
    pub host: Host,
    _bed: Bed,
}

impl Platforms {
    /// Starts both with these connections. The host has all bundled adapters and
    /// the jq engine.
    ///
    /// # Panics
    /// When something does not load: the message says what and why.
    pub async fn start(options: Options, connections: &[Connection]) -> Self {
        Self::start_configured(options, connections, "").await
    }

    /// The same with a `crossdock.toml`.
    ///
    /// # Panics
    /// When something does not load: the message says what and why.
    pub async fn start_configured(
        options: Options,
        connections: &[Connection],
        configuration: &str,
    ) -> Self {
        let stand_ins = StandIns::start(options).await.expect("the stand-ins");
        let mut plugins = BUNDLED.to_vec();
        plugins.push("script-jq");
        let bed = Bed::with_plugins(&plugins);
        bed.share_compiled_code();
        bed.configure(configuration);
        put_tenant(&bed, &stand_ins, connections);
        let host = Host::start(bed.config(), false)
            .await
            .unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(
            host.snapshot().adapters.len(),
            BUNDLED.len(),
            "{:?}",
            host.plugins()
        );
        assert_eq!(host.snapshot().tenants.len(), 1, "{:#?}", host.tenants());
        Self {
            stand_ins: Arc::new(stand_ins),
            host,
            _bed: bed,
        }
    }

    /// One connection of each platform's name, all with these limits.
    pub async fn start_plain(limits: &[(&str, u32)]) -> Self {
        let connections: Vec<Connection> = PLATFORMS
            .into_iter()
            .map(|platform| {
                limits
                    .iter()
                    .fold(Connection::to(platform), |connection, (limit, value)| {
                        connection.limit(limit, value)
                    })
            })
            .collect();
        Self::start(Options::default(), &connections).await
    }

    /// Delivers and expects a report.
    ///
    /// # Panics
    /// When the call as a whole was refused.
    pub async fn deliver(&self, connection: &str, operation: &str, body: &Value) -> Report {
        self.deliver_text(connection, operation, body.to_string())
            .await
    }

    /// The same with a body as text.
    ///
    /// # Panics
    /// When the call as a whole was refused.
    pub async fn deliver_text(
        &self,
        connection: &str,
        operation: &str,
        body: impl Into<String>,
    ) -> Report {
        let call = Call {
            tenant: TENANT.into(),
            connection: connection.into(),
            operation: operation.into(),
            body: body.into().into(),
            idempotency_key: None,
            trace: Incoming::default(),
        };
        self.host
            .call(call)
            .await
            .unwrap_or_else(|problem| panic!("{connection} {operation}: {problem}"))
    }
}

/// What the host says about a tenant with this connection: nothing if it serves.
///
/// # Panics
/// When the host does not start.
pub async fn problems_of(connection: &Connection) -> Vec<Problem> {
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let bed = Bed::with_plugins(&[connection.platform]);
    bed.share_compiled_code();
    put_tenant(&bed, &stand_ins, std::slice::from_ref(connection));
    let host = Host::start(bed.config(), false)
        .await
        .unwrap_or_else(|problem| panic!("{problem}"));
    let tenants = host.tenants();
    tenants
        .into_iter()
        .flat_map(|tenant| tenant.problems)
        .collect()
}

/// Writes the tenant's file with these connections.
///
/// # Panics
/// When it cannot be written.
pub fn put_tenant(bed: &Bed, stand_ins: &StandIns, connections: &[Connection]) {
    let mut file = String::new();
    for connection in connections {
        let base_url = stand_ins.base_url(connection.platform);
        connection
            .write(bed, &base_url, &mut file)
            .expect("writing into a string");
    }
    bed.put_tenant(TENANT, "tenant.toml", &file);
}

/// An item's result document.
pub fn data(item: &ItemReport) -> Value {
    item.data
        .as_ref()
        .and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default()
}

/// An item's code, empty where it has none.
pub fn code(item: &ItemReport) -> &str {
    item.code.as_deref().unwrap_or_default()
}

/// An item's message, empty where it has none.
pub fn message(item: &ItemReport) -> &str {
    item.message.as_deref().unwrap_or_default()
}
