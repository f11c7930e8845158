//! PostgreSQL and MariaDB of this machine, each in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub struct Server {
    pub port: u16,
    scheme: &'static str,
    dir: tempfile::TempDir,
    child: Child,
    certificate: CertificateDer<'static>,
    client: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn url(&self, user: &str, password: &str) -> String {
        let password = password.replace('@', "%40").replace('\'', "%27");
        format!(
            "{}://{user}:{password}@127.0.0.1:{}/stock",
            self.scheme, self.port
        )
    }

    pub fn encrypted_url(&self, user: &str, password: &str) -> String {
        let url = self.url(user, password).replace("127.0.0.1", "localhost");
        format!("{url}?sslmode=verify-full")
    }

    /// Who trusts this server's certificate.
    pub fn trust(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        config(roots)
    }

    /// Runs statements as the server's owner.
    pub fn run(&self, sql: &str) {
        let done = self.owner(sql).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }

    fn owner(&self, sql: &str) -> Command {
        self.owner_in("stock", sql)
    }

    fn owner_in(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(&self.client);
        match self.scheme {
            "postgres" => command
                .args(["-v", "ON_ERROR_STOP=1", "-h"])
                .arg(self.dir.path())
                .args([
                    "-p",
                    &self.port.to_string(),
                    "-U",
                    "owner",
                    "-c",
                    sql,
                    database,
                ]),
            _ => command
                .args(["--no-defaults", "-u", "root", "-S"])
                .arg(self.dir.path().join("socket"))
                .args(["-e", sql, database]),
        };
        command
    }

    /// Waits until statements can be run, and makes the database and its user.
    fn ready(mut self, first: &str, rest: &[&str]) -> Server {
        let begun = Instant::now();
        loop {
            let done = self.owner_in(first, "SELECT 1").output().unwrap();
            if done.status.success() {
                break;
            }
            let ended = self.child.try_wait().unwrap();
            let late = begun.elapsed() > Duration::from_secs(120);
            if ended.is_some() || late {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!("the server does not come up: {}", log.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        for sql in rest {
            let done = self.owner_in(first, sql).output().unwrap();
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{said}");
        }
        self
    }
}

fn config(roots: RootCertStore) -> ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub fn trust_nobody() -> ClientConfig {
    config(RootCertStore::empty())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A program of this machine.
fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let known = std::env::split_paths(&path).chain(folders.iter().cloned());
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    known
        .chain(sbin)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn certificate(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// A user of this machine that a server may run as: none of them runs as root.
#[cfg(unix)]
fn other_user(name: &str, dir: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::PermissionsExt;

    let root = rustix::process::geteuid().is_root();
    if !root {
        return None;
    }
    let number = |flag| {
        let out = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(out.stdout).ok()?.trim().parse().ok()
    };
    let (user, group) = (number("-u")?, number("-g")?);
    for entry in std::iter::once(dir.to_owned()).chain(
        std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    ) {
        std::os::unix::fs::chown(&entry, Some(user), Some(group)).unwrap();
    }
    let key = dir.join("key.pem");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    Some((user, group))
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) {
    use std::os::unix::process::CommandExt;

    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
}

fn logged(command: &mut Command, dir: &Path) -> Child {
    let log = std::fs::File::create(dir.join("log")).unwrap();
    let second = log.try_clone().unwrap();
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(second)
        .spawn()
        .unwrap()
}

/// A PostgreSQL with the database `stock` and the user `erp`.
pub fn postgres() -> Option<Server> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let folders: Vec<PathBuf> = versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    let found = [
        program("initdb", &folders),
        program("postgres", &folders),
        program("psql", &folders),
    ];
    let [Some(initdb), Some(_), Some(client)] = found else {
        eprintln!("skipped: PostgreSQL is not installed");
        return None;
    };
    // The links in /usr/local/bin may lead to a program that looks beside itself.
    let initdb = initdb.canonicalize().unwrap();
    let postgres = initdb.with_file_name("postgres");
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let certificate = certificate(at);
    let user = other_user("postgres", at);
    let mut make = Command::new(initdb);
    as_user(&mut make, user);
    let made = make
        .current_dir(at)
        .args([
            "-D",
            "data",
            "-U",
            "owner",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let port = free_port();
    let mut run = Command::new(postgres);
    as_user(&mut run, user);
    run.args([
        "-D",
        "data",
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-k",
    ])
    .arg(at);
    for set in [
        "fsync=off".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", at.join("cert.pem").display()),
        format!("ssl_key_file={}", at.join("key.pem").display()),
    ] {
        run.args(["-c", &set]);
    }
    let child = logged(&mut run, at);
    let server = Server {
        port,
        scheme: "postgres",
        dir,
        child,
        certificate,
        client,
    };
    Some(server.ready(
        "postgres",
        &[
            "CREATE DATABASE stock",
            "CREATE USER erp PASSWORD 'p@ss''word'",
            "GRANT pg_read_all_data, pg_write_all_data TO erp",
        ],
    ))
}

/// A MariaDB or MySQL with the database `stock` and the user `erp`.
pub fn mysql() -> Option<Server> {
    let found = [
        program("mariadb-install-db", &[]),
        program("mariadbd", &[]),
        program("mariadb", &[]),
    ];
    let [Some(install), Some(daemon), Some(client)] = found else {
        eprintln!("skipped: MariaDB is not installed");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let certificate = certificate(at);
    let user = other_user("mysql", at);
    let mut make = Command::new(install);
    as_user(&mut make, user);
    let made = make
        .current_dir(at)
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ])
        .arg(format!("--datadir={}", at.join("data").display()))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let port = free_port();
    let mut run = Command::new(daemon);
    as_user(&mut run, user);
    run.args([
        "--no-defaults",
        "--bind-address=127.0.0.1",
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0",
    ])
    .arg(format!("--port={port}"));
    for (key, file) in [
        ("datadir", "data"),
        ("socket", "socket"),
        ("pid-file", "pid"),
        ("ssl-cert", "cert.pem"),
        ("ssl-key", "key.pem"),
    ] {
        run.arg(format!("--{key}={}", at.join(file).display()));
    }
    let child = logged(&mut run, at);
    let server = Server {
        port,
        scheme: "mysql",
        dir,
        child,
        certificate,
        client,
    };
    Some(server.ready(
        "mysql",
        &[
            "CREATE DATABASE stock CHARACTER SET utf8mb4",
            "CREATE USER 'erp'@'%' IDENTIFIED BY 'p@ss''word'",
            "GRANT ALL ON stock.* TO 'erp'@'%'",
        ],
    ))
}
