//! Pushed, pulled and installed.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossdock_stand_ins::oci::{Access, digest_of};
use crossdock_tests::guests::{plugin_file, rebuilt};
use crossdock_tests::process::Serving;
use crossdock_tests::wait::until_async;
use http::Method;
use serde_json::json;

use crate::{REPOSITORY, World, fails, lingzhi, names, pin_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_is_pulled_by_its_tag_and_by_its_digest() {
    let world = World::new(Access::Open, "").await;
    let pushed = world.push(&plugin_file("lingzhi"), ":1.0.0").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let pushed = pushed.json();
    assert_eq!(pushed["name"], "lingzhi");
    assert_eq!(pushed["file"], pin_of(&lingzhi()));
    let digest = pushed["manifest"].as_str().unwrap();
    assert_eq!(pushed["immutable"], world.reference(&format!("@{digest}")));

    // As other tools look for it.
    let manifest = world.registry.manifest(REPOSITORY, "1.0.0").unwrap();
    assert_eq!(digest_of(&manifest), digest);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let config = "application/vnd.wasm.config.v0+json";
    assert_eq!(manifest["config"]["mediaType"], config);
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/wasm");
    assert_eq!(layer["digest"], pin_of(&lingzhi()));
    let title = json!({"org.opencontainers.image.title": "lingzhi.wasm"});
    assert_eq!(layer["annotations"], title);

    for tail in [":1.0.0", &format!("@{digest}")] {
        let pulled = world.pull(tail, &["--output", "there.wasm"]).await;
        assert_eq!(pulled.code, Some(0), "{pulled:?}");
        let pulled = pulled.json();
        assert_eq!(pulled["manifest"], digest, "{tail}");
        assert_eq!(pulled["file"], pin_of(&lingzhi()));
        let there = world.bed.path("there.wasm");
        assert_eq!(fs::read(&there).unwrap(), lingzhi(), "{tail}");
        fs::remove_file(there).unwrap();
    }
    assert_eq!(world.pushed("again").await, digest, "it has one digest");
    assert_eq!(world.registry.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_not_sent_again() {
    let world = World::stocked("").await;
    let before = world.registry.asked().len();
    world.pushed("1.0.1").await;
    let asked = world.registry.asked().split_off(before);
    let asked: Vec<&str> = asked.iter().map(|asked| &*asked.what).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[..2].iter().all(|asked| asked.starts_with("HEAD ")),
        "{asked:?}"
    );
    assert!(asked[2].starts_with("PUT ") && asked[2].ends_with("/manifests/1.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_to_pin() {
    let world = World::stocked("").await;
    let pulled = world
        .plugin(&["pull", &world.reference(":1.0.0")], "")
        .await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    for part in [
        "pulled oci://",
        "lingzhi 0.1.0",
        "written to  lingzhi.wasm",
        &format!("[plugins.pin]\nlingzhi = \"{}\"\n", pin_of(&lingzhi())),
    ] {
        assert!(pulled.stdout.contains(part), "{part}: {}", pulled.stdout);
    }
    let again = world.pull(":1.0.0", &[]).await;
    fails(&again, "lingzhi.wasm is there already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_runs_takes_what_is_installed() {
    let world = World::stocked("").await;
    let serving = Serving::start(&world.bed.path("")).await.checked().await;
    let hash = async || {
        let (_, plugins) = serving
            .client()
            .send(Method::GET, "/v1/plugins", None)
            .await
            .unwrap();
        let hash = plugins["plugins"][0]["serving"]["sha256"].as_str();
        hash.map(str::to_owned)
    };
    assert_eq!(hash().await, None);
    let pulled = world.pull(":1.0.0", &["--install"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(world.plugins(), ["lingzhi.wasm"]);
    let first = pin_of(&lingzhi()).replace("sha256:", "");
    until_async("it to serve", async || {
        (hash().await.as_ref() == Some(&first)).then_some(())
    })
    .await;

    // A newer one replaces the file that provides it, whatever that is called.
    fs::rename(
        world.bed.plugin_path("lingzhi"),
        world.bed.plugin_path("mine"),
    )
    .unwrap();
    let newer = rebuilt(&lingzhi(), "newer");
    fs::write(world.bed.path("newer.wasm"), &newer).unwrap();
    let pushed = world.push(&world.bed.path("newer.wasm"), ":2.0.0").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let pulled = world.pull(":2.0.0", &["--install"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(world.plugins(), ["mine.wasm"]);
    let second = pin_of(&newer).replace("sha256:", "");
    until_async("the newer one to serve", async || {
        (hash().await.as_ref() == Some(&second)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_can_be_named_and_another_plugin_is_not_replaced() {
    let world = World::stocked("").await;
    let elsewhere = world.bed.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let engine = fs::read(plugin_file("script-jq")).unwrap();
    fs::write(elsewhere.join("lingzhi.wasm"), &engine).unwrap();
    let pulled = world.pull(":1.0.0", &["--install", "elsewhere"]).await;
    fails(&pulled, "is another plugin, `jq`");
    assert_eq!(fs::read(elsewhere.join("lingzhi.wasm")).unwrap(), engine);
    // One that does not load is nobody's.
    fs::write(elsewhere.join("lingzhi.wasm"), "broken").unwrap();
    let pulled = world.pull(":1.0.0", &["--install", "elsewhere"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(fs::read(elsewhere.join("lingzhi.wasm")).unwrap(), lingzhi());
    assert_eq!(names(&elsewhere), ["lingzhi.wasm"]);
    let nowhere = world.pull(":1.0.0", &["--install", "nowhere"]).await;
    fails(&nowhere, "there is no plugins folder nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_those_of_docker_or_those_that_are_typed() {
    for access in [
        Access::Bearer {
            user: "me".into(),
            password: "pass:word".into(),
        },
        Access::Basic {
            user: "me".into(),
            password: "pass:word".into(),
        },
    ] {
        let world = World::new(access, "").await;
        let file = plugin_file("lingzhi").display().to_string();
        let reference = world.reference(":1.0.0");
        let push = ["push", &file, &reference];
        fails(&world.plugin(&push, "").await, "wants credentials");

        let typed = [&push[..], &["--username", "me", "--password-stdin"]].concat();
        let wrong = world.plugin(&typed, "another\n").await;
        fails(&wrong, "does not let `me`");
        assert!(!wrong.stderr.contains("another"), "{wrong:?}");
        fails(&world.plugin(&typed, "\n").await, "the password is empty");
        let right = world.plugin(&typed, "pass:word\n").await;
        assert_eq!(right.code, Some(0), "{right:?}");

        let settings = |text: &str| {
            fs::create_dir_all(world.bed.path(".docker")).unwrap();
            fs::write(world.bed.path(".docker/config.json"), text).unwrap();
        };
        let name = world.registry.name();
        settings(&format!(r#"{{"credHelpers":{{"{name}":"store-it"}}}}"#));
        fails(&world.plugin(&push, "").await, "docker-credential-store-it");
        settings("{");
        fails(
            &world.plugin(&push, "").await,
            "not what `docker login` writes",
        );
        let auth = STANDARD.encode("me:pass:word");
        settings(&format!(r#"{{"auths":{{"{name}":{{"auth":"{auth}"}}}}}}"#));
        let pushed = world.plugin(&push, "").await;
        assert_eq!(pushed.code, Some(0), "{pushed:?}");
        let pulled = world.pull(":1.0.0", &[]).await;
        assert_eq!(pulled.code, Some(0), "{pulled:?}");
        assert_eq!(world.registry.violations(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_read_what_everybody_may_read() {
    let access = Access::Bearer {
        user: "me".into(),
        password: "secret".into(),
    };
    let world = World::new(access, "").await;
    let file = plugin_file("lingzhi").display().to_string();
    let reference = world.reference(":1");
    let typed = [
        "push",
        &file,
        &reference,
        "--username",
        "me",
        "--password-stdin",
    ];
    let pushed = world.plugin(&typed, "secret").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let pulled = world.pull(":1", &[]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
}
