//! Tenants that are edited badly, wait for an adapter or are removed.

use std::fs;
use std::time::{Duration, Instant};

use crossdock_tests::bed::call;
use crossdock_tests::guests::test_adapter;
use crossdock_tests::live::{Live, Seen, script};
use crossdock_tests::wait::until;

/// A tenant's file that must not serve.
struct BadEdit {
    /// What is put into the tenant's file, in place of what.
    edit: (&'static str, &'static str),
    /// Code of the problem.
    code: &'static str,
    /// Line it names.
    line: u32,
    /// What its sentence names: the key, the value, what to do.
    names: &'static [&'static str],
}

/// Lines are those of [`Live::tenant`].
const BAD_EDITS: [BadEdit; 9] = [
    BadEdit {
        edit: ("allow_private", "allow_privat"),
        code: "config-unknown-key",
        line: 4,
        names: &["allow_privat", "allow_private"],
    },
    BadEdit {
        edit: ("settings = {", "settings = {{"),
        code: "config-syntax",
        line: 5,
        names: &[],
    },
    BadEdit {
        edit: ("acme.txt", "nobody.txt"),
        code: "config-secret-missing",
        line: 6,
        names: &["secrets.secret", "nobody.txt"],
    },
    BadEdit {
        edit: ("\"test-adapter\"", "\"tset-adapter\""),
        code: "config-unknown-adapter",
        line: 2,
        names: &["`tset-adapter`", "test-adapter"],
    },
    BadEdit {
        edit: ("path = \"/", "path = \""),
        code: "config-settings",
        line: 5,
        names: &["settings.path"],
    },
    BadEdit {
        edit: ("path =", "pfad ="),
        code: "config-settings",
        line: 5,
        names: &["pfad"],
    },
    BadEdit {
        edit: ("echo = ", "ecco = "),
        code: "config-unknown-operation",
        line: 8,
        names: &["`ecco`"],
    },
    BadEdit {
        edit: ("map.jq", "nap.jq"),
        code: "config-file-missing",
        line: 8,
        names: &["nap.jq"],
    },
    BadEdit {
        edit: ("map.jq", "map.php"),
        code: "config-unknown-language",
        line: 8,
        names: &["`.php`"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_tenants_file_leaves_the_old_one_serving_until_it_is_repaired() {
    let live = Live::start().await;
    fs::write(live.file("map.php"), "<?php").unwrap();
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let traffic = live.traffic(2);
    let mut serving = "t0".to_owned();
    for (number, bad) in BAD_EDITS.iter().enumerate() {
        let generation = live.generation();
        let text = live.tenant("bad");
        let (from, to) = bad.edit;
        assert!(text.contains(from), "{from}");
        live.bed
            .put_tenant("acme", "tenant.toml", &text.replacen(from, to, 1));
        let problems = until("the bad file to be refused", || {
            let problems = live.status("acme")?.problems;
            (!problems.is_empty()).then_some(problems)
        })
        .await;
        let problem = problems
            .iter()
            .find(|problem| problem.code == bad.code)
            .unwrap_or_else(|| panic!("{} among {problems:#?}", bad.code));
        let place = problem.place.as_ref().unwrap();
        assert_eq!(place.file, live.file("tenant.toml"), "{problem}");
        assert_eq!(place.line, bad.line, "{problem}");
        for name in bad.names {
            assert!(problem.detail.contains(name), "{name}: {problem}");
        }
        // Nobody but the file's owner is to be told where the secrets are.
        assert!(!problem.to_string().contains("the first key"));
        assert_eq!(live.generation(), generation, "{}", bad.code);
        assert_eq!(live.ask().await.unwrap(), Seen::new("a0", "s0", &serving));

        serving = format!("t{}", number + 1);
        let text = live.tenant(&serving);
        live.bed.put_tenant("acme", "tenant.toml", &text);
        live.until_seen(&Seen::new("a0", "s0", &serving)).await;
        assert!(live.status("acme").unwrap().problems.is_empty());
    }
    let observed = traffic.stop().await;
    assert!(observed.seen.iter().all(|seen| seen.tenant != "bad"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_compile_leaves_the_old_one_serving() {
    let live = Live::start().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let traffic = live.traffic(2);
    live.bed
        .put_tenant("acme", "map.jq", "{\n  n: .number,\n  script: }\n");
    let problem = until("the bad script to be refused", || {
        live.status("acme")?.problems.into_iter().next()
    })
    .await;
    assert_eq!(problem.code, "script-compile");
    let place = problem.place.as_ref().unwrap();
    assert_eq!(
        (&place.file, place.line, place.column),
        (&live.file("map.jq"), 3, 11)
    );
    let shown = problem.to_string();
    assert!(
        shown.ends_with("3 |   script: }\n  |           ^"),
        "{shown}"
    );
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;

    // One that compiles for ever is refused as well.
    let deep = "[".repeat(200_000);
    live.bed.put_tenant("acme", "map.jq", &deep);
    until("the deep script to be refused", || {
        let problem = live.status("acme")?.problems.into_iter().next()?;
        (problem.place.as_ref()?.line != 3).then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;

    live.bed.put_tenant("acme", "map.jq", &script("s1"));
    live.until_seen(&Seen::new("a0", "s1", "t0")).await;
    assert!(live.status("acme").unwrap().problems.is_empty());
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_the_file_that_serves_ends_the_complaint() {
    let live = Live::start().await;
    let good = live.tenant("t0");
    live.bed
        .put_tenant("acme", "tenant.toml", &good.replace("adapter", "adaptor"));
    until("the bad file to be refused", || {
        let status = live.status("acme")?;
        (!status.problems.is_empty()).then_some(())
    })
    .await;
    live.bed.put_tenant("acme", "tenant.toml", &good);
    until("the complaint to end", || {
        let status = live.status("acme")?;
        status.problems.is_empty().then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_waits_for_its_adapter_serves_when_that_arrives() {
    let mut live = Live::lay_out("").await;
    let path = live.bed.plugin_path("test-adapter");
    let elsewhere = live.bed.path("test-adapter.wasm");
    fs::rename(&path, &elsewhere).unwrap();
    live.watch().await;
    let status = live.status("acme").unwrap();
    assert_eq!(status.generation, None);
    assert_eq!(status.problems[0].code, "config-unknown-adapter");
    let refused = live.ask().await.unwrap_err();
    assert!(refused.contains("acme"), "{refused}");

    fs::rename(&elsewhere, &path).unwrap();
    until("the tenant to serve", || live.generation()).await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    assert!(live.status("acme").unwrap().problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_waits_for_an_adapter_serves_when_that_arrives() {
    let live = Live::start().await;
    // The edit uses what only the next version of the adapter accepts.
    let wanted = live
        .tenant("t1")
        .replace("settings = {", "settings = { sigh = true,");
    live.bed.put_tenant("acme", "tenant.toml", &wanted);
    until("the edit to be refused", || {
        let status = live.status("acme")?;
        (!status.problems.is_empty()).then_some(())
    })
    .await;
    assert_eq!(live.ask().await.unwrap(), Seen::new("a0", "s0", "t0"));
    let bytes = crossdock_tests::guests::patched(
        &test_adapter("normal", "a1"),
        br#""sign": { "type": "boolean""#,
        br#""sigh": { "type": "boolean""#,
    );
    live.bed.put_plugin("test-adapter", &bytes);
    live.until_seen(&Seen::new("a1", "s0", "t1")).await;
}

/// How long a vanished folder's tenant goes on, at least: most of the two
/// seconds of grace.
const GRACE: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_tenant_serves_through_its_grace_and_no_longer() {
    let live = Live::start().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let removed = Instant::now();
    fs::remove_dir_all(live.bed.path("tenants/acme")).unwrap();
    live.settled().await;
    let answer = live.ask().await;
    if removed.elapsed() < GRACE {
        assert_eq!(answer, Ok(Seen::new("a0", "s0", "t0")));
    }
    until("the tenant to be removed", || {
        live.status("acme").is_none().then_some(())
    })
    .await;
    assert!(removed.elapsed() >= GRACE);
    let call = call("acme", "shop", "echo", "{}");
    let problem = live.host().call(call).await.unwrap_err();
    assert_eq!(problem.code, "unknown-tenant");

    // It may come back.
    live.bed.put_tenant("acme", "map.jq", &script("s1"));
    live.bed
        .put_tenant("acme", "tenant.toml", &live.tenant("t1"));
    until("the tenant to serve again", || live.generation()).await;
    live.until_seen(&Seen::new("a0", "s1", "t1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_serves_without_a_restart() {
    let live = Live::start().await;
    live.bed.put_tenant("newcomer", "map.jq", &script("n0"));
    let text = live.tenant("t0");
    live.bed.put_tenant("newcomer", "tenant.toml", &text);
    until("the new tenant", || live.status("newcomer")?.generation).await;
    let call = call("newcomer", "shop", "echo", r#"{"number":1}"#);
    let report = live.host().call(call).await.unwrap();
    let data = report.items[0].data.as_ref().unwrap();
    assert!(data.get().contains(r#""script":"n0""#), "{data}");
}
