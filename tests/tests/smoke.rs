use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::{Bed, call, deliver};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_reaches_the_platform() {
    let platforms = StandIns::start(Options::default()).await.unwrap();
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &format!(
            r#"
[connections.shop]
adapter = "lingzhi"
base_url = "{}"
allow_private = true
"#,
            platforms.base_url("lingzhi")
        ),
    );
    let mut config = bed.config();
    config.listen = "127.0.0.1:0".parse().unwrap();
    let host = crossdock::host::Host::start(config, false).await.unwrap();
    for p in host.plugins().iter() {
        println!("{}", serde_json::to_string_pretty(p).unwrap());
    }
    for p in host.tenants().iter() {
        println!("{}", serde_json::to_string_pretty(p).unwrap());
    }
    let report = deliver(
        &host,
        call(
            "acme",
            "shop",
            "stock.update",
            r#"[{"sku":"1^^^8G","quantity":20,"location":"aaa"},{"sku":"1^^^8G","quantity":"x"}]"#,
        ),
    )
    .await;
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    let d = host
        .dry_run(call(
            "acme",
            "shop",
            "stock.update",
            r#"[{"sku":"1^^^8G","quantity":20,"location":"aaa"}]"#,
        ))
        .await
        .unwrap();
    println!("{}", serde_json::to_string_pretty(&d).unwrap());
    panic!();
}
