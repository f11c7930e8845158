use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_tenant_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("crossdock.toml", "");
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    // One thing wrong with the file, one that only the plugins can tell: in the order
    // of the lines.
    write(
        "tenants/acme/tenant.toml",
        "[connections.shop]\nadapter = \"nobody\"\nbase_url = \"https://a.example\"\nca_file = 3\n",
    );
    let config = crate::config::load_host(Some(&folder.path().join("crossdock.toml"))).unwrap();
    let host = Host::start(config, false).await.unwrap();
    let tenants = host.tenants();
    let codes: Vec<_> = tenants[0]
        .problems
        .iter()
        .map(|problem| {
            (
                &*problem.code,
                problem.place.as_ref().map(|place| place.line),
            )
        })
        .collect();
    assert_eq!(
        codes,
        [
            ("config-unknown-adapter", Some(2)),
            ("config-wrong-type", Some(4))
        ]
    );
    let call = |tenant: &str| Call {
        tenant: tenant.into(),
        connection: "shop".into(),
        operation: "stock.update".into(),
        body: bytes::Bytes::from_static(b"{}"),
        idempotency_key: None,
        trace: Incoming::default(),
    };
    let refused = host.call(call("acme")).await.unwrap_err();
    assert_eq!(refused.code, "tenant-refused");
    assert_eq!(refused.blame, crate::problem::Blame::Host);
    let first = "tenant.toml:2:1: connection `shop`: there is no adapter `nobody`";
    assert!(refused.detail.contains(first), "{refused}");
    let unknown = host.call(call("acne")).await.unwrap_err();
    assert_eq!(unknown.code, "unknown-tenant");
}
