use std::path::PathBuf;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;

/// A program that does what `script` says.
fn program(dir: &Path, script: &str) -> Source {
    let path = dir.join("program");
    std::fs::write(&path, format!("{script}\n")).unwrap();
    Source::Command {
        command: vec![
            "/bin/sh".to_owned(),
            path.display().to_string(),
            "a b".to_owned(),
            "$HOME".to_owned(),
        ],
        environment: Vec::new(),
    }
}

fn commands() -> SecretsConfig {
    SecretsConfig {
        commands: true,
        vault: None,
    }
}

fn tenant() -> PathBuf {
    PathBuf::from("/tenants/acme")
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_program_is_run_without_a_shell_and_in_no_environment_but_path() {
    let dir = tempfile::tempdir().unwrap();
    let source = program(
        dir.path(),
        "echo \"$1|$2|$#|$HOME|${PATH:+path}|$(pwd)\"; echo noise >&2",
    );
    let sources = Sources::at_once(commands());
    let text = sources.read(&tenant(), &source, MINUTE).unwrap();
    assert_eq!(text.as_str(), "a b|$HOME|2||path|/");
}

#[test]
fn a_program_that_gives_no_secret_is_told_without_what_it_printed() {
    let dir = tempfile::tempdir().unwrap();
    for (script, says) in [
        (
            "echo s3cr3t; echo s3cr3t >&2; exit 3",
            "failed (exit status: 3)",
        ),
        ("kill -9 $$", "signal: 9"),
        ("true", "printed nothing"),
        ("printf '\\377\\376'", "not UTF-8"),
        ("head -c 70000 /dev/zero", "more than 64 KiB"),
    ] {
        let source = program(dir.path(), script);
        let sources = Sources::at_once(commands());
        let Err(Absent::Failed(why)) = sources.read(&tenant(), &source, MINUTE) else {
            panic!("{script}");
        };
        assert!(why.contains(says), "{script}: {why}");
        assert!(!why.contains("s3cr3t"), "{why}");
    }
    let source = Source::Command {
        command: vec![dir.path().join("none").display().to_string()],
        environment: Vec::new(),
    };
    let failed = Sources::at_once(commands()).read(&tenant(), &source, MINUTE);
    assert!(matches!(failed, Err(Absent::Failed(why)) if why.contains("cannot be run")));
}

#[test]
fn nothing_is_run_and_nobody_is_asked_unless_the_host_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let source = program(dir.path(), &format!("touch {}; echo secret", ran.display()));
    let vault = Source::Vault {
        mount: None,
        path: "a".to_owned(),
        key: "b".to_owned(),
    };
    for sources in [
        Sources::at_once(SecretsConfig::default()),
        Sources::ignored(),
    ] {
        for (source, key) in [
            (&source, "`[secrets] commands = true`"),
            (&vault, "`[vault]`"),
        ] {
            match sources.read(&tenant(), source, MINUTE) {
                Err(Absent::NotAllowed(why)) => assert!(why.contains(key), "{why}"),
                other => assert!(other.is_ok(), "{other:?}"),
            }
        }
    }
    assert!(!ran.exists());
}

#[tokio::test]
async fn a_secret_that_changes_is_told_to_whom_it_concerns_and_one_that_fails_stays() {
    let dir = tempfile::tempdir().unwrap();
    let now = dir.path().join("now");
    let failed = dir.path().join("failed");
    let script = format!(
        "cat {} || {{ touch {}; exit 1; }}",
        now.display(),
        failed.display()
    );
    let source = program(dir.path(), &script);
    std::fs::write(&now, "first\n").unwrap();
    let sources = Sources::beside(commands());
    let every = Duration::from_millis(20);
    let read = || sources.read(&tenant(), &source, every);
    assert_eq!(read(), Err(Absent::Pending), "nobody waits for it");
    assert_eq!(sources.changed().await, BTreeSet::from([tenant()]));
    assert_eq!(read().unwrap().as_str(), "first");

    std::fs::write(dir.path().join("next"), "second\n").unwrap();
    std::fs::rename(dir.path().join("next"), &now).unwrap();
    assert_eq!(sources.changed().await, BTreeSet::from([tenant()]));
    assert_eq!(read().unwrap().as_str(), "second");

    // Out of order for a while: what is known is used, and what comes next is taken.
    std::fs::remove_file(&now).unwrap();
    while !failed.exists() {
        assert_eq!(read().unwrap().as_str(), "second");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read().unwrap().as_str(), "second");
    std::fs::write(dir.path().join("next"), "third\n").unwrap();
    std::fs::rename(dir.path().join("next"), &now).unwrap();
    assert_eq!(sources.changed().await, BTreeSet::from([tenant()]));
    assert_eq!(read().unwrap().as_str(), "third");
}

/// A vault of one secret, `kv/data/acme/shop`, for tokens that `login` gives or that are
/// `root-token`. Records each request's head.
struct FakeVault {
    address: Url,
    heads: Arc<Mutex<Vec<String>>>,
    /// The token that is taken now.
    token: Arc<Mutex<String>>,
}

impl FakeVault {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let token = Arc::new(Mutex::new("root-token".to_owned()));
        let (record, valid) = (heads.clone(), token.clone());
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut length = None;
                // Head and body.
                while length.is_none_or(|length| request.len() < length) {
                    if tcp.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                    let text = String::from_utf8_lossy(&request).to_lowercase();
                    if let Some((head, _)) = text.split_once("\r\n\r\n") {
                        let body = head
                            .lines()
                            .find_map(|line| line.strip_prefix("content-length: "));
                        let body: usize = body.map_or(0, |body| body.parse().unwrap());
                        length = Some(head.len() + 4 + body);
                    }
                }
                let request = String::from_utf8(request).unwrap();
                record.lock().unwrap().push(request.clone());
                let token = valid.lock().unwrap().clone();
                let (status, body) = reply(&request, &token);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = tcp.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            address: Url::parse(&address).unwrap(),
            heads,
            token,
        }
    }

    fn vault(&self, login: VaultLogin) -> vault::Vault {
        vault::Vault::new(VaultConfig {
            address: self.address.clone(),
            login,
            namespace: Some("team".to_owned()),
            mount: "kv".to_owned(),
            extra_roots: None,
            proxy: None,
        })
    }
}

fn reply(request: &str, token: &str) -> (u16, String) {
    let first = request.lines().next().unwrap();
    if first.starts_with("POST /v1/auth/kubernetes/login ") {
        let body = request.rsplit("\r\n").next().unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        return match (body["role"].as_str(), body["jwt"].as_str()) {
            (Some("crossdock"), Some("service-account")) => (
                200,
                format!("{{\"auth\":{{\"client_token\":\"{token}\",\"lease_duration\":3600}}}}"),
            ),
            _ => (403, "{\"errors\":[\"permission denied\"]}".to_owned()),
        };
    }
    let header = format!("x-vault-token: {token}\r\n");
    if !request.contains(&header) || !request.contains("x-vault-namespace: team\r\n") {
        return (403, "{\"errors\":[\"permission denied\"]}".to_owned());
    }
    match first {
        "GET /v1/kv/data/acme/my%20shop HTTP/1.1" => (
            200,
            "{\"data\":{\"data\":{\"token\":\"from-the-vault\",\"pin\":12345,\"list\":[]},\"metadata\":{\"version\":3}}}"
                .to_owned(),
        ),
        "GET /v1/v1-engine/data/x HTTP/1.1" => (200, "{\"data\":{\"token\":\"x\"}}".to_owned()),
        _ => (404, "{\"errors\":[]}".to_owned()),
    }
}

fn text(text: &str) -> Text {
    Arc::new(Zeroizing::new(text.to_owned()))
}

#[tokio::test]
async fn a_vault_is_asked_for_a_key_of_a_secret() {
    let fake = FakeVault::start().await;
    let vault = fake.vault(VaultLogin::Token(text("root-token")));
    let read = vault.read(None, "acme/my shop", "token").await;
    assert_eq!(read.unwrap().as_str(), "from-the-vault");
    let read = vault.read(Some("kv"), "/acme/my shop/", "pin").await;
    assert_eq!(read.unwrap().as_str(), "12345");
    for (mount, path, key, says) in [
        (None, "acme/my shop", "tokn", "has no such key"),
        (None, "acme/my shop", "list", "is no text"),
        (None, "acme/none", "token", "HTTP 404"),
        (Some("v1-engine"), "x", "token", "version 2"),
    ] {
        let why = vault.read(mount, path, key).await.unwrap_err();
        assert!(why.contains(says), "{why}");
        assert!(!why.contains("from-the-vault"), "{why}");
    }
    let stranger = fake.vault(VaultLogin::Token(text("other-token")));
    let why = stranger
        .read(None, "acme/my shop", "token")
        .await
        .unwrap_err();
    assert!(
        why.contains("kv/data/acme/my%20shop") && why.contains("policy"),
        "{why}"
    );
    assert!(!why.contains("other-token"), "{why}");
}

#[tokio::test]
async fn a_tokens_file_is_read_each_time() {
    let fake = FakeVault::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "root-token\n").unwrap();
    let vault = fake.vault(VaultLogin::TokenFile(file.clone()));
    assert!(vault.read(None, "acme/my shop", "token").await.is_ok());
    *fake.token.lock().unwrap() = "renewed".to_owned();
    assert!(vault.read(None, "acme/my shop", "token").await.is_err());
    std::fs::write(&file, "renewed\n").unwrap();
    assert!(vault.read(None, "acme/my shop", "token").await.is_ok());
    std::fs::remove_file(&file).unwrap();
    let why = vault.read(None, "acme/my shop", "token").await.unwrap_err();
    assert!(why.contains(&file.display().to_string()), "{why}");
}

#[tokio::test]
async fn a_pod_logs_in_once_and_again_when_its_token_is_taken_back() {
    let fake = FakeVault::start().await;
    let dir = tempfile::tempdir().unwrap();
    let token_file = dir.path().join("token");
    std::fs::write(&token_file, "service-account").unwrap();
    let login = |role: &str| VaultLogin::Kubernetes {
        role: role.to_owned(),
        mount: "kubernetes".to_owned(),
        token_file: token_file.clone(),
    };
    let vault = fake.vault(login("crossdock"));
    let logins = || {
        let heads = fake.heads.lock().unwrap();
        heads.iter().filter(|head| head.starts_with("POST")).count()
    };
    for _ in 0..3 {
        assert!(vault.read(None, "acme/my shop", "token").await.is_ok());
    }
    assert_eq!(logins(), 1);
    *fake.token.lock().unwrap() = "another".to_owned();
    assert!(vault.read(None, "acme/my shop", "token").await.is_ok());
    assert_eq!(logins(), 2);
    let stranger = fake.vault(login("nobody"));
    let why = stranger
        .read(None, "acme/my shop", "token")
        .await
        .unwrap_err();
    assert!(why.contains("role `nobody`"), "{why}");
}
