//! `crossdock deliveries` and `crossdock outbox`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests::test_adapter;
use crossdock_tests::process::{Ended, Serving, crossdock, finish, run};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;

/// A host with a tenant whose platform refuses what is bad, until it is told
/// otherwise.
struct Night {
    bed: Bed,
    host: Serving,
    platform: Recorder,
    open: Arc<AtomicBool>,
}

impl Night {
    async fn begin() -> Self {
        let open = Arc::new(AtomicBool::new(false));
        let gate = open.clone();
        let platform = Recorder::answering(move |request| {
            match request.text().contains("bad") && !gate.load(Ordering::Relaxed) {
                true => Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no such"}"#),
                false => Reply::json("{}"),
            }
        })
        .await;
        let bed = Bed::new();
        bed.share_compiled_code();
        bed.configure("");
        bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
        let text = connection("shop", "test-adapter", &platform.base_url(), "");
        bed.put_tenant("acme", "tenant.toml", &text);
        let host = Serving::start(&bed.path("")).await;
        Self {
            bed,
            host,
            platform,
            open,
        }
    }

    async fn queue(&self, body: &str) -> String {
        let client = self.host.client();
        let queued = until_async("the tenant to serve", async || {
            let queued = client.post("/v1/acme/shop/keyed?queue=true", body).await;
            queued.ok()
        })
        .await;
        queued["delivery"].as_str().unwrap().to_owned()
    }

    /// A command that asks this host.
    async fn ask(&self, arguments: &[&str]) -> Ended {
        let url = ["--url", &self.host.base_url];
        let arguments = [&["deliveries"], arguments, &url[..]].concat();
        run(&self.bed.path(""), &arguments).await
    }

    async fn ended(&self, id: &str, status: &str) {
        until_async("the delivery to end", async || {
            let shown = self.ask(&["show", id, "--json"]).await;
            (shown.json()["status"] == status).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_delivered_is_found_looked_at_and_mended_from_the_shell() {
    let night = Night::begin().await;
    let id = night
        .queue(r#"[{"sku":"good"},{"sku":"bad 1"},{"sku":"bad 2"},{"sku":"bad 3"}]"#)
        .await;
    night.ended(&id, "partial").await;

    let list = night
        .ask(&["list", "--status", "rejected,failed", "--since", "1h"])
        .await;
    assert_eq!(list.code, Some(0), "{list:?}");
    for part in [
        &*id, "TENANT", "acme", "rejected", "bad 2", "E1", "platform", "no such",
    ] {
        assert!(list.stdout.contains(part), "{part}\n{}", list.stdout);
    }
    assert!(!list.stdout.contains("good"), "{}", list.stdout);
    let json = night
        .ask(&["list", "--label", "bad", "--json", "--limit", "2"])
        .await
        .json();
    assert_eq!(json["items"].as_array().unwrap().len(), 2, "{json}");
    let none = night.ask(&["list", "--until", "1h"]).await;
    assert_eq!(none.stdout, "nothing matches\n");

    let shown = night.ask(&["show", &id]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.stdout.contains(&format!("delivery {id}: partial")),
        "{}",
        shown.stdout
    );
    let item = night.ask(&["show", &id, "1"]).await;
    for part in [
        "rejected",
        r#"{"sku":"bad 1"}"#,
        "POST",
        "→ HTTP 200",
        "E1",
        "test-adapter",
    ] {
        assert!(item.stdout.contains(part), "{part}\n{}", item.stdout);
    }

    let sent = night.platform.count();
    let dry = night.ask(&["retry", &id, "1", "--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let body = dry.json()["sends"][0]["run"]["requests"][0]["body"].clone();
    assert!(body.as_str().unwrap().contains("bad 1"), "{dry:?}");
    fs::write(night.bed.path("item.json"), r#"{"sku":"better"}"#).unwrap();
    let edit = ["edit", &id, "1", "--input", "item.json", "--reason", "typo"];
    let dry = night.ask(&[&edit[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.stdout.contains("better"), "{dry:?}");
    assert_eq!(night.platform.count(), sent);

    let edited = night.ask(&[&edit[..], &["--who", "Ann"]].concat()).await;
    assert_eq!(
        (edited.code, &*edited.stdout),
        (Some(0), "edited; it goes again\n"),
        "{edited:?}"
    );
    until_async("it to arrive", async || {
        let item = night.ask(&["show", &id, "1", "--json"]).await.json();
        (item["status"] == "accepted").then_some(())
    })
    .await;
    let item = night.ask(&["show", &id, "1"]).await;
    assert!(
        item.stdout.contains("by Ann") && item.stdout.contains("typo"),
        "{}",
        item.stdout
    );

    let discarded = [
        "discard", "--status", "rejected", "--label", "bad 3", "--reason", "old",
    ];
    let dry = night.ask(&[&discarded[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.json()["changed"], 1, "{dry:?}");
    let discarded = night.ask(&discarded).await;
    assert_eq!(
        (discarded.code, &*discarded.stdout),
        (Some(0), "1 given up\n"),
        "{discarded:?}"
    );

    night.open.store(true, Ordering::Relaxed);
    let retried = night
        .ask(&[
            "retry",
            "--status",
            "rejected",
            "--connection",
            "shop",
            "--json",
        ])
        .await;
    assert_eq!(retried.json(), serde_json::json!({"changed": 1, "left": 0}));
    night.ended(&id, "partial").await;
    // Nothing of it can be retried any more but what was given up, which is done.
    let again = night.ask(&["retry", &id]).await;
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stdout.contains("4 left as they are"), "{again:?}");

    let export = night.ask(&["export", "--output", "all.ndjson"]).await;
    assert_eq!(export.code, Some(0), "{export:?}");
    let text = fs::read_to_string(night.bed.path("all.ndjson")).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    let piped = night.ask(&["export", "--status", "discarded"]).await;
    assert_eq!(piped.json()["input"]["sku"], "bad 3", "{piped:?}");
    let again = night.ask(&["export", "--output", "all.ndjson"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("nothing is overwritten"), "{again:?}");
    assert_eq!(
        fs::read_to_string(night.bed.path("all.ndjson")).unwrap(),
        text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_in_one_sentence() {
    let night = Night::begin().await;
    let id = night.queue(r#"{"sku":"good"}"#).await;
    night.ended(&id, "accepted").await;
    fs::write(night.bed.path("item.json"), "no json").unwrap();
    let other = "01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11";
    for (arguments, says) in [
        (&["list", "--status", "broken"][..], "`broken` is no status"),
        (
            &["list", "--since", "yesterday"],
            "--since `yesterday` is no time",
        ),
        (&["list", "--limit", "0"], "`limit` must be a number"),
        (&["show", other], "there is no delivery"),
        (&["show", "x/../y"], "there is no delivery"),
        (&["show", &id, "7"], "has no item 7"),
        (&["retry"], "say which items to retry"),
        (&["retry", "--status", "accepted"], "can be retried"),
        (&["retry", &id, "0"], "is `accepted` and cannot be retried"),
        (
            &["retry", &id, "--status", "failed"],
            "name a delivery, or say which records match",
        ),
        (
            &["discard", &id, "0", "--reason", "x"],
            "cannot be discarded",
        ),
        (&["discard", &id, "--reason", " "], "say why"),
        (
            &["edit", &id, "0", "--input", "item.json", "--reason", "x"],
            "cannot be edited",
        ),
        (
            &["edit", &id, "0", "--input", "none.json", "--reason", "x"],
            "none.json",
        ),
    ] {
        let ended = night.ask(arguments).await;
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    // A dry run of what cannot be sent any more says so.
    let nobody = ["deliveries", "list", "--url", "http://127.0.0.1:1"];
    let nobody = run(&night.bed.path(""), &nobody).await;
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("crossdock serve"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_uses_its_own_token_and_an_operator_the_admins() {
    let night = Night::begin().await;
    let folder = night.bed.path("");
    let token = async || run(&folder, &["token", "new", "--json"]).await.json();
    let (admin, tenant) = (token().await, token().await);
    let Night {
        bed,
        host,
        platform,
        ..
    } = night;
    drop(host);
    bed.configure(&format!("server.admin_tokens = [{}]\n", admin["hash"]));
    let shop = connection("shop", "test-adapter", &platform.base_url(), "");
    let file = format!("tokens = [{}]\n{shop}", tenant["hash"]);
    bed.put_tenant("acme", "tenant.toml", &file);
    let host = Serving::start(&folder).await;
    let list = async |token: Option<&serde_json::Value>, more: &[&str]| {
        let url = ["deliveries", "list", "--url", &host.base_url];
        let mut command = crossdock(&folder, &[&url[..], more].concat());
        if let Some(token) = token {
            command.env("CROSSDOCK_TOKEN", token["token"].as_str().unwrap());
        }
        finish(command, "").await
    };
    let of_acme = ["--tenant", "acme"];
    for (token, more, code) in [
        (None, &[][..], 1),
        (None, &of_acme, 1),
        (Some(&tenant), &[], 1),
        (Some(&tenant), &of_acme, 0),
        (Some(&admin), &[], 0),
        (Some(&admin), &of_acme, 0),
    ] {
        let ended = list(token, more).await;
        assert_eq!(ended.code, Some(code), "{more:?}: {ended:?}");
        assert_eq!(
            ended.stderr.contains("CROSSDOCK_TOKEN"),
            code == 1,
            "{ended:?}"
        );
    }
}

async fn outbox(folder: &Path, arguments: &[&str]) -> Ended {
    run(folder, &[&["outbox"], arguments].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_copied_and_checked_while_the_host_runs_and_when_it_does_not() {
    let night = Night::begin().await;
    let folder = night.bed.path("");
    let mut ids = Vec::new();
    for round in 0..2 {
        let records = r#"[{"sku":"good","mode":"adjust"},{"sku":"bad","mode":"adjust"}]"#;
        ids.push(night.queue(records).await);
        let file = format!("copy-{round}.db");
        let backup = outbox(&folder, &["backup", &file]).await;
        assert_eq!(backup.code, Some(0), "{backup:?}");
        assert!(backup.stdout.contains(&file), "{backup:?}");
        let check = outbox(&folder, &["check", &file]).await;
        assert_eq!(check.code, Some(0), "{check:?}");
    }
    let check = outbox(&folder, &["check", "--json"]).await;
    assert_eq!(
        (check.code, &check.json()["ok"]),
        (Some(0), &true.into()),
        "{check:?}"
    );
    let again = outbox(&folder, &["backup", "copy-0.db"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("nothing is overwritten"), "{again:?}");
    night.ended(&ids[1], "partial").await;
    let Night { bed, host, .. } = night;
    host.kill().await;
    // After a kill, what the log has is read, too.
    let check = outbox(&folder, &["check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let backup = outbox(&folder, &["backup", "last.db", "--json"]).await;
    assert_eq!(backup.json()["file"], "last.db", "{backup:?}");

    // The copy in place of what was lost.
    let data = folder.join("data/outbox");
    for file in ["outbox.db", "outbox.db-wal", "outbox.db-shm"] {
        let _ = fs::remove_file(data.join(file));
    }
    let none = outbox(&folder, &["check"]).await;
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("there is no such file"), "{none:?}");
    fs::copy(folder.join("last.db"), data.join("outbox.db")).unwrap();
    let host = Serving::start(&bed.path("")).await;
    for id in &ids {
        let shown = host
            .client()
            .get(&format!("/v1/acme/deliveries/{id}"))
            .await
            .unwrap();
        assert_eq!(shown["status"], "partial", "{shown}");
    }
    drop(host);

    fs::write(
        folder.join("last.db"),
        "no database, but long enough to be looked at".repeat(99),
    )
    .unwrap();
    let other = outbox(&folder, &["check", "last.db"]).await;
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(other.stderr.contains("is not an outbox"), "{other:?}");
}
