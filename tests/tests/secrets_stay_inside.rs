//! No secret and no signature is in anything the host says or stores, in
//! whatever spelling, though adapters log them, platforms repeat them, and both
//! arrive where they have to.
//!
//! All that could show one is collected and searched: reports, dry runs,
//! problems, statuses, what `Debug` prints, every log line down to TRACE, what
//! the command writes, and every file but the one that holds a secret.

use std::fmt::Debug;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock::host::Host;
use crossdock_tests::bed::{Bed, call, connection};
use crossdock_tests::client::Client;
use crossdock_tests::guests;
use crossdock_tests::leaks::Leaks;
use crossdock_tests::recorder::{Recorded, Recorder, Reply};
use crossdock_tests::wait::until;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tracing_subscriber::fmt::MakeWriter;

/// The two secrets, with all that needs an escape somewhere.
const IN_ENVIRONMENT: &str = "k3y/env+S3cr3t=&?%7E \"x\"";
const IN_FILE: &str = "f1le\\Secret \"库存\"~+/=<>end";

/// Where the first one is.
const VARIABLE: &str = "CROSSDOCK_TEST_SECRET";

/// User of basic authentication.
const USER: &str = "acme";

/// Longest a process may take.
const BOUND: Duration = Duration::from_secs(60);

/// Schemes of `auth`; each names the secret `other`.
const SCHEMES: [(&str, &str); 5] = [
    ("none", ""),
    (
        "basic",
        "auth = { basic = { user = \"acme\", secret = \"other\" } }",
    ),
    ("bearer", "auth = { bearer = { secret = \"other\" } }"),
    (
        "header",
        "auth = { header = { name = \"X-Token\", secret = \"other\" } }",
    ),
    (
        "query",
        "auth = { query = { name = \"token\", secret = \"other\" } }",
    ),
];

/// What the platform does, by the path of the base URL.
const ANSWERS: [&str; 7] = ["ok", "told", "400", "401", "500", "302", "text"];

/// What the adapter does.
const MODES: [&str; 6] = [
    "log-secrets",
    "leak-signature-in-error",
    "leak-signature-in-pointer",
    "leak-signature-in-name",
    "log-signature-and-trap",
    "next-forever",
];

/// A platform that repeats everything it was sent, wherever it can.
fn echo(request: &Recorded) -> Reply {
    let echo = request.to_json().to_string();
    let answer = request.target.split('/').nth(1).unwrap_or_default();
    let header = |name| request.header(name).unwrap_or_default();
    match answer {
        "ok" => Reply::json(echo),
        "told" => Reply::json(
            serde_json::json!({"outcome": "rejected", "code": request.target, "message": echo})
                .to_string(),
        ),
        "302" => {
            let told = format!("{} {}", header("x-secret"), header("authorization"));
            let told = utf8_percent_encode(&told, NON_ALPHANUMERIC);
            Reply::text(302, "").with_header("location", format!("/{told}{}", request.target))
        }
        "text" => Reply::text(200, echo),
        // Adapters quote the first 200 characters: not all of the secret.
        "400" => Reply::text(400, format!("{} {}", "x".repeat(180), header("x-secret"))),
        "500" => Reply::text(
            500,
            format!("{} {}", "x".repeat(170), header("x-signature")),
        ),
        status => Reply::text(status.parse().unwrap_or(200), echo),
    }
}

/// A bed with a connection for every scheme, secret and answer, and for every
/// mode; their names.
fn bed(platform: &Recorder) -> (Bed, Vec<String>) {
    let bed = Bed::new();
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.put_plugin("bad", b"no component");
    bed.configure(
        "[limits]\nguest_deadline_ms = 200\nguest_instances = 64\nfollow_up_requests = 2\n",
    );
    std::fs::write(bed.path("the-secret"), IN_FILE).expect("the secret's file");
    let file = format!("{{ file = \"{}\" }}", bed.path("the-secret").display());
    let variable = format!("{{ env = \"{VARIABLE}\" }}");
    let mut names = Vec::new();
    let mut tenant = String::new();
    let mut add = |name: String, answer: &str, mode: &str, auth: &str, swap: bool| {
        let (first, second) = if swap {
            (&file, &variable)
        } else {
            (&variable, &file)
        };
        let more = format!(
            "secrets = {{ secret = {first}, other = {second} }}\n{auth}\n\
             settings = {{ sign = true, secret_edits = true, mode = \"{mode}\" }}"
        );
        let base_url = format!("{}/{answer}", platform.base_url());
        tenant += &connection(&name, "test-adapter", &base_url, &more);
        names.push(name);
    };
    for swap in [false, true] {
        for (scheme, auth) in SCHEMES {
            for answer in ANSWERS {
                add(
                    format!("{scheme}-{answer}-{swap}"),
                    answer,
                    "normal",
                    auth,
                    swap,
                );
            }
        }
        for mode in MODES {
            add(format!("{mode}-{swap}"), "ok", mode, SCHEMES[1].1, swap);
        }
    }
    bed.put_tenant("acme", "tenant.toml", &tenant);
    // A tenant whose files are wrong, and one whose secrets the adapter lacks.
    let base_url = platform.base_url();
    let wrong =
        format!("secrets = {{ secret = {file} }}\nauth = {{ bearer = {{ secret = \"no\" }} }}");
    let wrong = connection("wrong", "test-adapter", &base_url, &wrong);
    bed.put_tenant("wrong", "tenant.toml", &wrong);
    let unset = format!("secrets = {{ other = {file} }}\nsettings = {{ secret_edits = true }}");
    let unset = connection("unset", "test-adapter", &base_url, &unset);
    bed.put_tenant("unset", "tenant.toml", &unset);
    (bed, names)
}

/// The secrets, and every signature that arrived.
fn leaks(requests: &[Recorded]) -> Leaks {
    let mut leaks = Leaks::default();
    for (name, text) in [
        ("the environment's", IN_ENVIRONMENT),
        ("the file's", IN_FILE),
    ] {
        leaks.secret(name, text);
        leaks.basic(USER, text);
    }
    let signatures = requests.iter().filter_map(|it| it.header("x-signature"));
    let mut signatures: Vec<&str> = signatures.collect();
    signatures.sort_unstable();
    signatures.dedup();
    for signature in signatures {
        leaks.signature(&hex::decode(signature).expect("hex"));
    }
    leaks
}

/// HMAC-SHA-256, which is what the test adapter signs with.
fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// The request carried its secrets and its signature: without this, a search
/// that finds nothing would say nothing.
fn arrived(request: &Recorded, scheme: &str, swap: bool) {
    let (secret, other) = match swap {
        false => (IN_ENVIRONMENT, IN_FILE),
        true => (IN_FILE, IN_ENVIRONMENT),
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query = |name: &str| {
        let url = url::Url::parse(&format!("http://h{}", request.target)).expect("a URL");
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| encoded(&value))
    };
    assert_eq!(request.header("x-secret"), Some(secret));
    assert_eq!(query("secret"), Some(encoded(secret)));
    let expected = signature(secret, &request.body);
    assert_eq!(request.header("x-signature"), Some(expected.as_str()));
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{other}")));
    let bearer = format!("Bearer {other}");
    let (name, value) = match scheme {
        "basic" => ("authorization", Some(basic.as_str())),
        "bearer" => ("authorization", Some(bearer.as_str())),
        "header" => ("x-token", Some(other)),
        _ => ("authorization", None),
    };
    assert_eq!(request.header(name), value, "{scheme}");
    let token = (scheme == "query").then(|| encoded(other));
    assert_eq!(query("token"), token, "{scheme}");
}

/// Everything that was said, and by whom.
#[derive(Default)]
struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    fn bytes(&mut self, place: impl Into<String>, bytes: Vec<u8>) {
        self.0.push((place.into(), bytes));
    }

    fn printed(&mut self, place: &str, value: &(impl Debug + ?Sized)) {
        self.bytes(format!("Debug of {place}"), format!("{value:?}").into());
        self.bytes(format!("Debug of {place}"), format!("{value:#?}").into());
    }

    fn serialized(&mut self, place: &str, value: &(impl Debug + Serialize + ?Sized)) {
        let json = serde_json::to_vec(value).expect("JSON");
        self.bytes(place, json);
        self.printed(place, value);
    }

    /// Every file below a folder, but the secret's own.
    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.files(&path);
            } else if !path.ends_with("the-secret") {
                let bytes = std::fs::read(&path).expect("a file");
                self.bytes(path.display().to_string(), bytes);
            }
        }
    }

    fn everything(&self) -> String {
        let texts = self
            .0
            .iter()
            .map(|(_, bytes)| String::from_utf8_lossy(bytes));
        texts.collect()
    }
}

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The environment of a running process cannot be changed safely, so this test
/// runs once more in a process that has the variable.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_or_stored_shows_a_secret() {
    if std::env::var_os(VARIABLE).is_some() {
        return search_the_library().await;
    }
    let program = std::env::current_exe().expect("this program");
    let mut again = Command::new(program);
    again
        .args(["--exact", "nothing_that_is_said_or_stored_shows_a_secret"])
        .arg("--nocapture")
        .env(VARIABLE, IN_ENVIRONMENT);
    let output = output_of(again).await;
    let written = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8_lossy(&written);
    assert!(output.status.success(), "{shown}");
    leaks(&[]).none_in("what the process wrote", &written);
}

async fn output_of(mut command: Command) -> std::process::Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(BOUND, command.output()).await;
    output.expect("an end within the bound").expect("a process")
}

async fn search_the_library() {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .init();
    let platform = Recorder::answering(echo).await;
    let (bed, names) = bed(&platform);
    let host = bed.host().await;
    let mut said = Said::default();

    for swap in [false, true] {
        for (scheme, _) in SCHEMES {
            for answer in ANSWERS {
                say(
                    &host,
                    &mut said,
                    "acme",
                    &format!("{scheme}-{answer}-{swap}"),
                    "{}",
                )
                .await;
                arrived(&platform.last(), scheme, swap);
            }
        }
    }
    assert_eq!(
        names.len(),
        2 * (SCHEMES.len() * ANSWERS.len() + MODES.len())
    );
    for name in names {
        say(&host, &mut said, "acme", &name, r#"{"n":1}"#).await;
    }
    // The signature stands where a log line is cut, and a little before.
    for length in (7_600..8_200).chain(1_600..2_100).step_by(20) {
        let document = format!(r#"{{"filler":"{}"}}"#, "x".repeat(length));
        say(&host, &mut said, "acme", "log-secrets-true", &document).await;
    }
    say(&host, &mut said, "unset", "unset", "{}").await;

    said.serialized("plugins", &*host.plugins());
    said.serialized("tenants", &*host.tenants());
    said.printed("the configuration", host.config());
    said.printed("the snapshot", &host.snapshot());
    for tenant in host.snapshot().tenants.values() {
        said.printed("a tenant's values", &tenant.config);
    }
    said.bytes("the log", lines.bytes());
    said.files(&bed.path(""));

    let leaks = leaks(&platform.requests());
    for (place, bytes) in &said.0 {
        leaks.none_in(place, bytes);
    }
    // They would have been there: each has left its mask.
    let everything = said.everything();
    for mask in ["«secret»", "«other»", "«signature»"] {
        assert!(everything.contains(mask), "{mask} is nowhere");
    }
    assert!(String::from_utf8_lossy(&lines.bytes()).contains("plugin serves"));
}

/// A call and a dry run, and all they say.
async fn say(host: &Host, said: &mut Said, tenant: &str, name: &str, body: &str) {
    let place = format!("the dry run of {name}");
    match host.dry_run(call(tenant, name, "echo", body)).await {
        Ok(dry_run) => said.serialized(&place, &dry_run),
        Err(problem) => {
            said.serialized(&place, &problem);
            said.bytes(place, problem.to_string().into());
        }
    }
    let place = format!("the report of {name}");
    match host.call(call(tenant, name, "echo", body)).await {
        Ok(report) => said.serialized(&place, &report),
        Err(problem) => {
            said.serialized(&place, &problem);
            said.bytes(place, problem.to_string().into());
        }
    }
}

/// The command with this configuration, at its most talkative.
fn crossdock(bed: &Bed, arguments: &[&str]) -> Command {
    let mut command = Command::new(guests::program("crossdock"));
    command
        .arg("--config")
        .arg(bed.path("crossdock.toml"))
        .args(["--log-level", "trace"])
        .args(arguments)
        .env(VARIABLE, IN_ENVIRONMENT)
        .env_remove("CROSSDOCK_TOKEN");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_command_writes_shows_a_secret() {
    let platform = Recorder::answering(echo).await;
    let (bed, _) = bed(&platform);
    let mut said = Said::default();
    std::fs::write(bed.path("items.json"), "[{},{}]").expect("items");
    let items = bed.path("items.json").display().to_string();
    for arguments in [
        &["check"][..],
        &["check", "--json"],
        &["plugin", "list", "--local"],
        &["call", "acme", "basic-ok-true", "echo", "--input", &items],
        &["call", "acme", "query-400-false", "echo", "--input", &items],
        &[
            "call",
            "acme",
            "log-secrets-true",
            "echo",
            "--input",
            &items,
        ],
        &[
            "call",
            "acme",
            "leak-signature-in-error-true",
            "echo",
            "--input",
            &items,
        ],
        &[
            "call",
            "acme",
            "query-ok-true",
            "echo",
            "--input",
            &items,
            "--dry-run",
        ],
    ] {
        let output = output_of(crossdock(&bed, arguments)).await;
        said.bytes(
            format!("{arguments:?}"),
            [output.stdout, output.stderr].concat(),
        );
    }
    serve(&bed, &mut said).await;
    said.files(&bed.path(""));

    assert_eq!(platform.count(), 8, "what was called did send");
    let leaks = leaks(&platform.requests());
    for (place, bytes) in &said.0 {
        leaks.none_in(place, bytes);
    }
    let everything = said.everything();
    for mask in ["«secret»", "«other»", "«signature»"] {
        assert!(everything.contains(mask), "{mask} is nowhere");
    }
}

/// A server, what it answers, and what it writes.
async fn serve(bed: &Bed, said: &mut Said) {
    let mut host = crossdock(bed, &["serve", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a server");
    let written = Lines::default();
    let readers = [
        tokio::spawn(keep(host.stdout.take().expect("stdout"), written.clone())),
        tokio::spawn(keep(host.stderr.take().expect("stderr"), written.clone())),
    ];
    let address = until("the server's address", || {
        let text = String::from_utf8_lossy(&written.bytes()).into_owned();
        let rest = text.split_once("listening on http://")?.1;
        Some(rest.split_once('\n')?.0.to_owned())
    })
    .await;
    let client = Client::new(format!("http://{address}"));
    for (method, path) in [
        (Method::POST, "/v1/acme/basic-ok-false/echo"),
        (Method::POST, "/v1/acme/query-500-true/echo"),
        (Method::POST, "/v1/acme/header-302-true/echo?dry_run=true"),
        (
            Method::POST,
            "/v1/acme/leak-signature-in-pointer-false/echo",
        ),
        (
            Method::POST,
            "/v1/acme/log-signature-and-trap-false/echo?dry_run=true",
        ),
        (Method::GET, "/v1/plugins"),
        (Method::GET, "/v1/tenants"),
        (Method::GET, "/readyz"),
    ] {
        let body = (method == Method::POST).then_some("[{}]");
        let (status, answer) = client.send(method, path, body).await.expect("an answer");
        said.bytes(format!("{path}: {status}"), answer.to_string().into());
    }
    host.kill().await.expect("its end");
    for reader in readers {
        reader.await.expect("its output");
    }
    let written = written.bytes();
    assert!(written.len() > 1000, "{} bytes", written.len());
    said.bytes("what the server wrote", written);
}

/// Keeps what a process writes, to its end.
async fn keep(mut stream: impl AsyncRead + Unpin, mut kept: Lines) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        kept.write_all(&buffer[..length]).expect("memory");
    }
}
