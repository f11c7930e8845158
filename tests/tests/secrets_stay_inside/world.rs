//! Two secrets, a platform that repeats what it was sent, and a tenant with a
//! connection for every way in which a secret could get out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests;
use crossdock_tests::leaks::Leaks;
use crossdock_tests::recorder::{Recorded, Recorder, Reply};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// The two secrets, with all that needs an escape somewhere.
pub const IN_ENVIRONMENT: &str = "k3y/env+S3cr3t=&?%7E \"x\"";
const IN_FILE: &str = "f1le\\Secret \"库存\"~+/=<>end";

/// Where the first one is.
pub const VARIABLE: &str = "CROSSDOCK_TEST_SECRET";

/// User of basic authentication.
const USER: &str = "acme";

/// Schemes of `auth`; each names the secret `other`.
pub const SCHEMES: [(&str, &str); 5] = [
    ("none", ""),
    (
        "basic",
        "auth = { basic = { user = \"acme\", secret = \"other\" } }",
    ),
    ("bearer", "auth = { bearer = { secret = \"other\" } }"),
    (
        "header",
        "auth = { header = { name = \"X-Token\", secret = \"other\" } }",
    ),
    (
        "query",
        "auth = { query = { name = \"token\", secret = \"other\" } }",
    ),
];

/// What the platform does, by the path of the base URL.
pub const ANSWERS: [&str; 7] = ["ok", "told", "400", "401", "500", "302", "text"];

/// What the adapter does.
pub const MODES: [&str; 6] = [
    "log-secrets",
    "leak-signature-in-error",
    "leak-signature-in-pointer",
    "leak-signature-in-name",
    "log-signature-and-trap",
    "next-forever",
];

/// A platform that repeats everything it was sent, wherever it can.
pub fn echo(request: &Recorded) -> Reply {
    let echo = request.to_json().to_string();
    let answer = request.target.split('/').nth(1).unwrap_or_default();
    let header = |name| request.header(name).unwrap_or_default();
    match answer {
        "ok" => Reply::json(echo),
        "told" => Reply::json(
            serde_json::json!({"outcome": "rejected", "code": request.target, "message": echo})
                .to_string(),
        ),
        "302" => {
            let told = format!("{} {}", header("x-secret"), header("authorization"));
            let told = utf8_percent_encode(&told, NON_ALPHANUMERIC);
            Reply::text(302, "").with_header("location", format!("/{told}{}", request.target))
        }
        "text" => Reply::text(200, echo),
        // Adapters quote the first 200 characters: not all of the secret.
        "400" => Reply::text(400, format!("{} {}", "x".repeat(180), header("x-secret"))),
        "500" => Reply::text(
            500,
            format!("{} {}", "x".repeat(170), header("x-signature")),
        ),
        status => Reply::text(status.parse().unwrap_or(200), echo),
    }
}

/// A bed with a connection for every scheme, secret and answer, and for every
/// mode; their names.
pub fn bed(platform: &Recorder) -> (Bed, Vec<String>) {
    let bed = Bed::new();
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.put_plugin("bad", b"no component");
    bed.configure(
        "[limits]\nguest_deadline_ms = 200\nguest_instances = 64\nfollow_up_requests = 2\n",
    );
    std::fs::write(bed.path("the-secret"), IN_FILE).expect("the secret's file");
    let file = format!("{{ file = \"{}\" }}", bed.path("the-secret").display());
    let variable = format!("{{ env = \"{VARIABLE}\" }}");
    let mut names = Vec::new();
    let mut tenant = String::new();
    let mut add = |name: String, answer: &str, mode: &str, auth: &str, swap: bool| {
        let (first, second) = if swap {
            (&file, &variable)
        } else {
            (&variable, &file)
        };
        let more = format!(
            "secrets = {{ secret = {first}, other = {second} }}\n{auth}\n\
             settings = {{ sign = true, secret_edits = true, mode = \"{mode}\" }}"
        );
        let base_url = format!("{}/{answer}", platform.base_url());
        tenant += &connection(&name, "test-adapter", &base_url, &more);
        names.push(name);
    };
    for swap in [false, true] {
        for (scheme, auth) in SCHEMES {
            for answer in ANSWERS {
                add(
                    format!("{scheme}-{answer}-{swap}"),
                    answer,
                    "normal",
                    auth,
                    swap,
                );
            }
        }
        for mode in MODES {
            add(format!("{mode}-{swap}"), "ok", mode, SCHEMES[1].1, swap);
        }
    }
    bed.put_tenant("acme", "tenant.toml", &tenant);
    // A tenant whose files are wrong, and one whose secrets the adapter lacks.
    let base_url = platform.base_url();
    let wrong =
        format!("secrets = {{ secret = {file} }}\nauth = {{ bearer = {{ secret = \"no\" }} }}");
    let wrong = connection("wrong", "test-adapter", &base_url, &wrong);
    bed.put_tenant("wrong", "tenant.toml", &wrong);
    let unset = format!("secrets = {{ other = {file} }}\nsettings = {{ secret_edits = true }}");
    let unset = connection("unset", "test-adapter", &base_url, &unset);
    bed.put_tenant("unset", "tenant.toml", &unset);
    (bed, names)
}

/// The secrets, and every signature that arrived.
pub fn leaks(requests: &[Recorded]) -> Leaks {
    let mut leaks = Leaks::default();
    for (name, text) in [
        ("the environment's", IN_ENVIRONMENT),
        ("the file's", IN_FILE),
    ] {
        leaks.secret(name, text);
        leaks.basic(USER, text);
    }
    let signatures = requests.iter().filter_map(|it| it.header("x-signature"));
    let mut signatures: Vec<&str> = signatures.collect();
    signatures.sort_unstable();
    signatures.dedup();
    for signature in signatures {
        leaks.signature(&hex::decode(signature).expect("hex"));
    }
    leaks
}

/// HMAC-SHA-256, which is what the test adapter signs with.
fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// The request carried its secrets and its signature: without this, a search
/// that finds nothing would say nothing.
pub fn arrived(request: &Recorded, scheme: &str, swap: bool) {
    let (secret, other) = match swap {
        false => (IN_ENVIRONMENT, IN_FILE),
        true => (IN_FILE, IN_ENVIRONMENT),
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query = |name: &str| {
        let url = url::Url::parse(&format!("http://h{}", request.target)).expect("a URL");
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| encoded(&value))
    };
    assert_eq!(request.header("x-secret"), Some(secret));
    assert_eq!(query("secret"), Some(encoded(secret)));
    let expected = signature(secret, &request.body);
    assert_eq!(request.header("x-signature"), Some(expected.as_str()));
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{other}")));
    let bearer = format!("Bearer {other}");
    let (name, value) = match scheme {
        "basic" => ("authorization", Some(basic.as_str())),
        "bearer" => ("authorization", Some(bearer.as_str())),
        "header" => ("x-token", Some(other)),
        _ => ("authorization", None),
    };
    assert_eq!(request.header(name), value, "{scheme}");
    let token = (scheme == "query").then(|| encoded(other));
    assert_eq!(query("token"), token, "{scheme}");
}
