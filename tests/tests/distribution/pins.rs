//! Only the file that was meant.

use std::fs;

use crossdock_stand_ins::oci::{Access, digest_of};
use crossdock_tests::bed::Bed;
use crossdock_tests::guests::rebuilt;
use crossdock_tests::process::run;
use crossdock_tests::wait::until;

use crate::{World, fails, lingzhi, pin_of};

fn pin(digest: &str) -> String {
    format!("[plugins.pin]\nlingzhi = \"{digest}\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_the_pinned_one_does_not_serve() {
    let bed = Bed::with_plugins(&["lingzhi", "script-jq"]);
    bed.share_compiled_code();
    bed.configure(&pin(&digest_of(b"another")));
    let host = bed.host_unwatched().await;
    let plugins = host.plugins();
    let [lingzhi, jq] = &plugins[..] else {
        panic!("{plugins:?}");
    };
    let refused = lingzhi.refused.as_ref().unwrap();
    assert_eq!(refused.step, "pin");
    for part in [
        "`[plugins.pin]`",
        &digest_of(b"another"),
        &pin_of(&crate::lingzhi()),
    ] {
        assert!(refused.reason.contains(part), "{}", refused.reason);
    }
    assert!(jq.serving.as_ref().is_some_and(|jq| !jq.pinned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_plugin_goes_on_serving_when_its_file_is_replaced() {
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.share_compiled_code();
    bed.configure(&pin(&pin_of(&lingzhi())));
    let host = bed.host().await;
    let status = || host.plugins().remove(0);
    assert!(status().serving.unwrap().pinned);
    bed.put_plugin("lingzhi", &rebuilt(&lingzhi(), "somebody else's"));
    let refused = until("the other file to be refused", || status().refused).await;
    assert_eq!(refused.step, "pin");
    let serving = status().serving.unwrap();
    assert_eq!(serving.sha256.to_string(), pin_of(&lingzhi())[7..]);
    bed.put_plugin("lingzhi", &lingzhi());
    until("the pinned file to be back", || {
        status().refused.is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_of_a_misspelt_name_is_told() {
    let pins = pin(&pin_of(&lingzhi())).replace("lingzhi", "linzhi");
    let world = World::new(Access::Open, &pins).await;
    world.bed.put_plugin("lingzhi", &lingzhi());
    let folder = world.bed.path("");
    let check = run(&folder, &["check", "--json"]).await.json();
    let warnings = check["warnings"].as_array().unwrap();
    let unused = warnings.iter().find(|it| it["code"] == "unused-pin");
    let detail = unused.unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `lingzhi`?"), "{detail}");
    let right = World::new(Access::Open, &pin(&pin_of(&lingzhi()))).await;
    right.bed.put_plugin("lingzhi", &lingzhi());
    let check = run(&right.bed.path(""), &["check", "--json"]).await.json();
    let warnings = check["warnings"].as_array().unwrap();
    assert!(warnings.iter().all(|it| it["code"] != "unused-pin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_shows_pins_and_holds_files_against_them() {
    let world = World::new(Access::Open, &pin(&pin_of(&lingzhi()))).await;
    world.bed.put_plugin("lingzhi", &lingzhi());
    let list = world.plugin(&["list", "--local"], "").await;
    assert_eq!(list.code, Some(0), "{list:?}");
    let short = &pin_of(&lingzhi())[7..19];
    let shown = format!("{short}, pinned");
    assert!(list.stdout.contains(&shown), "{}", list.stdout);

    let other = world.bed.path("other.wasm");
    fs::write(&other, rebuilt(&lingzhi(), "other")).unwrap();
    fs::copy(&other, world.bed.plugin_path("lingzhi")).unwrap();
    let list = world.plugin(&["list", "--local"], "").await;
    assert!(list.stdout.contains("at step `pin`"), "{}", list.stdout);
    world.bed.put_plugin("lingzhi", &lingzhi());

    // Others may have it, and so it may be pushed.
    let pushed = world.push(&other, ":2").await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let pulled = world.pull(":2", &["--install"]).await;
    fails(&pulled, "at step `pin`");
    let there = fs::read(world.bed.plugin_path("lingzhi")).unwrap();
    assert_eq!(there, lingzhi());
}
