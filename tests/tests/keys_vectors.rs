//! Every published signature comes out of `keys`: computed by the host for a
//! real component, spelled by that component.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossdock::config::Secret;
use crossdock::host::Host;
use crossdock::plugin::contract::{Body, Context, Draft, Edit};
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::recorder::Recorder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Signatures in the collection of published ones, and those that standards add
/// for the algorithms it leaves out.
const PUBLISHED: usize = 26;
const STANDARD: usize = 7;

/// The host does not take a shorter secret from a tenant: it could not be kept
/// out of logs. `keys` itself computes with any.
const SHORTEST_SECRET: usize = 4;

#[derive(Deserialize)]
struct Vector {
    id: String,
    via: String,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// What the test adapter is told to compute.
    document: Option<Box<RawValue>>,
    username: Option<String>,
    password: Option<String>,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).expect("the fixture")
}

impl Vector {
    fn document(&self) -> &str {
        let document = self.document.as_deref().map(RawValue::get);
        document.unwrap_or_else(|| panic!("{} has no document", self.id))
    }

    /// Name of a connection and of files that belong to this vector.
    fn name(&self) -> String {
        self.id.to_lowercase().replace(['.', '_'], "-")
    }
}

fn bed() -> Bed {
    let bed = Bed::new();
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.configure("[limits]\nguest_instances = 64\n");
    bed
}

#[test]
fn the_collection_is_complete() {
    let vectors = vectors();
    assert_eq!(vectors.len(), PUBLISHED + STANDARD);
    let ids: BTreeSet<&str> = vectors.iter().map(|vector| vector.id.as_str()).collect();
    assert_eq!(ids.len(), vectors.len(), "every vector has its own id");
    let via = |via: &str| vectors.iter().filter(|vector| vector.via == via).count();
    assert_eq!((via("keys"), via("basic")), (PUBLISHED + STANDARD - 1, 1));

    let documents: String = vectors
        .iter()
        .filter_map(|vector| vector.document.as_deref())
        .map(|document| document.get().replace([' ', '\n'], ""))
        .collect();
    for algorithm in [
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "hmac-md5",
        "hmac-sha1",
        "hmac-sha256",
        "hmac-sha512",
    ] {
        let wanted = format!("\"algorithm\":\"{algorithm}\"");
        assert!(documents.contains(&wanted), "no vector for {algorithm}");
    }
    for output in ["hex", "HEX", "base64"] {
        let wanted = format!("\"output\":\"{output}\"");
        assert!(documents.contains(&wanted), "no vector in {output}");
    }
    // Aliyun's key ends with `&`; AWS and Tencent chain several HMACs.
    assert!(documents.contains(r#""key":[{"secret":"secret"},{"text":"&"}]"#));
    assert!(documents.contains(r#""messages":[[{"text":"20150830"}],["#));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_comes_out_of_keys() {
    let bed = bed();
    let host = bed.host_unwatched().await;
    let mut computed = 0;
    for vector in vectors().iter().filter(|vector| vector.via == "keys") {
        let found = sign(&host, vector).await;
        assert_eq!(found, vector.signature, "{}", vector.id);
        computed += 1;
    }
    assert_eq!(computed, PUBLISHED + STANDARD - 1);
}

/// `sign` of the loaded component, with the vector's secrets behind `keys`.
async fn sign(host: &Host, vector: &Vector) -> String {
    let snapshot = host.snapshot();
    let adapter = &snapshot.adapters["test-adapter"];
    let mut lease = adapter.lease(&"acme".into()).await.expect("an instance");
    let context = Context {
        now_ms: 0,
        nonce: "0".repeat(32),
        settings: "{}".into(),
    };
    let draft = Draft {
        method: "POST".into(),
        path: "/vector".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::Text(vector.document().into()),
    };
    let secrets = vector.secrets.iter();
    let secrets = secrets.map(|(name, text)| (name.clone(), Secret::new(text.clone())));
    let secrets = Arc::new(secrets.collect());
    let signed = lease
        .sign(
            &context,
            "vector",
            &draft,
            secrets,
            adapter.declared.clone(),
        )
        .await;
    // What the host keeps out of reports is what was given out, as bytes.
    assert_eq!(signed.derived.len(), 1, "{}", vector.id);
    let edits = signed.answer.expect("no trap").expect("no fault");
    match &edits[..] {
        [Edit::SetHeader((name, value))] if name == "x-signature" => value.clone(),
        other => panic!("{}: {other:?}", vector.id),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_arrives_on_the_wire() {
    let platform = Recorder::start().await;
    let bed = bed();
    let vectors = vectors();
    let sent: Vec<&Vector> = vectors
        .iter()
        .filter(|vector| vector.via == "keys")
        .filter(|vector| {
            let mut texts = vector.secrets.values();
            texts.all(|text| text.len() >= SHORTEST_SECRET)
        })
        .collect();
    assert_eq!(sent.len(), 25);
    let mut tenant = String::new();
    for vector in &sent {
        let file = bed.path(vector.name());
        std::fs::write(&file, &vector.secrets["secret"]).expect("the secret's file");
        let secrets = format!(
            "secrets = {{ secret = {{ file = \"{}\" }} }}",
            file.display()
        );
        tenant += &connection(
            &vector.name(),
            "test-adapter",
            &platform.base_url(),
            &secrets,
        );
    }
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    for vector in sent {
        let report = deliver(
            &host,
            call("acme", &vector.name(), "vector", vector.document()),
        )
        .await;
        let status = report.items[0].status;
        assert_eq!(status, ItemStatus::Accepted, "{}: {report:?}", vector.id);
        let request = platform.last();
        let found = request.header("x-signature");
        assert_eq!(found, Some(vector.signature.as_str()), "{}", vector.id);
        assert_eq!(request.text(), vector.document(), "{}", vector.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_credentials_arrive_as_rfc_7617_writes_them() {
    let vectors = vectors();
    let vector = vectors.iter().find(|vector| vector.via == "basic");
    let vector = vector.expect("one of basic authentication");
    let (Some(user), Some(password)) = (&vector.username, &vector.password) else {
        panic!("{} has no credentials", vector.id);
    };
    let platform = Recorder::start().await;
    let bed = bed();
    std::fs::write(bed.path("password"), password).expect("the secret's file");
    let more = format!(
        "secrets = {{ secret = {{ file = \"{}\" }} }}\n\
         auth = {{ basic = {{ user = \"{user}\", secret = \"secret\" }} }}",
        bed.path("password").display()
    );
    let shop = connection("shop", "test-adapter", &platform.base_url(), &more);
    bed.put_tenant("acme", "tenant.toml", &shop);
    let host = bed.host_unwatched().await;
    deliver(&host, call("acme", "shop", "echo", "{}")).await;
    let request = platform.last();
    assert_eq!(
        request.header("authorization"),
        Some(vector.signature.as_str())
    );
}
