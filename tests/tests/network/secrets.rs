//! Secrets that somebody else keeps, each rotated while the host runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crossdock::host::Host;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};

use crate::bed;

/// A tenant whose token is where `secret` says.
fn put_tenant(bed: &Bed, platform: &Recorder, secret: &str) {
    let more = format!(
        "secrets = {{ token = {secret} }}\n\
         auth = {{ header = {{ name = \"X-Token\", secret = \"token\" }} }}\n\
         outbox = {{ gather_ms = 0 }}\n"
    );
    let tenant = connection("shop", "test-adapter", &platform.base_url(), &more);
    bed.put_tenant("acme", "tenant.toml", &tenant);
}

/// Calls until the platform is sent this token.
async fn sends(host: &Host, platform: &Recorder, token: &str) {
    until_async(&format!("`{token}` to be sent"), async || {
        if host
            .tenants()
            .iter()
            .any(|tenant| tenant.generation.is_some())
        {
            deliver(host, call("acme", "shop", "echo", "{}")).await;
        }
        let requests = platform.requests();
        let last = requests.last()?;
        (last.header("x-token") == Some(token)).then_some(())
    })
    .await;
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_program_prints_is_rotated_with_it() {
    let platform = Recorder::start().await;
    let bed = bed("[secrets]\ncommands = true\n");
    let printed = bed.path("printed");
    replace(&printed, "first-token\n");
    let secret = format!(
        "{{ command = [\"/bin/cat\", \"{}\"], every = \"1s\" }}",
        printed.display()
    );
    put_tenant(&bed, &platform, &secret);
    let host = bed.host().await;
    sends(&host, &platform, "first-token").await;
    replace(&printed, "second-token\n");
    sends(&host, &platform, "second-token").await;
    // A program that fails takes nothing away, and is told by `check`.
    fs::remove_file(&printed).unwrap();
    sends(&host, &platform, "second-token").await;
    let checked = bed.host_unwatched().await;
    let problems = &checked.tenants()[0].problems;
    assert_eq!(problems[0].code, "config-secret-missing");
    assert!(
        problems[0].detail.contains("failed (exit status"),
        "{problems:?}"
    );
    assert_eq!(problems[0].place.as_ref().unwrap().line, 5, "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_is_run_unless_the_host_allows_it() {
    let platform = Recorder::start().await;
    let bed = bed("");
    let ran = bed.path("ran");
    let secret = format!("{{ command = [\"/bin/touch\", \"{}\"] }}", ran.display());
    put_tenant(&bed, &platform, &secret);
    let host = bed.host_unwatched().await;
    let problems = &host.tenants()[0].problems;
    assert!(
        problems[0].detail.contains("commands = true"),
        "{problems:?}"
    );
    assert!(!ran.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_volume_of_kubernetes_is_rotated_with_its_link() {
    let platform = Recorder::start().await;
    let bed = bed("");
    let volume = bed.path("volume");
    let version = |number: usize, token: &str| {
        let folder = volume.join(format!("..v{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("token"), token).unwrap();
        symlink(format!("..v{number}"), volume.join("..data_tmp")).unwrap();
        fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    };
    version(0, "first-token");
    symlink("..data/token", volume.join("token")).unwrap();
    let file = volume.join("token");
    put_tenant(
        &bed,
        &platform,
        &format!("{{ file = \"{}\" }}", file.display()),
    );
    let host = bed.host().await;
    sends(&host, &platform, "first-token").await;
    version(1, "second-token");
    fs::remove_dir_all(volume.join("..v0")).unwrap();
    sends(&host, &platform, "second-token").await;
}

/// A vault of one secret, whose `token` is this.
async fn vault(token: &Arc<Mutex<String>>) -> Recorder {
    let token = token.clone();
    Recorder::answering(move |request| {
        if request.header("x-vault-token") != Some("the-hosts-token") {
            return Reply::text(403, "{}");
        }
        match request.target.as_str() {
            "/v1/secret/data/acme/shop" => {
                let token = token.lock().unwrap().clone();
                Reply::json(format!(
                    "{{\"data\":{{\"data\":{{\"token\":\"{token}\"}}}}}}"
                ))
            }
            _ => Reply::text(404, "{}"),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_rotated_in_a_vault_lets_go_what_waited_for_credentials() {
    let token = Arc::new(Mutex::new("first-token".to_owned()));
    let vault = vault(&token).await;
    // The token of before is not accepted any more.
    let platform = Recorder::answering(|request| match request.header("x-token") {
        Some("second-token") => Reply::json("{}"),
        _ => Reply::text(401, "who are you"),
    })
    .await;
    let bed = bed(&format!(
        "[vault]\naddress = \"{}\"\ntoken = {{ file = \"vault-token\" }}\n",
        vault.base_url()
    ));
    fs::write(bed.path("vault-token"), "the-hosts-token\n").unwrap();
    let secret = "{ vault = { path = \"acme/shop\", key = \"token\" }, every = \"1s\" }";
    put_tenant(&bed, &platform, secret);
    let host = bed.host().await.with_outbox().await.unwrap();
    until("the tenant to serve", || {
        host.tenants()[0].generation.map(drop)
    })
    .await;
    host.queue(call("acme", "shop", "echo", "{}"))
        .await
        .unwrap();
    until("the platform to refuse it", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    *token.lock().unwrap() = "second-token".to_owned();
    until("the record to go with the next token", || {
        let requests = platform.requests();
        (requests.last()?.header("x-token") == Some("second-token")).then_some(())
    })
    .await;
    // Nothing else was tried in between.
    assert_eq!(platform.count(), 2);
}
