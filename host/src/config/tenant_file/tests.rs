use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use super::*;
use crate::config::Auth;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A tenants' folder with the tenant `acme` in it.
struct Acme {
    tenants: tempfile::TempDir,
    environment: HashMap<&'static str, &'static str>,
}

impl Acme {
    fn new(text: &str) -> Self {
        let tenants = tempfile::tempdir().unwrap();
        fs::create_dir(tenants.path().join("acme")).unwrap();
        let acme = Self {
            tenants,
            environment: HashMap::from([("ACME_TOKEN", "s3cret-of-acme"), ("SHORT", "abc")]),
        };
        acme.with("tenant.toml", text)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.dir().join(name), content).unwrap();
        self
    }

    fn dir(&self) -> PathBuf {
        self.tenants.path().join("acme")
    }

    fn load(&self) -> TenantFile {
        load_tenant_with(&self.dir(), &|name| {
            self.environment.get(name).map(OsString::from)
        })
    }

    fn connection(&self, name: &str) -> ConnectionConfig {
        self.load()
            .checked()
            .unwrap()
            .connections
            .remove(name)
            .unwrap()
    }

    /// Every problem as a person sees it, without the temporary folder.
    fn problems(&self) -> Vec<String> {
        let prefix = format!("{}/", self.tenants.path().display());
        let problems = self.load().checked().unwrap_err();
        let shown = problems
            .iter()
            .map(|problem| format!("{} {problem}", problem.code).replace(&prefix, ""));
        shown.collect()
    }
}

const SMALL: &str =
    "[connections.shop]\nadapter = \"lingzhi\"\nbase_url = \"https://api.example.com\"\n";

fn small_and(rest: &str) -> Acme {
    Acme::new(&format!("{SMALL}{rest}"))
}

#[test]
fn a_small_connection_has_every_default() {
    let tenant = small_and("").load();
    assert_eq!(tenant.name, "acme");
    let config = tenant.result.unwrap();
    assert_eq!(&*config.name, "acme");
    assert!(config.tokens.is_empty());
    let shop = &config.connections["shop"];
    assert_eq!(&*shop.name, "shop");
    assert_eq!(shop.adapter, "lingzhi");
    assert_eq!(shop.base_url.as_str(), "https://api.example.com/");
    assert_eq!(shop.settings, serde_json::json!({}));
    assert!(shop.secrets.is_empty() && shop.mappings.is_empty());
    assert_eq!(shop.auth, None);
    assert_eq!(shop.extra_roots, None);
    assert!(!shop.allow_private);
    assert_eq!(shop.limits, crate::config::ConnectionLimits::default());
}

#[test]
fn everything_a_connection_can_have_is_read() {
    let acme = Acme::new(&format!(
        r#"tokens = ["{HASH}"]

[connections.mini-shop]
adapter = "lingzhi"
base_url = "http://10.0.0.7:8080/open/api"
settings = {{ path = "/v1", big = 1234567890123456789012, price = 1.50, day = 2024-05-01, mask = 0xff }}
secrets = {{ token = {{ env = "ACME_TOKEN" }}, key = {{ file = "key.txt" }} }}
auth = {{ header = {{ name = "X-Token", secret = "token" }} }}
ca_file = "ca.pem"
allow_private = true

[connections.mini-shop.mappings]
"stock.update" = "stock.jq"

[connections.mini-shop.limits]
requests_per_minute = 60
concurrency = 5
timeout_ms = 6000
connect_timeout_ms = 700
attempts = 8
response_body_mb = 9
"#
    ))
    .with("key.txt", "line one\nline two\r\n")
    .with("ca.pem", "-----BEGIN CERTIFICATE-----\n")
    .with("stock.jq", ".sku");
    let tenant = acme.load();
    let config = tenant.result.unwrap();
    assert_eq!(config.tokens[0].to_string(), HASH);
    let shop = &config.connections["mini-shop"];
    assert_eq!(shop.base_url.as_str(), "http://10.0.0.7:8080/open/api");
    assert_eq!(
        shop.settings.to_string(),
        r#"{"big":1234567890123456789012,"day":"2024-05-01","mask":255,"path":"/v1","price":1.50}"#
    );
    assert_eq!(shop.secrets["token"].expose(), "s3cret-of-acme");
    assert_eq!(shop.secrets["key"].expose(), "line one\nline two");
    let auth = Auth::Header {
        name: "X-Token".into(),
        secret: "token".into(),
    };
    assert_eq!(shop.auth, Some(auth));
    assert!(
        shop.extra_roots
            .as_ref()
            .unwrap()
            .starts_with(b"-----BEGIN")
    );
    assert!(shop.allow_private);
    let script = &shop.mappings["stock.update"];
    assert_eq!((&*script.text, &*script.extension), (".sku", "jq"));
    assert_eq!(script.path, acme.dir().join("stock.jq"));
    assert_eq!(shop.limits.requests_per_minute, Some(60));
    assert_eq!(shop.limits.concurrency, 5);
    assert_eq!(shop.limits.timeout, Duration::from_secs(6));
    assert_eq!(shop.limits.connect_timeout, Duration::from_millis(700));
    assert_eq!(shop.limits.attempts, 8);
    assert_eq!(shop.limits.response_body, Some(9 << 20));
    let names = ["tenant.toml", "key.txt", "stock.jq", "ca.pem"];
    assert_eq!(tenant.files, names.map(|name| acme.dir().join(name)));
    for (key, line) in [
        ("", 3),
        ("adapter", 4),
        ("settings", 6),
        ("settings.path", 6),
        ("secrets.token", 7),
        ("auth.header.secret", 8),
        ("mappings", 12),
        ("mappings.stock.update", 13),
        ("limits.attempts", 20),
    ] {
        assert_eq!(shop.places[key].0, line, "line of `{key}`");
    }
}

#[test]
fn each_scheme_of_auth_is_read() {
    for (auth, expected) in [
        (
            "{ basic = { user = \"店\", secret = \"token\" } }",
            Auth::Basic {
                user: "店".into(),
                secret: "token".into(),
            },
        ),
        (
            "{ bearer = { secret = \"token\" } }",
            Auth::Bearer {
                secret: "token".into(),
            },
        ),
        (
            "{ query = { name = \"access_token\", secret = \"token\" } }",
            Auth::Query {
                name: "access_token".into(),
                secret: "token".into(),
            },
        ),
    ] {
        let acme = small_and(&format!(
            "secrets.token.env = \"ACME_TOKEN\"\nauth = {auth}\n"
        ));
        assert_eq!(acme.connection("shop").auth, Some(expected));
    }
}

#[test]
fn everything_wrong_is_reported_at_once_with_file_line_and_key() {
    let acme = Acme::new(
        r#"tokens = "sha256:00"
token = ["x"]

[connections.scripts]
adapter = "lingzhi"
base_url = "ftp://example.com"

[connections.Shop_1]
adaptor = "lingzhi"
base_url = "https://user:pa55word@example.com"
settings = []
auth = { bearer = { secret = "tokn" } }
secrets = { token = "s3cret-in-the-wrong-place" }
allow_private = "yes"

[connections.a]
adapter = ""
base_url = "https://example.com/api?x=1"
settings = { rate = inf }
secrets.one = { env = "NOT_SET" }
secrets.two = { file = "gone.txt" }
secrets.three = { env = "SHORT" }
secrets.four = { env = "s3cret!" }
secrets.five = { env = "ACME_TOKEN", file = "x" }
secrets.six = {}
secrets.seven = { file = "../other/key" }
secrets.eight = { path = "x" }
secrets.nine = { file = "empty.txt" }
auth = { basic = { user = "a:b", secret = "one" }, bearer = { secret = "one" } }
ca_file = "ca.pem"

[connections.a.mappings]
stock.update = "stock.jq"
"goods.push" = "gone.jq"
"goods.pull" = "noextension"
"goods.list" = "../other/secret.jq"
"goods.hide" = "/etc/passwd.jq"

[connections.a.limits]
timeout = 5
concurrency = 0
attempts = 1.5
"#,
    )
    .with("empty.txt", "\n")
    .with("ca.pem", "no certificate")
    .with("noextension", ".");
    let expected = [
        "config-wrong-type acme/tenant.toml:1:10: `tokens` must be an array of strings, not a string.",
        "config-unknown-key acme/tenant.toml:2:1: `token` is not a known key: did you mean `tokens`?",
        "config-bad-name acme/tenant.toml:4:14: `scripts` is reserved and cannot name a connection; choose another name.",
        "config-bad-value acme/tenant.toml:6:12: `connections.scripts.base_url` must start with https:// or http://.",
        "config-bad-name acme/tenant.toml:8:14: `Shop_1` cannot name a connection: a name is 1 to 63 lower-case letters, digits and dashes and does not start with a dash.",
        "config-missing acme/tenant.toml:8:14: `connections.Shop_1.adapter` is missing: name the platform's adapter, as in adapter = \"lingzhi\".",
        "config-unknown-key acme/tenant.toml:9:1: `connections.Shop_1.adaptor` is not a known key: did you mean `adapter`?",
        "config-bad-value acme/tenant.toml:10:12: `connections.Shop_1.base_url` must not contain a user or password; use `auth` with a secret instead.",
        "config-wrong-type acme/tenant.toml:11:12: `connections.Shop_1.settings` must be a table, not an array.",
        "config-secret-missing acme/tenant.toml:12:30: `connections.Shop_1.auth.bearer.secret` names no secret of this connection: did you mean `token`?",
        "config-wrong-type acme/tenant.toml:13:21: `connections.Shop_1.secrets.token` must be { env = \"VARIABLE\" }, { file = \"path\" }, { command = [\"/path\"] } or { vault = { path = \"…\", key = \"…\" } }; a secret's text does not belong in this file.",
        "config-wrong-type acme/tenant.toml:14:17: `connections.Shop_1.allow_private` must be true or false, not a string.",
        "config-bad-value acme/tenant.toml:17:11: `connections.a.adapter` must not be empty.",
        "config-bad-value acme/tenant.toml:18:12: `connections.a.base_url` must not contain a query (`?`) or a fragment (`#`).",
        "config-bad-value acme/tenant.toml:19:21: `connections.a.settings.rate` is a number that JSON cannot carry; write a finite one.",
        "config-secret-missing acme/tenant.toml:20:23: `connections.a.secrets.one.env` names the environment variable NOT_SET, which is not set.",
        "config-secret-missing acme/tenant.toml:21:24: `connections.a.secrets.two.file` names the file acme/gone.txt, which does not exist.",
        "config-secret-missing acme/tenant.toml:22:25: `connections.a.secrets.three.env` names the environment variable SHORT, which holds fewer than 4 bytes: too short to be removed safely from logs and errors.",
        "config-bad-value acme/tenant.toml:23:24: `connections.a.secrets.four.env` must be the name of an environment variable (letters, digits and underscores), not its value.",
        "config-bad-value acme/tenant.toml:24:16: `connections.a.secrets.five` says in several ways where the secret is; keep one of them.",
        "config-missing acme/tenant.toml:25:15: `connections.a.secrets.six` must be { env = \"VARIABLE\" }, { file = \"path\" }, { command = [\"/path\"] } or { vault = { path = \"…\", key = \"…\" } }; a secret's text does not belong in this file.",
        "config-bad-value acme/tenant.toml:26:26: `connections.a.secrets.seven.file` must not leave the tenant's folder with `..`; write an absolute path for a file elsewhere.",
        "config-unknown-key acme/tenant.toml:27:19: `connections.a.secrets.eight.path` is not a known key: the keys here are `env`, `file`, `command`, `vault`.",
        "config-secret-missing acme/tenant.toml:28:25: `connections.a.secrets.nine.file` names the file acme/empty.txt, which is empty.",
        "config-bad-value acme/tenant.toml:29:1: `connections.a.auth` must have exactly one of `basic`, `bearer`, `header`, `query` and `oauth2`, as in { bearer = { secret = \"token\" } }.",
        "config-bad-value acme/tenant.toml:30:11: `connections.a.ca_file` names the file acme/ca.pem, which has no certificate in PEM form.",
        "config-wrong-type acme/tenant.toml:33:1: `connections.a.mappings.stock` must be the file name of a script; an operation's name is written in quotes, as in \"stock.update\" = \"stock.jq\".",
        "config-file-missing acme/tenant.toml:34:16: `connections.a.mappings.\"goods.push\"` names the script acme/gone.jq, which does not exist.",
        "config-bad-value acme/tenant.toml:35:16: `connections.a.mappings.\"goods.pull\"` must be a file name with an extension, which says the language, as in \"stock.jq\".",
        "config-bad-value acme/tenant.toml:36:16: `connections.a.mappings.\"goods.list\"` must be a file inside the tenant's own folder.",
        "config-bad-value acme/tenant.toml:37:16: `connections.a.mappings.\"goods.hide\"` must be a file inside the tenant's own folder.",
        "config-unknown-key acme/tenant.toml:40:1: `connections.a.limits.timeout` is not a known key: did you mean `timeout_ms`?",
        "config-out-of-range acme/tenant.toml:41:15: `connections.a.limits.concurrency` must be between 1 and 1024.",
        "config-wrong-type acme/tenant.toml:42:12: `connections.a.limits.attempts` must be a whole number, not a number with a fraction.",
    ];
    let problems = acme.problems();
    for (problem, expected) in problems.iter().zip(expected) {
        assert_eq!(problem, expected);
    }
    assert_eq!(problems.len(), expected.len());
}

#[test]
fn no_message_and_no_debug_output_repeats_a_secret() {
    let wrong = Acme::new(
        r#"[connections.a]
adapter = "x"
base_url = "https://user:pa55word@example.com"
secrets = { token = "typed-s3cret", file = { env = "typed s3cret" } }
auth = { bearer = { secret = "typed-s3cret" } }
broken = "typed-s3cret
"#,
    );
    for acme in [
        &wrong,
        &Acme::new(
            &fs::read_to_string(wrong.dir().join("tenant.toml"))
                .unwrap()
                .replace("broken", "# broken"),
        ),
    ] {
        let tenant = acme.load();
        let shown = format!("{:?} {:?}", tenant, acme.problems());
        assert!(
            !shown.contains("s3cret") && !shown.contains("pa55word"),
            "{shown}"
        );
    }

    let right = small_and("secrets.token.env = \"ACME_TOKEN\"\nsecrets.key.file = \"key.txt\"\n")
        .with("key.txt", "s3cret-in-a-file");
    let tenant = right.load();
    let shown = format!("{tenant:?} {:#?}", tenant.result.as_ref().unwrap());
    assert!(shown.contains("«secret»"));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_file_that_somebody_is_halfway_through_writing_is_refused() {
    for text in ["", " \n\t\n", "\u{feff}"] {
        let problems = Acme::new(text).problems();
        let detail =
            "config-empty acme/tenant.toml: acme/tenant.toml is empty; name at least a connection.";
        assert_eq!(problems, [detail]);
    }
}

#[test]
fn every_syntax_error_has_line_and_column() {
    let problems = Acme::new("[connections.a]\nadapter = \nbase_url = 'x\n").problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("config-syntax acme/tenant.toml:2:"),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("config-syntax acme/tenant.toml:3:"),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_whole_is_refused() {
    let problems = Acme::new("")
        .with("tenant.toml", b"a = 1\nb = \"\xff\"\n")
        .problems();
    assert_eq!(
        problems,
        [
            "config-unreadable acme/tenant.toml:2:6: This is not UTF-8 text: there is a byte here that does not belong; save the file as UTF-8."
        ]
    );
    let problems = Acme::new(&"#".repeat((1 << 20) + 1)).problems();
    assert_eq!(
        problems,
        ["config-unreadable acme/tenant.toml: acme/tenant.toml is larger than 1 MiB."]
    );
    let acme = Acme::new("");
    fs::remove_file(acme.dir().join("tenant.toml")).unwrap();
    assert_eq!(
        acme.problems(),
        ["config-file-missing acme/tenant.toml: acme/tenant.toml does not exist."]
    );
    assert_eq!(acme.load().files, [acme.dir().join("tenant.toml")]);
}

#[test]
fn a_folder_whose_name_is_no_tenant_is_refused() {
    // The last three are paths of the host: `/v1/deliveries` and so on.
    for name in [
        "Acme",
        "-a",
        "a.b",
        &"a".repeat(64),
        "deliveries",
        "plugins",
        "tenants",
    ] {
        let acme = small_and("");
        let dir = acme.tenants.path().join(name);
        fs::rename(acme.dir(), &dir).unwrap();
        let problems = load_tenant(&dir, &crate::secrets::Sources::ignored())
            .checked()
            .unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "config-bad-name");
    }
}

#[test]
fn an_absolute_secret_file_may_be_anywhere() {
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(&elsewhere, "s3cret-elsewhere").unwrap();
    let path = elsewhere.path().display();
    let acme = small_and(&format!("secrets.token.file = \"{path}\"\n"));
    let shop = acme.connection("shop");
    assert_eq!(shop.secrets["token"].expose(), "s3cret-elsewhere");
    assert!(acme.load().files.contains(&elsewhere.path().to_owned()));
}

#[test]
fn a_secret_of_more_than_64_kib_is_refused() {
    let acme = small_and("secrets.token.file = \"big\"\n").with("big", "x".repeat((64 << 10) + 1));
    assert!(acme.problems()[0].contains("is larger than 64 KiB"));
}

#[test]
fn base_urls_that_would_have_to_be_repaired_are_refused() {
    for url in [
        "",
        "example.com",
        "https:example.com",
        "https:///example.com",
        "https://",
        "https://example .com",
        "https:\\\\\\\\example.com",
        "https://example.com/#x",
        "https://example.com?",
        "file:///etc/passwd",
    ] {
        let text = format!("[connections.a]\nadapter = \"x\"\nbase_url = \"{url}\"\n");
        let problems = Acme::new(&text).problems();
        assert_eq!(problems.len(), 1, "{url}: {problems:?}");
        assert!(problems[0].starts_with("config-bad-value"), "{problems:?}");
    }
}

#[test]
fn a_header_of_the_transport_cannot_carry_a_secret() {
    for name in ["Host", "content-length", "Transfer-Encoding", "a b", "名"] {
        let acme = small_and(&format!(
            "secrets.token.env = \"ACME_TOKEN\"\nauth.header = {{ name = \"{name}\", secret = \"token\" }}\n"
        ));
        assert_eq!(acme.problems().len(), 1, "{name}");
    }
}

#[cfg(unix)]
mod links;

#[test]
fn the_fingerprint_tells_whether_anything_that_was_read_has_changed() {
    let acme = small_and(
        "mappings = { \"stock.update\" = \"stock.jq\" }\nsecrets.token.file = \"key.txt\"\n",
    );
    let mut seen = vec![acme.load().fingerprint];
    let mut changed = |acme: &Acme| {
        let fingerprint = acme.load().fingerprint;
        assert_eq!(fingerprint, acme.load().fingerprint);
        assert!(!seen.contains(&fingerprint));
        seen.push(fingerprint);
    };
    let acme = acme.with("stock.jq", ".a");
    changed(&acme);
    let acme = acme.with("key.txt", "first");
    changed(&acme);
    let acme = acme.with("stock.jq", ".b");
    changed(&acme);
    let acme = acme.with("key.txt", "other");
    changed(&acme);
    let acme = acme.with("unrelated.txt", "x");
    assert_eq!(acme.load().fingerprint, *seen.last().unwrap());
}
