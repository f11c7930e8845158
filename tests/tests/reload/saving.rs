//! However files are saved.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_tests::guests::{plugin, rebuilt, test_adapter};
use crossdock_tests::live::{Live, Seen, script};
use crossdock_tests::wait::until;

/// A file whose writer pauses counts as finished after two seconds; within this
/// time a half written one has certainly not been looked at.
const HALF_WRITTEN: Duration = Duration::from_millis(1500);

/// The file that is saved in all ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Adapter,
    Script,
    Tenant,
}

impl Part {
    fn path(self, live: &Live) -> PathBuf {
        match self {
            Self::Adapter => live.bed.plugin_path("test-adapter"),
            Self::Script => live.file("map.jq"),
            Self::Tenant => live.file("tenant.toml"),
        }
    }

    fn content(self, live: &Live, label: &str) -> Vec<u8> {
        match self {
            Self::Adapter => test_adapter("normal", label),
            Self::Script => script(label).into_bytes(),
            Self::Tenant => live.tenant(label).into_bytes(),
        }
    }

    /// What is seen with this label here and the first ones elsewhere.
    fn seen(self, label: &str) -> Seen {
        match self {
            Self::Adapter => Seen::new(label, "s0", "t0"),
            Self::Script => Seen::new("a0", label, "t0"),
            Self::Tenant => Seen::new("a0", "s0", label),
        }
    }

    /// Whether the host says that anything is wrong with it.
    fn is_fine(self, live: &Live) -> bool {
        match self {
            Self::Adapter => live
                .plugin("test-adapter")
                .is_some_and(|status| status.refused.is_none()),
            Self::Script | Self::Tenant => live
                .status("acme")
                .is_some_and(|status| status.problems.is_empty()),
        }
    }
}

fn rename_into_place(live: &Live, path: &Path, bytes: &[u8]) {
    let beside = live.bed.path("saved-beside");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Writes a file in three pieces and leaves it open between them.
async fn write_slowly(live: &Live, part: Part, path: &Path, bytes: &[u8], before: &Seen) {
    let mut file = File::create(path).unwrap();
    for piece in bytes.chunks(bytes.len().div_ceil(3)) {
        let written = Instant::now();
        file.write_all(piece).unwrap();
        file.flush().unwrap();
        live.settled().await;
        let seen = live.ask().await.unwrap();
        // A machine that stands still for seconds proves nothing. That a look
        // at another file of the folder finds this one half written is no
        // harm: it is refused, and what serves goes on.
        if written.elapsed() < HALF_WRITTEN {
            assert_eq!(seen, *before, "{part:?} half written");
        }
    }
}

/// Saves one file in every way there is. No call fails meanwhile, and every
/// call is served by one of the versions that were saved.
async fn saved_in_every_way(part: Part) {
    let live = Live::start().await;
    let path = part.path(&live);
    let content = |label: &str| part.content(&live, label);
    live.until_seen(&part.seen(&first(part))).await;
    let traffic = live.traffic(2);

    rename_into_place(&live, &path, &content("renamed"));
    live.until_seen(&part.seen("renamed")).await;

    fs::write(&path, content("in-place")).unwrap();
    live.until_seen(&part.seen("in-place")).await;

    let (slow, before) = (content("slowly"), part.seen("in-place"));
    write_slowly(&live, part, &path, &slow, &before).await;
    live.until_seen(&part.seen("slowly")).await;

    fs::remove_file(&path).unwrap();
    live.settled().await;
    assert_eq!(live.ask().await.unwrap(), part.seen("slowly"), "deleted");
    fs::write(&path, content("re-created")).unwrap();
    live.until_seen(&part.seen("re-created")).await;

    let elsewhere = live.bed.path("elsewhere");
    fs::write(&elsewhere, content("moved")).unwrap();
    fs::remove_file(&path).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    live.until_seen(&part.seen("moved")).await;

    let observed = traffic.stop().await;
    let labels = [
        &first(part),
        "renamed",
        "in-place",
        "slowly",
        "re-created",
        "moved",
    ];
    let saved: Vec<Seen> = labels.iter().map(|label| part.seen(label)).collect();
    assert!(observed.seen.iter().all(|seen| saved.contains(seen)));
    assert!(part.is_fine(&live));
}

fn first(part: Part) -> String {
    let label = match part {
        Part::Adapter => "a0",
        Part::Script => "s0",
        Part::Tenant => "t0",
    };
    label.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_is_replaced_however_it_is_saved() {
    saved_in_every_way(Part::Adapter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_replaced_however_it_is_saved() {
    saved_in_every_way(Part::Script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_file_is_replaced_however_it_is_saved() {
    saved_in_every_way(Part::Tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_engine_is_replaced_while_its_scripts_run() {
    let live = Live::start().await;
    let traffic = live.traffic(2);
    let bytes = rebuilt(&plugin("script-jq"), "again");
    live.bed.put_plugin("script-jq", &bytes);
    until("the new engine to serve", || {
        let serving = live.plugin("script-jq")?.serving?;
        (serving.number == 2).then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    traffic.stop().await;
}

/// The tenant's two files with the same label, as one version of a folder.
fn version(live: &Live, folder: &Path, label: &str) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("map.jq"), script(label)).unwrap();
    fs::write(folder.join("tenant.toml"), live.tenant(label)).unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_kubernetes_swaps_is_one_step() {
    use std::os::unix::fs::symlink;

    let mut live = Live::lay_out("").await;
    fs::remove_file(live.file("map.jq")).unwrap();
    fs::remove_file(live.file("tenant.toml")).unwrap();
    version(&live, &live.file("..v0"), "l0");
    symlink("..v0", live.file("..data")).unwrap();
    for name in ["map.jq", "tenant.toml"] {
        symlink(Path::new("..data").join(name), live.file(name)).unwrap();
    }
    live.watch().await;
    let traffic = live.traffic(2);
    for number in 1..=4 {
        let label = format!("l{number}");
        let before = live.generation().unwrap();
        version(&live, &live.file(&format!("..v{number}")), &label);
        symlink(format!("..v{number}"), live.file("..data_tmp")).unwrap();
        fs::rename(live.file("..data_tmp"), live.file("..data")).unwrap();
        fs::remove_dir_all(live.file(&format!("..v{}", number - 1))).unwrap();
        live.until_seen(&Seen::new("a0", &label, &label)).await;
        live.settled().await;
        assert_eq!(live.generation(), Some(before + 1));
    }
    let observed = traffic.stop().await;
    assert!(
        observed.seen.iter().all(|seen| seen.script == seen.tenant),
        "{:?}",
        observed.seen
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_plugins_folder_that_kubernetes_swaps_is_followed() {
    use std::os::unix::fs::symlink;

    let mut live = Live::lay_out("").await;
    let plugins = live.bed.path("plugins");
    let put = |number: usize| {
        let folder = plugins.join(format!("..v{number}"));
        fs::create_dir(&folder).unwrap();
        let bytes = test_adapter("normal", &format!("a{number}"));
        fs::write(folder.join("test-adapter.wasm"), bytes).unwrap();
    };
    put(0);
    symlink("..v0", plugins.join("..data")).unwrap();
    let path = live.bed.plugin_path("test-adapter");
    fs::remove_file(&path).unwrap();
    symlink("..data/test-adapter.wasm", &path).unwrap();
    live.watch().await;
    let traffic = live.traffic(2);
    for number in 1..=3 {
        put(number);
        symlink(format!("..v{number}"), plugins.join("..data_tmp")).unwrap();
        fs::rename(plugins.join("..data_tmp"), plugins.join("..data")).unwrap();
        fs::remove_dir_all(plugins.join(format!("..v{}", number - 1))).unwrap();
        live.until_seen(&Seen::new(&format!("a{number}"), "s0", "t0"))
            .await;
    }
    traffic.stop().await;
}

/// The second file is being written while the first is finished: that is what
/// tells the host to wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn files_saved_together_are_one_step() {
    let live = Live::start().await;
    let traffic = live.traffic(2);
    for number in 1..=4 {
        let label = format!("l{number}");
        let before = live.generation().unwrap();
        let (tenant, script) = (live.tenant(&label), script(&label));
        let mut second = File::create(live.file("map.jq")).unwrap();
        rename_into_place(&live, &live.file("tenant.toml"), tenant.as_bytes());
        second.write_all(script.as_bytes()).unwrap();
        drop(second);
        live.until_seen(&Seen::new("a0", &label, &label)).await;
        live.settled().await;
        assert_eq!(live.generation(), Some(before + 1));
    }
    let observed = traffic.stop().await;
    let together = |seen: &Seen| seen.script[1..] == seen.tenant[1..];
    assert!(observed.seen.iter().all(together), "{:?}", observed.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_outside_of_the_folder_is_used() {
    let live = Live::start().await;
    live.ask().await.unwrap();
    assert_eq!(live.echo.key(), "the first key");
    let traffic = live.traffic(1);
    live.put_secret("the second key");
    until("the new secret to be sent", || {
        (live.echo.key() == "the second key").then_some(())
    })
    .await;
    // In place, as an operator with an editor does it.
    fs::write(live.bed.path("secrets/acme.txt"), "the third key\n").unwrap();
    until("the new secret to be sent", || {
        (live.echo.key() == "the third key").then_some(())
    })
    .await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_polls_notices_the_same_changes() {
    let mut live = Live::lay_out("watch.poll_ms = 30\n").await;
    live.watch().await;
    let traffic = live.traffic(1);
    let mut expected = Seen::new("a0", "s0", "t0");
    for part in [Part::Adapter, Part::Script, Part::Tenant] {
        let path = part.path(&live);
        let mut expect = |label: &str| {
            let named = match part {
                Part::Adapter => &mut expected.adapter,
                Part::Script => &mut expected.script,
                Part::Tenant => &mut expected.tenant,
            };
            *named = label.into();
            expected.clone()
        };
        rename_into_place(&live, &path, &part.content(&live, "renamed"));
        live.until_seen(&expect("renamed")).await;
        fs::write(&path, part.content(&live, "in-place")).unwrap();
        live.until_seen(&expect("in-place")).await;
        fs::remove_file(&path).unwrap();
        live.settled().await;
        assert_eq!(live.ask().await.unwrap(), expect("in-place"));
        fs::write(&path, part.content(&live, "re-created")).unwrap();
        live.until_seen(&expect("re-created")).await;
    }
    live.put_secret("a rotated key");
    until("the new secret to be sent", || {
        (live.echo.key() == "a rotated key").then_some(())
    })
    .await;
    traffic.stop().await;
}
