use super::*;

fn manifest() -> Value {
    json!({
        "name": "my-shop", "version": "1.0.0", "summary": "A shop.",
        "operations": [{
            "name": "stock.update", "summary": "Sets stock.", "repeatable": "always",
            "document": {"type": "object"}, "result": true
        }],
        "settings": {
            "type": "object", "additionalProperties": false,
            "properties": {"service_id": {"type": "string"}}
        },
        "secrets": [
            {"name": "app_secret", "purpose": "Signs.", "required": true},
            {"name": "access_token", "purpose": "Is sent.", "granted": true},
            {"name": "refresh_token", "purpose": "Renews.", "granted": true},
            {"name": "code", "purpose": "Is brought.", "granted": true}
        ],
        "grant": {
            "by": ["code", "client"],
            "client_with": "service_id",
            "to": ["service_id"],
            "authorize": "https://shop.example/agree?service={settings.service_id}&state={state}&back={redirect}",
            "code": "code", "refresh": "refresh_token", "token": "access_token",
            "answer": {
                "token": "/data/access_token", "refresh": "/data/refresh_token",
                "expires_in": "/data/expires_in", "refresh_expires_in": "/data/r",
                "account": "/data/shop_id", "scopes": "/data/scope"
            },
            "lifetime": 604800, "renew_within": 3600
        },
        "examples": [{
            "name": "renewed", "provenance": "computed", "operation": "grant",
            "items": [{"document": {"by": "refresh"}}]
        }]
    })
}

/// The good one with another value somewhere; null takes it away.
fn with(pointer: &str, value: Value) -> Result<Manifest, String> {
    let mut manifest = manifest();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    match manifest.pointer_mut(parent).expect("the parent") {
        Value::Object(members) if value.is_null() => {
            members.shift_remove(name);
        }
        Value::Object(members) => {
            members.insert(name.into(), value);
        }
        other => panic!("{other}"),
    }
    Manifest::read(&manifest.to_string())
}

#[test]
fn a_grant_of_every_member_is_read_and_written() {
    let read = Manifest::read(&manifest().to_string()).expect("a manifest");
    let grant = read.grant.as_ref().expect("a grant");
    assert!(grant.is_by(GrantBy::Code) && grant.is_by(GrantBy::Client));
    assert_eq!(grant.renew_within, Some(3600));
    assert_eq!(
        grant.document()["properties"]["by"]["enum"],
        json!(["code", "client", "refresh"])
    );
    let written = serde_json::to_value(&read).expect("JSON");
    assert_eq!(written["grant"], manifest()["grant"]);
    assert!(grant.needs_nobody(&json!({"service_id": "1"})));
    assert!(!grant.needs_nobody(&json!({})));
    // What there was before says nothing of grants.
    assert_eq!(written["secrets"][0].get("granted"), None);
    for optional in ["authorize", "client_with", "to", "lifetime", "renew_within"] {
        with(&format!("/grant/{optional}"), Value::Null).expect(optional);
    }
}

#[test]
fn a_grant_that_cannot_be_carried_out_is_refused_and_says_where() {
    for (pointer, value, at, says) in [
        ("/grant", Value::Null, "/secrets/1/granted", "add `grant`"),
        ("/grant/by", json!([]), "/grant/by", ""),
        (
            "/grant/by",
            json!(["heart"]),
            "/grant/by/0",
            "none of the words",
        ),
        (
            "/grant/by",
            json!(["client"]),
            "/grant/code",
            "by` has `code`",
        ),
        (
            "/grant/code",
            Value::Null,
            "/secrets/3/granted",
            "name it as",
        ),
        (
            "/grant/token",
            json!("acces_token"),
            "/grant/token",
            "did you mean `access_token`?",
        ),
        (
            "/grant/token",
            json!("app_secret"),
            "/grant/token",
            "`granted` true",
        ),
        (
            "/grant/code",
            json!("access_token"),
            "/grant/code",
            "something else already",
        ),
        (
            "/grant/refresh",
            Value::Null,
            "/secrets/2/granted",
            "name it as",
        ),
        (
            "/grant/answer/refresh",
            Value::Null,
            "/grant/answer/refresh",
            "both, or neither",
        ),
        (
            "/grant/answer/token",
            json!("data"),
            "/grant/answer/token",
            "",
        ),
        ("/grant/answer/token", json!(""), "/grant/answer/token", ""),
        (
            "/grant/answer/token",
            Value::Null,
            "/grant/answer",
            "`token` is missing",
        ),
        (
            "/grant/client_with",
            json!("servce_id"),
            "/grant/client_with",
            "did you mean `service_id`?",
        ),
        (
            "/grant/to",
            json!(["service_id", "shop"]),
            "/grant/to/1",
            "no setting `shop`",
        ),
        ("/grant/to", json!("service_id"), "/grant/to", ""),
        ("/grant/lifetime", json!(0), "/grant/lifetime", ""),
        ("/grant/colour", json!("red"), "/grant", "colour"),
        (
            "/grant/authorize",
            json!("http://a.example/{state}"),
            "/grant/authorize",
            "",
        ),
        (
            "/grant/authorize",
            json!("https://a.example/"),
            "/grant/authorize",
            "`{state}` is missing",
        ),
        (
            "/grant/authorize",
            json!("https://a.example/{state}{"),
            "/grant/authorize",
            "brace",
        ),
        (
            "/grant/authorize",
            json!("https://a.example/{state}}"),
            "/grant/authorize",
            "brace",
        ),
        (
            "/grant/authorize",
            json!("https://a.example/{state}{nonce}"),
            "/grant/authorize",
            "`{nonce}`",
        ),
        (
            "/grant/authorize",
            json!("https://a.example/{state}{settings.servce_id}"),
            "/grant/authorize",
            "did you mean `service_id`?",
        ),
        (
            "/grant/authorize",
            json!("https:///{state}"),
            "/grant/authorize",
            "no host",
        ),
        (
            "/secrets/1/required",
            json!(true),
            "/secrets/1/required",
            "must set it",
        ),
        (
            "/secrets/0/granted",
            json!(true),
            "/secrets/0/granted",
            "name it as",
        ),
        ("/secrets/0/granted", json!("yes"), "/secrets/0/granted", ""),
        (
            "/operations/0/name",
            json!("grant"),
            "/grant",
            "the host's name",
        ),
        (
            "/examples/0/operation",
            json!("grnt"),
            "/examples/0/operation",
            "did you mean `grant`?",
        ),
    ] {
        let mut manifest = manifest();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        match manifest.pointer_mut(parent).expect(pointer) {
            Value::Object(members) if value.is_null() => {
                members.shift_remove(name);
            }
            Value::Object(members) => {
                members.insert(name.into(), value.clone());
            }
            other => panic!("{other}"),
        }
        let said = Manifest::read(&manifest.to_string()).expect_err(pointer);
        assert!(
            said.contains(&format!("`{at}`")),
            "{pointer} {value}: {said}"
        );
        assert!(said.contains(says), "{pointer} {value}: {said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn where_a_person_agrees_is_filled_in_and_escaped() {
    let read = Manifest::read(&manifest().to_string()).expect("a manifest");
    let grant = read.grant.as_ref().expect("a grant");
    let back = Url::parse("https://host.example/v1/a/b/oauth/callback").expect("a URL");
    let settings = json!({"service_id": "7&state=x#"});
    let url = grant.authorize_url(&settings, "s t", Some(&back));
    assert_eq!(
        url.expect("filled in").expect("a URL").as_str(),
        "https://shop.example/agree?service=7%26state%3Dx%23&state=s%20t&back=https%3A%2F%2Fhost.example%2Fv1%2Fa%2Fb%2Foauth%2Fcallback"
    );
    let numbered = json!({"service_id": 7});
    assert!(grant.authorize_url(&numbered, "s", Some(&back)).is_ok());
    let missing = grant.authorize_url(&json!({}), "s", Some(&back));
    assert!(missing.unwrap_err().contains("`service_id`"));
    let nowhere = grant.authorize_url(&settings, "s", None);
    assert!(nowhere.unwrap_err().contains("public_url"));
    let plain = with("/grant/authorize", Value::Null).expect("a manifest");
    let plain = plain.grant.expect("a grant");
    assert_eq!(plain.authorize_url(&settings, "s", None), Ok(None));
}
