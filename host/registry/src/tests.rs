//! A repository asked over answers that are written down: who gets credentials,
//! and what is believed.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use zeroize::Zeroizing;

use crate::{
    Access, Component, Digest, Failure, FailureKind, Layout, Login, Reference, Registry, Request,
    Response, Target, Transport,
};

/// What a request was: method, URL, what it said of who asks.
type Asked = (String, String, Option<String>);

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Response>>,
    asked: Mutex<Vec<Asked>>,
}

impl Transport for &Script {
    async fn send(&self, request: Request) -> Result<Response, Failure> {
        let authorization = request.headers.get(AUTHORIZATION);
        let asked = (
            request.method.to_string(),
            request.url.to_string(),
            authorization.map(|value| value.to_str().unwrap().to_owned()),
        );
        self.asked.lock().unwrap().push(asked);
        let answer = self.answers.lock().unwrap().pop_front();
        Ok(answer.expect("an answer is written down"))
    }
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Response>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    fn asked(&self) -> Vec<Asked> {
        assert!(self.answers.lock().unwrap().is_empty(), "not all was asked");
        self.asked.lock().unwrap().clone()
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: body.into(),
    }
}

fn redirect(to: &str) -> Response {
    answer(307, &[("location", to)], "")
}

fn bearer(realm: &str) -> Response {
    let value = format!("Bearer realm=\"{realm}\",service=\"reg\"");
    answer(401, &[("www-authenticate", &value)], "")
}

fn me() -> Login {
    Login::with("me".into(), Zeroizing::new("secret".into()))
}

const BASIC: &str = "Basic bWU6c2VjcmV0";

fn registry<'a>(script: &'a Script, registry: &str, login: Login) -> Registry<&'a Script> {
    let reference: Reference = format!("oci://{registry}/shop/board").parse().unwrap();
    Registry::new(script, &reference, login, Access::Pull, false).unwrap()
}

fn layout() -> Layout {
    Layout::new(&Component::default(), b"file").unwrap()
}

async fn pull(script: &Script, at: &str, login: Login) -> Result<Bytes, Failure> {
    let registry = registry(script, at, login);
    let pulled = registry.pull(&Target::Tag("1".into()), 100).await?;
    registry.file(&pulled).await
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_goes_to_the_registry_alone() {
    let script = Script::new([
        bearer("https://auth.example/token?a=1"),
        answer(200, &[], r#"{"token":"T","expires_in":60}"#),
        answer(200, &[], layout().manifest),
        redirect("https://storage.example/blob?sig=1"),
        answer(200, &[], "file"),
    ]);
    let file = pull(&script, "reg.example", me()).await.unwrap();
    assert_eq!(&file[..], b"file");
    let token = Some("Bearer T".to_owned());
    let digest = Digest::of(b"file");
    let manifest = "https://reg.example/v2/shop/board/manifests/1".to_owned();
    assert_eq!(
        script.asked(),
        [
            ("GET".into(), manifest.clone(), None),
            (
                "GET".into(),
                "https://auth.example/token?a=1&service=reg&scope=repository%3Ashop%2Fboard%3Apull"
                    .into(),
                Some(BASIC.into())
            ),
            ("GET".into(), manifest, token.clone()),
            (
                "GET".into(),
                format!("https://reg.example/v2/shop/board/blobs/{digest}"),
                token
            ),
            (
                "GET".into(),
                "https://storage.example/blob?sig=1".into(),
                None
            ),
        ]
    );
}

#[tokio::test]
async fn nobody_is_told_the_credentials_without_tls_or_without_asking() {
    // A registry that is asked by TLS names a token server without.
    let script = Script::new([bearer("http://auth.example/token")]);
    let failure = pull(&script, "reg.example", me()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(failure.message.contains("without TLS"), "{failure}");
    // Another server that wants Basic, after a redirect.
    let wants = answer(401, &[("www-authenticate", "Basic realm=\"x\"")], "");
    let script = Script::new([redirect("https://evil.example/x"), wants]);
    let failure = pull(&script, "reg.example", me()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    let asked = script.asked();
    assert!(asked.iter().all(|(_, _, said)| said.is_none()), "{asked:?}");
}

#[tokio::test]
async fn a_redirect_is_followed_by_tls_only_and_not_for_ever() {
    for (to, says) in [
        ("http://storage.example/x", "without TLS"),
        ("http://127.0.0.1/x", "without TLS"),
        ("file:///etc/passwd", "neither http nor https"),
        ("https://", "no URL"),
    ] {
        let script = Script::new([redirect(to)]);
        let failure = pull(&script, "reg.example", me()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Redirect, "{to}: {failure}");
        assert!(failure.message.contains(says), "{to}: {failure}");
        assert_eq!(script.asked().len(), 1);
    }
    let script = Script::new((0..6).map(|n| redirect(&format!("/{n}"))));
    let failure = pull(&script, "reg.example", me()).await.unwrap_err();
    assert!(failure.message.contains("without an end"), "{failure}");
    assert_eq!(script.asked().len(), 6);
    let script = Script::new([answer(302, &[], "")]);
    let failure = pull(&script, "reg.example", me()).await.unwrap_err();
    assert!(
        failure.message.contains("without saying where"),
        "{failure}"
    );
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_not_taken() {
    let manifest = layout().manifest;
    let lying = [("docker-content-digest", &*Digest::of(b"x").to_string())];
    for answers in [
        vec![answer(200, &lying, manifest.clone())],
        vec![answer(200, &[], manifest.clone()), answer(200, &[], "fils")],
        vec![
            answer(200, &[], manifest.clone()),
            answer(200, &[], "file and more"),
        ],
    ] {
        let script = Script::new(answers);
        let failure = pull(&script, "reg.example", me()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Digest, "{failure}");
    }
    let script = Script::new([answer(200, &[], manifest.clone())]);
    let other = Target::Digest(Digest::of(b"other"));
    let failure = registry(&script, "reg.example", me())
        .pull(&other, 100)
        .await;
    assert_eq!(failure.unwrap_err().kind, FailureKind::Digest);
    let script = Script::new([answer(200, &[], manifest)]);
    let target = Target::Tag("1".into());
    let failure = registry(&script, "reg.example", me())
        .pull(&target, 3)
        .await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TooLarge);
    assert!(failure.message.contains("plugin_mb"), "{failure}");
}

#[tokio::test]
async fn a_refusal_says_what_the_registry_said_and_what_to_do() {
    let helped = Login {
        credentials: None,
        helper: Some("desktop".into()),
    };
    let wants = || answer(401, &[("www-authenticate", "Basic")], "");
    let errors = r#"{"errors":[{"code":"DENIED","message":"no\nrights"}]}"#;
    for (answers, login, kind, says) in [
        (
            vec![wants()],
            Login::default(),
            FailureKind::Denied,
            "--password-stdin",
        ),
        (
            vec![wants()],
            helped,
            FailureKind::Denied,
            "docker-credential-desktop",
        ),
        (
            vec![wants(), wants()],
            me(),
            FailureKind::Denied,
            "does not let `me` read shop/board",
        ),
        (
            vec![bearer("https://a.example/t"), answer(403, &[], errors)],
            me(),
            FailureKind::Denied,
            "DENIED: no rights",
        ),
        (
            vec![answer(401, &[], "")],
            me(),
            FailureKind::Denied,
            "not known here",
        ),
        (
            vec![
                bearer("https://a.example/t"),
                answer(200, &[], r#"{"token":"a\nb"}"#),
            ],
            me(),
            FailureKind::Denied,
            "no header can have",
        ),
        (
            vec![bearer("https://a.example/t"), answer(200, &[], "{}")],
            me(),
            FailureKind::Denied,
            "gives no token",
        ),
        (vec![bearer("no url")], me(), FailureKind::Denied, "no URL"),
        (
            vec![answer(404, &[], "")],
            me(),
            FailureKind::NotFound,
            "has no such plugin (HTTP 404)",
        ),
        (
            vec![answer(503, &[], "<html>")],
            me(),
            FailureKind::Refused,
            "try again later",
        ),
        (
            vec![answer(200, &[], "<html>")],
            me(),
            FailureKind::Layout,
            "no manifest",
        ),
    ] {
        let script = Script::new(answers);
        let failure = pull(&script, "reg.example", login).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
        script.asked();
    }
}

#[tokio::test]
async fn an_upload_goes_where_the_registry_says_without_credentials_for_others() {
    let layout = layout();
    let wants = answer(401, &[("www-authenticate", "Basic")], "");
    let begun = |at: &str| answer(202, &[("location", at)], "");
    let created = || answer(201, &[], "");
    let script = Script::new([
        wants,
        answer(404, &[], ""),
        begun("https://storage.example/up?s=1"),
        created(),
        answer(200, &[], ""),
        answer(
            201,
            &[("docker-content-digest", &*layout.digest.to_string())],
            "",
        ),
    ]);
    let reference: Reference = "oci://docker.io/shop/board:1".parse().unwrap();
    let registry = Registry::new(&script, &reference, me(), Access::Push, false).unwrap();
    let file = Bytes::from_static(b"file");
    let digest = registry.push(&layout, file.clone(), "1").await.unwrap();
    assert_eq!(digest, layout.digest);
    let blob = Digest::of(b"file");
    let config = Digest::of(&layout.config);
    let base = "https://registry-1.docker.io/v2/shop/board";
    let basic = Some(BASIC.to_owned());
    let escaped = blob.to_string().replace(':', "%3A");
    assert_eq!(
        script.asked(),
        [
            ("HEAD".into(), format!("{base}/blobs/{blob}"), None),
            ("HEAD".into(), format!("{base}/blobs/{blob}"), basic.clone()),
            (
                "POST".into(),
                format!("{base}/blobs/uploads/"),
                basic.clone()
            ),
            (
                "PUT".into(),
                format!("https://storage.example/up?s=1&digest={escaped}"),
                None
            ),
            (
                "HEAD".into(),
                format!("{base}/blobs/{config}"),
                basic.clone()
            ),
            ("PUT".into(), format!("{base}/manifests/1"), basic),
        ]
    );

    for (at, says) in [
        ("http://storage.example/up", "without TLS"),
        ("ftp://storage.example/up", "neither http nor https"),
    ] {
        let script = Script::new([answer(404, &[], ""), begun(at)]);
        let registry = Registry::new(&script, &reference, me(), Access::Push, false).unwrap();
        let failure = registry.push(&layout, file.clone(), "1").await.unwrap_err();
        assert!(failure.message.contains(says), "{failure}");
    }
    let script = Script::new([answer(404, &[], ""), redirect("https://other.example/")]);
    let registry = Registry::new(&script, &reference, me(), Access::Push, false).unwrap();
    let failure = registry.push(&layout, file, "1").await.unwrap_err();
    assert!(failure.message.contains("not followed"), "{failure}");
}

#[tokio::test]
async fn the_clear_is_for_this_machine_or_on_demand() {
    for (at, insecure, scheme) in [
        ("reg.example", false, "https"),
        ("10.0.0.1:5000", false, "https"),
        ("localhost:5000", false, "http"),
        ("[::1]:5000", false, "http"),
        ("reg.example", true, "http"),
    ] {
        let script = Script::new([answer(404, &[], "")]);
        let reference: Reference = format!("oci://{at}/a").parse().unwrap();
        let login = Login::default();
        let registry = Registry::new(&script, &reference, login, Access::Pull, insecure).unwrap();
        let _ = registry.pull(&reference.target(), 1).await.unwrap_err();
        let asked = script.asked();
        assert!(
            asked[0].1.starts_with(&format!("{scheme}://{at}/v2/")),
            "{asked:?}"
        );
    }
}
