//! Only what somebody signed.

use std::fs;

use crossdock::host::Host;
use crossdock::reload::status::PluginStatus;
use crossdock_stand_ins::oci::Access;
use crossdock_tests::guests::rebuilt;
use crossdock_tests::wait::until;

use crate::{Keys, World, fails, lingzhi};

const REQUIRED: &str = "[plugins.signatures]\nkeys = [\"cosign.pub\"]\n";
const OPTIONAL: &str = "[plugins.signatures]\nkeys = [\"cosign.pub\"]\nrequired = false\n";

/// A world whose operator has this key.
async fn world(config: &str, keys: &Keys) -> World {
    let world = World::new(Access::Open, config).await;
    fs::write(world.bed.path("cosign.pub"), keys.public()).unwrap();
    world
}

/// Puts what lies beside lingzhi.
fn sign(world: &World, text: &str) {
    fs::write(world.bed.path("plugins/lingzhi.wasm.sig"), text).unwrap();
}

fn status(host: &Host) -> PluginStatus {
    host.plugins().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_signature_waits_for_it() {
    let keys = Keys::new();
    let world = world(REQUIRED, &keys).await;
    world.bed.put_plugin("lingzhi", &lingzhi());
    let host = world.bed.host().await;
    let refused = until("it to be refused", || status(&host).refused).await;
    assert_eq!(refused.step, "signature");
    assert!(
        refused.reason.contains("lingzhi.wasm.sig"),
        "{}",
        refused.reason
    );
    sign(&world, &Keys::new().sign(&lingzhi()));
    until("a stranger's signature to be refused", || {
        let refused = status(&host).refused?;
        refused.reason.contains("none of the keys").then_some(())
    })
    .await;
    // As cosign prints it, with a line's end.
    sign(&world, &format!("{}\n", keys.sign(&lingzhi())));
    let serving = until("it to serve", || status(&host).serving).await;
    assert!(serving.signed);
    assert!(status(&host).refused.is_none());

    let other = rebuilt(&lingzhi(), "tampered");
    world.bed.put_plugin("lingzhi", &other);
    let refused = until("tampered bytes to be refused", || status(&host).refused).await;
    assert_eq!(refused.step, "signature");
    assert_eq!(status(&host).serving.unwrap().sha256, serving.sha256);
    sign(&world, &keys.sign(&other));
    until("the newer one to serve", || {
        let newer = status(&host).serving?.sha256 != serving.sha256;
        newer.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_signature_is_not_required_one_that_is_there_has_to_hold() {
    let keys = Keys::new();
    for (config, text, step) in [
        (OPTIONAL, None, None),
        (OPTIONAL, Some(keys.sign(&lingzhi())), None),
        (OPTIONAL, Some(keys.sign(b"other")), Some("signature")),
        (OPTIONAL, Some("nonsense".into()), Some("signature")),
        (REQUIRED, None, Some("signature")),
        // Nobody configured a key, so nobody looks.
        ("", Some("nonsense".into()), None),
    ] {
        let world = world(config, &keys).await;
        world.bed.put_plugin("lingzhi", &lingzhi());
        if let Some(text) = &text {
            sign(&world, text);
        }
        let host = world.bed.host_unwatched().await;
        let refused = status(&host).refused.map(|refused| refused.step);
        assert_eq!(refused, step, "{config} {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_in_the_registry_is_installed_with_its_proof() {
    let keys = Keys::new();
    let world = world(REQUIRED, &keys).await;
    let digest = world.pushed("1").await;
    let missing = world.pull(":1", &["--install"]).await;
    fails(&missing, "has no signature");
    Keys::new().sign_manifest(&world.registry, &digest);
    let strangers = world.pull(":1", &["--install"]).await;
    fails(&strangers, "none of the keys");
    assert_eq!(world.plugins(), Vec::<String>::new());

    keys.sign_manifest(&world.registry, &digest);
    let pulled = world.pull(":1", &["--install"]).await;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(pulled.json()["signed"], true);
    assert_eq!(world.plugins(), ["lingzhi.wasm", "lingzhi.wasm.sig"]);
    let list = world.plugin(&["list", "--local"], "").await;
    assert!(list.stdout.contains(", signed"), "{}", list.stdout);

    // The proof is of these bytes alone.
    let tampered = rebuilt(&lingzhi(), "tampered");
    world.bed.put_plugin("lingzhi", &tampered);
    let list = world.plugin(&["list", "--local"], "").await;
    let said = "at step `signature`";
    assert!(list.stdout.contains(said), "{}", list.stdout);
    assert!(list.stdout.contains("something else"), "{}", list.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_another_manifest_is_none() {
    let keys = Keys::new();
    let world = world(REQUIRED, &keys).await;
    let first = world.pushed("1").await;
    keys.sign_manifest(&world.registry, &first);
    let newer = world.bed.path("newer.wasm");
    fs::write(&newer, rebuilt(&lingzhi(), "newer")).unwrap();
    let pushed = world.push(&newer, ":2").await;
    let second = pushed.json()["manifest"].as_str().unwrap().to_owned();
    // Somebody moves the signature to the newer one.
    let tag = |digest: &str| format!("{}.sig", digest.replace(':', "-"));
    let moved = world.registry.manifest(crate::REPOSITORY, &tag(&first));
    world.registry.put_manifest(
        crate::REPOSITORY,
        &tag(&second),
        crate::MANIFEST,
        moved.unwrap(),
    );
    fails(&world.pull(":2", &[]).await, "is of something else");
    let right = world.pull(":1", &[]).await;
    assert_eq!(right.code, Some(0), "{right:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_an_older_file_goes_with_it() {
    let keys = Keys::new();
    let world = world(OPTIONAL, &keys).await;
    let first = world.pushed("1").await;
    keys.sign_manifest(&world.registry, &first);
    let installed = world.pull(":1", &["--install"]).await;
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let newer = world.bed.path("newer.wasm");
    fs::write(&newer, rebuilt(&lingzhi(), "newer")).unwrap();
    let pushed = world.push(&newer, ":2").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let installed = world.pull(":2", &["--install"]).await;
    assert_eq!(installed.code, Some(0), "{installed:?}");
    assert_eq!(installed.json()["signed"], false);
    assert_eq!(world.plugins(), ["lingzhi.wasm"]);
    let host = world.bed.host_unwatched().await;
    assert!(status(&host).refused.is_none());
}
