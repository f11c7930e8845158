//! `auth = { oauth2 = { … } }` and `[server] public_url`, as people type them.

use super::*;
use crate::config::tenant_file::load_tenant_with;
use crate::config::{Auth, ConnectionConfig, load_host};

/// What is read of a connection with this `auth`, or the messages without the place.
fn load(lines: &str) -> Result<ConnectionConfig, Vec<String>> {
    let tenants = tempfile::tempdir().unwrap();
    let dir = tenants.path().join("acme");
    std::fs::create_dir(&dir).unwrap();
    let text = format!(
        "[connections.shop]\nadapter = \"a\"\nbase_url = \"https://a.example\"\n\
         secrets.client-secret.env = \"SECRET\"\nsecrets.first.env = \"SECRET\"\n{lines}\n"
    );
    std::fs::write(dir.join("tenant.toml"), text).unwrap();
    let read = load_tenant_with(&dir, &|_| Some("s3cret-of-the-app".into())).checked();
    match read {
        Ok(mut config) => Ok(config.connections.remove("shop").unwrap()),
        Err(problems) => Err(problems
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref().unwrap();
                format!("{} {}: {}", problem.code, place.line, problem.detail)
            })
            .collect()),
    }
}

fn oauth2(lines: &str) -> OAuth2Config {
    let connection = load(lines).unwrap();
    match connection.auth {
        Some(Auth::OAuth2(config)) => *config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_small_grant_has_every_default() {
    let config = oauth2(
        "auth.oauth2 = { grant = \"client_credentials\", token_url = \"https://a.example/token?v=2\", \
         client_id = \"app-7\", secret = \"client-secret\" }",
    );
    let expected = OAuth2Config {
        grant: OAuth2Grant::ClientCredentials,
        token_url: Url::parse("https://a.example/token?v=2").unwrap(),
        client_id: "app-7".into(),
        secret: Some("client-secret".into()),
        client_auth: ClientAuth::Basic,
        scopes: Vec::new(),
        parameters: BTreeMap::new(),
        format: TokenFormat::Form,
        place: TokenPlace::Bearer,
    };
    assert_eq!(config, expected);
    assert_eq!(config.grant.as_str(), "client_credentials");
}

#[test]
fn every_key_of_a_grant_is_read() {
    let config = oauth2(
        "[connections.shop.auth.oauth2]\ngrant = \"authorization_code\"\n\
         authorize_url = \"https://a.example/authorize\"\ntoken_url = \"https://b.example/token\"\n\
         client_id = \"app-7\"\nsecret = \"client-secret\"\nclient_auth = \"body\"\n\
         scopes = [\"write_inventory\", \"read_products,read_locations\"]\nheader = \"X-Shopify-Access-Token\"\n\
         parameters = { audience = \"https://api.example\" }\nformat = \"json\"",
    );
    let authorize_url = Url::parse("https://a.example/authorize").unwrap();
    assert_eq!(
        config.grant,
        OAuth2Grant::AuthorizationCode { authorize_url }
    );
    assert_eq!(config.client_auth, ClientAuth::Body);
    assert_eq!(
        config.scopes,
        ["write_inventory", "read_products,read_locations"]
    );
    assert_eq!(
        config.place,
        TokenPlace::Header("X-Shopify-Access-Token".into())
    );
    assert_eq!(config.parameters["audience"], "https://api.example");
    assert_eq!(config.format, TokenFormat::Json);

    let config = oauth2(
        "auth.oauth2 = { grant = \"refresh_token\", refresh_token = \"first\", \
         token_url = \"https://a.example/token\", client_id = \"app-7\", query = \"access_token\" }",
    );
    let refresh_token = "first".to_owned();
    assert_eq!(config.grant, OAuth2Grant::RefreshToken { refresh_token });
    assert_eq!(config.place, TokenPlace::Query("access_token".into()));
    assert_eq!(config.secret, None);
}

#[test]
fn what_is_wrong_with_a_grant_is_said_with_line_and_key() {
    const START: &str =
        "grant = \"client_credentials\", token_url = \"https://a.example/t\", client_id = \"c\"";
    for (keys, expected) in [
        (
            "",
            "config-missing 6: `connections.shop.auth.oauth2.grant` is missing: say how the first token is had",
        ),
        (
            "",
            "config-missing 6: `connections.shop.auth.oauth2.token_url` is missing: say where tokens are asked for",
        ),
        (
            "",
            "config-missing 6: `connections.shop.auth.oauth2.client_id` is missing",
        ),
        (
            "grant = \"password\", token_url = \"https://a.example\", client_id = \"c\"",
            "config-bad-value 6: `connections.shop.auth.oauth2.grant` must be \"client_credentials\", \"authorization_code\" or \"refresh_token\".",
        ),
        (
            START,
            "`connections.shop.auth.oauth2.grant` is \"client_credentials\", which proves who asks by a secret",
        ),
        (
            &format!("{START}, secret = \"client-secre\""),
            "config-secret-missing 6: `connections.shop.auth.oauth2.secret` names no secret of this connection: did you mean `client-secret`?",
        ),
        (
            &format!("{START}, secret = \"client-secret\", authorize_url = \"https://a.example\""),
            "`connections.shop.auth.oauth2.authorize_url` belongs to grant = \"authorization_code\" only",
        ),
        (
            &format!("{START}, secret = \"client-secret\", refresh_token = \"first\""),
            "`connections.shop.auth.oauth2.refresh_token` belongs to grant = \"refresh_token\" only",
        ),
        (
            "grant = \"authorization_code\", token_url = \"https://a.example\", client_id = \"c\"",
            "config-missing 6: `connections.shop.auth.oauth2.authorize_url` is missing: say what a person opens",
        ),
        (
            "grant = \"refresh_token\", token_url = \"https://a.example\", client_id = \"c\"",
            "config-missing 6: `connections.shop.auth.oauth2.refresh_token` is missing: name a secret",
        ),
        (
            "grant = \"refresh_token\", refresh_token = \"s3cret\", token_url = \"https://a.example\", client_id = \"c\"",
            "config-secret-missing 6: `connections.shop.auth.oauth2.refresh_token` names no secret of this connection: it has `client-secret`, `first`.",
        ),
        (
            "grant = \"refresh_token\", refresh_token = \"first\", token_url = \"ftp://a.example\", client_id = \"c\"",
            "`connections.shop.auth.oauth2.token_url` must start with https:// or http://.",
        ),
        (
            "grant = \"refresh_token\", refresh_token = \"first\", token_url = \"https://u:s3cret@a.example\", client_id = \"c\"",
            "`connections.shop.auth.oauth2.token_url` must not contain a user or password; use `client_id` and `secret` instead.",
        ),
        (
            &format!("{START}, client_auth = \"body\""),
            "`connections.shop.auth.oauth2.client_auth` says where `secret` is sent, and there is no `secret`",
        ),
        (
            &format!("{START}, secret = \"client-secret\", client_auth = \"post\""),
            "`connections.shop.auth.oauth2.client_auth` must be \"basic\" or \"body\".",
        ),
        (
            &format!("{START}, scopes = [\"read write\"]"),
            "config-bad-value 6: `connections.shop.auth.oauth2.scopes[0]` must be one scope",
        ),
        (
            &format!("{START}, scopes = [{}]", "\"a\", ".repeat(65)),
            "config-out-of-range 6: `connections.shop.auth.oauth2.scopes[64]` is one too many; there may be 64 scopes.",
        ),
        (
            &format!("{START}, header = \"Host\""),
            "`connections.shop.auth.oauth2.header` must be the name of a header that does not belong to the transport",
        ),
        (
            &format!("{START}, header = \"X-Token\", query = \"token\""),
            "`connections.shop.auth.oauth2.query` and `header` both say where requests carry the token",
        ),
        (
            &format!("{START}, parameters = {{ state = \"x\" }}"),
            "`connections.shop.auth.oauth2.parameters.state` is set by the host itself; leave it out.",
        ),
        (
            &format!("{START}, parameters = {{ a = \"{}\" }}", "x".repeat(1025)),
            "`connections.shop.auth.oauth2.parameters.a` must have at most 1024 bytes",
        ),
        (
            &format!("{START}, parameters = {{ a = 1 }}"),
            "config-wrong-type 6: `connections.shop.auth.oauth2.parameters.a` must be a string",
        ),
        (
            &format!("{START}, format = \"xml\""),
            "`connections.shop.auth.oauth2.format` must be \"form\" or \"json\".",
        ),
        (
            &format!("{START}, scope = \"a\""),
            "config-unknown-key 6: `connections.shop.auth.oauth2.scope` is not a known key: did you mean `scopes`?",
        ),
    ] {
        let messages = load(&format!("auth.oauth2 = {{ {keys} }}")).unwrap_err();
        let said = messages.iter().any(|message| message.contains(expected));
        assert!(said, "{keys}\n{expected}\n{messages:#?}");
        let shown = messages.join("\n");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn a_certificate_stands_for_a_secret() {
    let messages = load(
        "auth.oauth2 = { grant = \"client_credentials\", token_url = \"https://a.example\", client_id = \"c\" }\n\
         client_certificate = { cert = \"gone.pem\", key = \"gone.key\" }",
    )
    .unwrap_err();
    assert!(
        messages
            .iter()
            .all(|message| message.contains("client_certificate")),
        "{messages:?}"
    );
}

#[test]
fn two_schemes_are_one_too_many() {
    let messages =
        load("auth = { bearer = { secret = \"first\" }, oauth2 = { grant = \"refresh_token\" } }")
            .unwrap_err();
    assert!(
        messages[0].contains("must have exactly one of"),
        "{messages:?}"
    );
}

#[test]
fn the_public_address_is_a_place_and_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("crossdock.toml");
    let load = |url: &str| {
        std::fs::write(&path, format!("[server]\npublic_url = \"{url}\"\n")).unwrap();
        load_host(Some(&path)).map_err(|problems| problems[0].to_string())
    };
    let config = load("https://hub.example.com/crossdock").unwrap();
    let url = config.public_url.unwrap();
    assert_eq!(url.as_str(), "https://hub.example.com/crossdock");
    for (url, expected) in [
        ("hub.example.com", "is not a URL"),
        ("ftp://hub.example.com", "must start with https://"),
        (
            "https://u:p@hub.example.com",
            "must not contain a user or password",
        ),
        ("https://hub.example.com?a=1", "must not contain a query"),
        ("https://hub.example.com#a", "must not contain a fragment"),
        ("", "must not be empty"),
    ] {
        let said = load(url).unwrap_err();
        assert!(said.contains("`server.public_url`"), "{said}");
        assert!(said.contains(expected), "{url}: {said}");
    }
}
