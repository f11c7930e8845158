//! No secret and no signature is in anything the host says or stores, in
//! whatever spelling, though adapters log them, platforms repeat them, and both
//! arrive where they have to.
//!
//! All that could show one is collected and searched: reports, dry runs,
//! problems, statuses, what `Debug` prints, every log line down to TRACE, what
//! the command writes, and every file but the one that holds a secret.

mod said;
mod world;

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crossdock::host::Host;
use crossdock_tests::bed::{Bed, call};
use crossdock_tests::client::Client;
use crossdock_tests::process;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until;
use http::Method;
use said::{Lines, Said};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use world::{ANSWERS, IN_ENVIRONMENT, MODES, SCHEMES, VARIABLE, arrived, bed, echo, leaks};

/// Longest a process may take.
const BOUND: Duration = Duration::from_secs(60);

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

    said.shows_none_of(&leaks(&platform.requests()));
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
    let config = bed.path("crossdock.toml").display().to_string();
    let all = [&["--config", &config, "--log-level", "trace"], arguments].concat();
    let mut command = process::crossdock(&bed.path(""), &all);
    command.env(VARIABLE, IN_ENVIRONMENT);
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
    said.shows_none_of(&leaks(&platform.requests()));
}

/// A server, what it answers, and what it writes.
async fn serve(bed: &Bed, said: &mut Said) {
    let mut host = crossdock(bed, &["serve", "--listen", "127.0.0.1:0"])
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
