//! What `packaging/` says is run here as far as the machine allows: the unit's
//! command line and the image's entry point, as the same user, with the same
//! limits and mounts. Where this process may not make namespaces, what would have
//! been run is printed, and nothing is claimed.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crossdock_tests::client::Client;
use crossdock_tests::guests::program;
use crossdock_tests::process::run;
use crossdock_tests::wait::until_async;
use tempfile::TempDir;

/// The user of the image.
const USER: &str = "10001";

fn packaging(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    fs::read_to_string(path.join(name)).unwrap()
}

/// The value of a key of the unit.
fn unit(key: &str) -> String {
    let unit = packaging("crossdock.service");
    let line = unit.lines().find_map(|line| line.strip_prefix(key));
    let value = line.and_then(|line| line.strip_prefix('='));
    value
        .unwrap_or_else(|| panic!("{key} in the unit"))
        .to_owned()
}

/// The words of a JSON list that an instruction of the image has.
fn image(instruction: &str) -> Vec<String> {
    let file = packaging("Containerfile");
    let mut lines = file.lines().filter_map(|l| l.strip_prefix(instruction));
    let list = lines.next_back().expect("the instruction");
    serde_json::from_str(list.trim()).expect("a list")
}

/// A folder with what is at /etc/crossdock, /usr/local/bin and /var/lib/crossdock.
struct Machine {
    folder: TempDir,
    address: String,
}

impl Machine {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc");
        let init = run(folder.path(), &["init", "etc"]).await;
        assert_eq!(init.code, Some(0), "{init:?}");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let text = fs::read_to_string(etc.join("crossdock.toml")).unwrap();
        let text = text
            .replace("127.0.0.1:8080", &address)
            .replace("dir = \"data\"", "dir = \"/var/lib/crossdock\"");
        fs::write(etc.join("crossdock.toml"), text).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::copy(program("crossdock"), folder.path().join("bin/crossdock")).unwrap();
        fs::create_dir(folder.path().join("var")).unwrap();
        Self { folder, address }
    }

    /// Runs a command line as `USER`, as PID 1 of a namespace whose root cannot
    /// be written to, with the limits of the unit.
    fn command(&self, words: &[String]) -> Command {
        let folder = self.folder.path().display();
        let limit = unit("LimitNOFILE");
        let script = format!(
            "set -e\n\
             mkdir -p {folder}/system/crossdock {folder}/lib/crossdock\n\
             cp -a /etc/ld.so.cache /etc/passwd /etc/group /etc/nsswitch.conf {folder}/system/ || true\n\
             chown -R {USER}:{USER} {folder}/var {folder}/etc\n\
             chmod 0755 {folder} {folder}/bin/crossdock\n\
             mount --bind {folder}/system /etc\n\
             mount --bind {folder}/etc /etc/crossdock\n\
             mount --bind {folder}/bin /usr/local/bin\n\
             mount --bind {folder}/lib /var/lib\n\
             mount --bind {folder}/var /var/lib/crossdock\n\
             mount -t proc proc /proc\n\
             mount -o remount,bind,ro /etc/crossdock\n\
             mount -o remount,bind,ro /usr/local/bin\n\
             mount --bind / / && mount -o remount,bind,ro /\n\
             ulimit -n {limit}\n\
             cd /\n\
             exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs --bounding-set=-all \
               env -i PATH=/usr/local/bin:/usr/bin:/bin \"$@\"\n"
        );
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child=TERM",
                "sh",
                "-c",
            ])
            .arg(script)
            .arg("sh")
            .args(words)
            .stdin(Stdio::null());
        command
    }
}

/// One after the other: a port that was free for one is not taken by the other.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Whether namespaces can be made, and their programs are there.
fn able() -> bool {
    let probe = "mount -t tmpfs none /mnt && setpriv --reuid=10001 --clear-groups true";
    let probe = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "sh", "-c", probe])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// What was started; a test that fails leaves nothing running.
struct Started(Option<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        // `unshare` takes the host with it.
        let killed = self.0.as_mut().map(Child::kill);
        drop(killed);
    }
}

/// It serves, cannot write where it must not, and ends in good order.
async fn serves(machine: &Machine, words: &[String]) {
    if !able() {
        println!("not run, for want of namespaces: {}", words.join(" "));
        return;
    }
    let child = machine.command(words).spawn().expect("it starts");
    let unshare = child.id();
    let mut started = Started(Some(child));
    let client = Client::new(format!("http://{}", machine.address));
    until_async("the host to be ready", async || {
        client.get("/readyz").await.ok()
    })
    .await;
    let records = r#"{"item":"1","on_hand":2,"reserved":1,"shop":"s"}"#;
    let path = "/v1/acme/mini-shop/stock.update?dry_run=true";
    // Its plugins may still be compiled when it is ready.
    let answer = until_async("the tenant to serve", async || {
        client.post(path, records).await.ok()
    })
    .await;
    assert_eq!(
        answer["requests"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    // What it wrote is in the one place for that, and the user's alone.
    let written: Vec<PathBuf> = fs::read_dir(machine.folder.path().join("var"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!written.is_empty());

    // The host is PID 1 of its namespace: the child of `unshare`.
    let children = format!("/proc/{unshare}/task/{unshare}/children");
    let host = fs::read_to_string(children).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", host.trim())).unwrap();
    assert!(status.contains(&format!("Uid:\t{USER}")), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("CapBnd:\t0000000000000000"), "{status}");
    let inside = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    assert_eq!(
        inside.and_then(|line| line.split_whitespace().last()),
        Some("1")
    );
    let sent = Command::new("kill").args(["-TERM", host.trim()]).status();
    assert!(sent.unwrap().success());
    let mut child = started.0.take().expect("it was started");
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let ended = tokio::time::timeout(crossdock_tests::wait::BOUND, ended).await;
    let status = ended.expect("it ends in time").unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_units_command_line_serves_without_root_and_writes_to_one_folder() {
    let _one = ONE.lock().await;
    let machine = Machine::new().await;
    let words: Vec<String> = unit("ExecStart").split(' ').map(str::to_owned).collect();
    assert_eq!(unit("StateDirectory"), "crossdock");
    serves(&machine, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_entry_point_serves_as_pid_1_on_a_read_only_root() {
    let _one = ONE.lock().await;
    let machine = Machine::new().await;
    assert!(packaging("Containerfile").contains(&format!("USER {USER}:{USER}")));
    let words = [image("ENTRYPOINT "), image("CMD ")].concat();
    serves(&machine, &words).await;
}

#[test]
fn the_unit_gives_the_host_time_to_end() {
    let stop: u64 = unit("TimeoutStopSec").parse().unwrap();
    let most = crossdock::config::HostLimits::default().shutdown;
    assert!(std::time::Duration::from_secs(stop) > most, "{most:?}");
}
