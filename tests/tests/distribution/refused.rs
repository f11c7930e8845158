//! What a registry gets wrong, and what would not load.

use std::fs;
use std::time::Duration;

use crossdock_stand_ins::oci::{Access, Fault, Registry};
use crossdock_tests::guests::{plugin, plugin_file};
use serde_json::json;

use crate::{MANIFEST, REPOSITORY, World, fails, lingzhi, pin_of};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_answer_that_is_wrong_is_written() {
    let world = World::stocked("").await;
    let elsewhere = Registry::start(Access::Open).await.unwrap();
    let without_tls = "http://registry.invalid/blob".to_owned();
    let again = format!("/v2/{REPOSITORY}/blobs/{}", pin_of(&lingzhi()));
    for (only, fault, says) in [
        (
            "/manifests/",
            Fault::OtherDigest,
            "gave something else than it should",
        ),
        ("/manifests/", Fault::OtherBytes, "no manifest"),
        (
            "/manifests/",
            Fault::CutOff,
            "was lost before its answer was whole",
        ),
        ("/manifests/", Fault::Padded(5 << 20), "answers more than"),
        (
            "/manifests/",
            Fault::Refuse(503, "UNAVAILABLE"),
            "HTTP 503, UNAVAILABLE: as told",
        ),
        (
            "/manifests/",
            Fault::Refuse(404, "MANIFEST_UNKNOWN"),
            "has no such plugin",
        ),
        ("/manifests/", Fault::Redirect(without_tls), "without TLS"),
        (
            "/blobs/",
            Fault::OtherBytes,
            "gave something else than it should",
        ),
        (
            "/blobs/",
            Fault::CutOff,
            "was lost before its answer was whole",
        ),
        ("/blobs/", Fault::Padded(100 << 20), "answers more than"),
        ("/blobs/", Fault::Padded(10), "answers more than"),
        (
            "/blobs/",
            Fault::Refuse(404, "BLOB_UNKNOWN"),
            "does not have what the manifest names",
        ),
        ("/blobs/", Fault::Redirect(again), "without an end"),
        (
            "/blobs/",
            Fault::Redirect(format!("http://{}/storage/x", elsewhere.name())),
            "HTTP 404",
        ),
    ] {
        let shown = format!("{only} {fault:?}");
        world.registry.misbehave(only, fault);
        let pulled = world.pull(":1.0.0", &["--install"]).await;
        eprintln!("{shown}: {}", pulled.stderr.trim());
        fails(&pulled, says);
        assert_eq!(world.plugins(), Vec::<String>::new(), "{shown}");
        world.registry.behave();
    }
    let pulled = world.pull(":1.0.0", &["--install"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_answer_is_not_waited_for() {
    let world = World::stocked("").await;
    let slow = Fault::Slow(Duration::from_secs(3600));
    world.registry.misbehave("/blobs/", slow);
    let pulled = world.pull(":1.0.0", &["--timeout", "1"]).await;
    fails(&pulled, "did not answer within the 1 s");
    let reference = "oci://127.0.0.1:1/a/b:1";
    let nobody = world.plugin(&["pull", reference], "").await;
    fails(&nobody, "no registry answers at 127.0.0.1:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_believed_and_not_the_registry() {
    let world = World::stocked("").await;
    let digest = world.pushed("1.0.0").await;
    world.registry.misbehave("/manifests/", Fault::OtherBytes);
    let pulled = world.pull(&format!("@{digest}"), &[]).await;
    fails(&pulled, &format!("and not {digest}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_storage_behind_a_registry_gets_no_credentials() {
    let access = Access::Basic {
        user: "me".into(),
        password: "secret".into(),
    };
    let world = World::new(access, "").await;
    let storage = Registry::start(Access::Open).await.unwrap();
    let blob = storage.put_blob(REPOSITORY, lingzhi());
    let file = plugin_file("lingzhi").display().to_string();
    let reference = world.reference(":1");
    let me = ["--username", "me", "--password-stdin"];
    let push = [&["push", &file, &reference][..], &me].concat();
    let pushed = world.plugin(&push, "secret").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let to = format!("http://{}/storage/{blob}", storage.name());
    world.registry.misbehave("/blobs/", Fault::Redirect(to));
    let pull = [&["pull", &reference][..], &me].concat();
    let pulled = world.plugin(&pull, "secret").await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(storage.asked().len(), 1);
    assert_eq!(storage.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_load_is_not_pushed() {
    let world = World::new(Access::Open, "[limits]\nplugin_mb = 1\n").await;
    let file = world.bed.path("broken.wasm");
    for (bytes, says) in [
        (&b"no component"[..], "at step `parse`"),
        (&b"\0asm\x01\0\0\0"[..], "a core module"),
    ] {
        fs::write(&file, bytes).unwrap();
        fails(&world.push(&file, ":1").await, says);
    }
    fs::write(&file, vec![0; (1 << 20) + 1]).unwrap();
    fails(&world.push(&file, ":1").await, "`[limits] plugin_mb`");
    let missing = world.bed.path("missing.wasm");
    fails(&world.push(&missing, ":1").await, "missing.wasm");
    assert_eq!(world.registry.asked(), [], "nobody was asked");
}

/// A manifest with one layer, as another tool may have put it there.
fn put(world: &World, tag: &str, media_type: &str, bytes: Vec<u8>) {
    let size = bytes.len();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": world.registry.put_blob(REPOSITORY, "{}"),
            "size": 2,
        },
        "layers": [{
            "mediaType": media_type,
            "digest": world.registry.put_blob(REPOSITORY, bytes),
            "size": size,
        }],
    });
    let manifest = manifest.to_string();
    world
        .registry
        .put_manifest(REPOSITORY, tag, MANIFEST, manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_load_is_not_installed() {
    let world = World::new(Access::Open, "[limits]\nplugin_mb = 1\n").await;
    let wasm = "application/wasm";
    put(&world, "oras", wasm, lingzhi());
    put(&world, "broken", wasm, b"no component".to_vec());
    put(&world, "large", wasm, plugin("script-jq"));
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    put(&world, "image", tar, lingzhi());
    let index = "application/vnd.oci.image.index.v1+json";
    let text = json!({"schemaVersion": 2, "mediaType": index, "manifests": []});
    world
        .registry
        .put_manifest(REPOSITORY, "index", index, text.to_string());
    for (tag, says) in [
        ("broken", "at step `parse`"),
        ("large", "`[limits] plugin_mb`"),
        ("image", "tar+gzip"),
        ("index", "an index of several manifests"),
        ("missing", "has no such plugin"),
    ] {
        let pulled = world.pull(&format!(":{tag}"), &["--install"]).await;
        fails(&pulled, says);
        assert_eq!(world.plugins(), Vec::<String>::new(), "{tag}");
    }
    let large = pin_of(&plugin("script-jq"));
    let asked = world.registry.asked();
    let asked = asked.iter().any(|asked| asked.what.contains(&large));
    assert!(!asked, "what is too large is not even begun");
    // Whoever else pushes a component pushes a plugin.
    let pulled = world.pull(":oras", &["--install"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_said() {
    let world = World::new(Access::Open, "").await;
    let file = plugin_file("lingzhi").display().to_string();
    let digest = world.reference(&format!("@{}", pin_of(b"")));
    for (arguments, says) in [
        (vec!["pull", "ghcr.io/a/b"], "does not begin with oci://"),
        (vec!["push", &file, "oci://ghcr.io"], "names no repository"),
        (vec!["push", &file, "oci://127.0.0.1:1/a"], "names no tag"),
        (vec!["push", &file, &digest], "names no tag"),
    ] {
        fails(&world.plugin(&arguments, "").await, says);
    }
}
