//! What cannot be read now, and swaps that must not get lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use crossdock_tests::guests::test_adapter;
use crossdock_tests::live::{Live, Seen};
use crossdock_tests::wait::until;

/// Makes a path unreadable, for root, too: it leads to itself. What was there
/// is kept outside of the watched folders.
fn hide(live: &Live, path: &Path) {
    fs::rename(path, live.bed.path("kept")).unwrap();
    symlink(path, path).unwrap();
}

fn show(live: &Live, path: &Path) {
    fs::remove_file(path).unwrap();
    fs::rename(live.bed.path("kept"), path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_folder_that_cannot_be_read_goes_on_serving() {
    let live = Live::start().await;
    live.bed.put_tenant(
        "other",
        "tenant.toml",
        &live.tenant("t0").replace("mappings", "# "),
    );
    until("the other tenant", || live.status("other")?.generation).await;
    let traffic = live.traffic(2);
    let before = live.host().snapshot().tenants["acme"].clone();
    let acme = live.bed.path("tenants/acme");
    hide(&live, &acme);
    until("it to be noticed", || {
        live.status("acme")?.unreadable_since_ms
    })
    .await;
    let following = live.host().following();
    assert_eq!(following.tenants.unreadable[0].path, acme);

    // A folder that goes is removed after its time, and this one is not.
    fs::remove_dir_all(live.bed.path("tenants/other")).unwrap();
    until("the other tenant to be removed", || {
        live.status("other").is_none().then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let now = live.host().snapshot().tenants["acme"].clone();
    assert!(Arc::ptr_eq(&before, &now));

    show(&live, &acme);
    until("it to be read again", || {
        let status = live.status("acme")?;
        (status.unreadable_since_ms.is_none() && status.problems.is_empty()).then_some(())
    })
    .await;
    live.bed
        .put_tenant("acme", "tenant.toml", &live.tenant("t1"));
    live.until_seen(&Seen::new("a0", "s0", "t1")).await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tenants_go_on_while_their_folder_is_away() {
    let live = Live::start().await;
    let traffic = live.traffic(2);
    let root = live.bed.path("tenants");
    fs::rename(&root, live.bed.path("kept")).unwrap();
    until("it to be noticed", || {
        let unreadable = live.host().following().tenants.unreadable;
        unreadable.iter().any(|it| it.path == root).then_some(())
    })
    .await;
    fs::rename(live.bed.path("kept"), &root).unwrap();
    until("it to be read again", || {
        let unreadable = live.host().following().tenants.unreadable;
        unreadable.is_empty().then_some(())
    })
    .await;
    live.bed
        .put_tenant("acme", "tenant.toml", &live.tenant("t1"));
    until("a change to be taken again", || {
        (live.generation() == Some(2)).then_some(())
    })
    .await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_be_read_is_not_retired_and_is_read_again_by_itself() {
    let mut live = Live::lay_out("plugins.retire_missing = true\n").await;
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let traffic = live.traffic(2);
    let before = live.host().snapshot().adapters["test-adapter"].clone();
    let path = live.bed.plugin_path("test-adapter");
    hide(&live, &path);
    until("it to be tried again", || {
        let status = live.plugin("test-adapter")?;
        assert!(!status.missing);
        (status.retry?.failures >= 2).then_some(())
    })
    .await;
    let now = live.host().snapshot().adapters["test-adapter"].clone();
    assert!(Arc::ptr_eq(&before, &now));
    fs::write(live.bed.path("kept"), test_adapter("normal", "a1")).unwrap();
    show(&live, &path);
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_for_a_moment_is_read_again_by_itself() {
    let live = Live::start().await;
    let traffic = live.traffic(1);
    let secret = live.bed.path("secrets/acme.txt");
    hide(&live, &secret);
    until("it to be noticed", || {
        live.status("acme")?.unreadable_since_ms
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    show(&live, &secret);
    until("it to be read again", || {
        let status = live.status("acme")?;
        (status.unreadable_since_ms.is_none() && status.problems.is_empty()).then_some(())
    })
    .await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_beside_what_cannot_be_read_serves_the_others() {
    let mut live = Live::lay_out("").await;
    let lost = live.bed.path("tenants/lost+found");
    fs::create_dir(&lost).unwrap();
    symlink("tenant.toml", lost.join("tenant.toml")).unwrap();
    let bad = live.bed.plugin_path("unreadable");
    symlink(&bad, &bad).unwrap();
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let following = live.host().following();
    assert_eq!(following.tenants.unreadable[0].path, lost);
    assert_eq!(following.plugins.unreadable[0].path, bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_saved_again_while_they_compile_are_loaded() {
    let live = Live::start().await;
    // Nobody else has compiled these.
    let label = format!("own-{}", std::process::id());
    let bytes = test_adapter("normal", &label);
    for _ in 0..5 {
        live.bed.put_plugin("test-adapter", &bytes);
        live.settled().await;
    }
    live.until_seen(&Seen::new(&label, "s0", "t0")).await;
    assert!(live.plugin("test-adapter").unwrap().refused.is_none());
}
