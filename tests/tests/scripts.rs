//! jq scripts through the host: what they make of items, and how their errors
//! are told. That none of them can do harm is shown in `hostile_scripts`.

use crossdock::report::ItemStatus;
use crossdock_tests::scripted::{Scripted, blamed};

const CONFIG: &str = "limits.guest_deadline_ms = 200\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reshapes_items() {
    let scripted = Scripted::start(
        CONFIG,
        [
            (
                "renames",
                r#"{sku: ."编码", quantity: (."可用数" - ."占用数"), "仓库": .wh}"#,
            ),
            ("counts", "range(.n) as $i | {i: $i, of: .n}"),
            ("passes", "{id, price, list: [.list[]]}"),
            ("asks", "{seen: $context}"),
        ],
    )
    .await;

    let body = r#"{"wh":"A\"1","编码":"1^^^8G 红","占用数":2,"可用数":9}"#;
    assert_eq!(
        scripted.sends("renames", body).await,
        r#"[{"sku":"1^^^8G 红","quantity":7,"仓库":"A\"1"}]"#
    );

    let body = r#"[{"n":0},{"n":1},{"n":3}]"#;
    assert_eq!(
        scripted.sends("counts", r#"[{"n":1},{"n":3}]"#).await,
        r#"[{"i":0,"of":1},{"i":0,"of":3},{"i":1,"of":3},{"i":2,"of":3}]"#
    );
    let report = scripted.call("counts", body).await;
    let statuses: Vec<ItemStatus> = report.items.iter().map(|item| item.status).collect();
    use ItemStatus::{Accepted, Skipped};
    assert_eq!(statuses, [Skipped, Accepted, Accepted]);

    let body =
        r#"{"id":3539925204033339668,"price":12.3400,"list":[-0.10,1e400,0.1000000000000000055]}"#;
    assert_eq!(scripted.sends("passes", body).await, format!("[{body}]"));

    assert_eq!(
        scripted.sends("asks", "{}").await,
        r#"[{"seen":{"tenant":"asks","connection":"shop","operation":"echo","settings":{"per_request":1000},"tables":{}}}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripts_error_names_its_item_and_costs_no_other() {
    let scripted = Scripted::start(
        CONFIG,
        [
            (
                "refuses",
                r#"if .stock < 0 then error("stock of \(.sku) is below zero") else {sku} end"#,
            ),
            ("stumbles", "{sku: .sku.code}"),
            ("breaks-the-schema", "{repeatable: .r, spin: .s}"),
            ("is-no-object", ".sku"),
            ("is-no-json", "{n: (0 / .stock)}"),
            ("fails-half-way", "{sku}, error(\"late\")"),
        ],
    )
    .await;
    let script = |tenant: &str| scripted.bed.path("tenants").join(tenant).join("map.jq");

    let body = r#"[{"sku":"a","stock":1},{"sku":"b","stock":-1},{"sku":"c","stock":0}]"#;
    let report = scripted.call("refuses", body).await;
    blamed(&report.items[1], "script-failed");
    let message = report.items[1].message.as_deref();
    assert_eq!(message, Some("stock of b is below zero"));
    let place = report.items[1].place.as_ref().unwrap();
    assert_eq!(place.file, script("refuses"));
    for index in [0, 2] {
        let item = &report.items[index];
        assert_eq!((item.index, item.status), (index, ItemStatus::Accepted));
    }
    assert_eq!(report.requests.len(), 1);

    let report = scripted.call("stumbles", r#"[{"sku":"a"}]"#).await;
    blamed(&report.items[0], "script-failed");
    let message = report.items[0].message.as_deref().unwrap();
    assert_eq!(message, r#"cannot index "a" with "code""#);

    let body = r#"[{"r":true,"s":1},{"r":"yes","s":-1}]"#;
    let report = scripted.call("breaks-the-schema", body).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted);
    let item = &report.items[1];
    blamed(item, "invalid-document");
    let pointers: Vec<&str> = item.details.iter().map(|d| d.pointer.as_str()).collect();
    assert_eq!(pointers, ["/repeatable", "/spin"]);
    assert_eq!(item.pointer.as_deref(), Some("/repeatable"));
    let file = script("breaks-the-schema");
    assert_eq!(item.place.as_ref().unwrap().file, file);
    let message = item.message.as_deref().unwrap();
    assert!(message.contains(&file.display().to_string()), "{message}");

    let report = scripted.call("is-no-object", r#"{"sku":"a"}"#).await;
    blamed(&report.items[0], "invalid-document");

    let report = scripted.call("is-no-json", r#"{"stock":0}"#).await;
    blamed(&report.items[0], "script-failed");

    // An item goes on with all of its documents, or not at all.
    let served = scripted.echo.served();
    let report = scripted.call("fails-half-way", r#"{"sku":"a"}"#).await;
    blamed(&report.items[0], "script-failed");
    assert_eq!(scripted.echo.served(), served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_compile_is_told_with_its_place() {
    let scripts = [
        ("a", "{\n  \"编码\": foo(1)\n}", 2, 9, "`foo`"),
        ("k", "{n: .编码}", 1, 6, "written in quotes"),
        ("b", ". |\n", 2, 1, "end of the script"),
        ("c", "halt", 1, 1, "`halt` is not available"),
        ("d", "halt_error", 1, 1, "`halt_error` is not available"),
        ("e", "{n: input}", 1, 5, "`input` is not available"),
        ("f", "[inputs]", 1, 2, "`inputs` is not available"),
        ("g", "env.HOME", 1, 1, "`env` is not available"),
        ("h", "$ENV.PATH", 1, 1, "`$ENV` is not available"),
        ("i", "{at: now}", 1, 6, "`now` is not available"),
        ("j", "include \"/etc/passwd\"; .", 1, 10, "`include`"),
    ];
    let tenants = scripts.map(|(tenant, script, ..)| (tenant, script));
    let scripted = Scripted::start(CONFIG, tenants).await;
    for (tenant, script, line, column, says) in scripts {
        let problem = scripted.uncompiled(tenant);
        assert!(problem.detail.contains(says), "{problem}");
        let place = problem.place.as_ref().unwrap();
        let file = scripted.bed.path("tenants").join(tenant).join("map.jq");
        assert_eq!(place.file, file);
        assert_eq!((place.line, place.column), (line, column), "{problem}");
        if let Some(source) = script.lines().nth(line as usize - 1) {
            assert_eq!(place.source.as_deref(), Some(source));
            assert!(problem.to_string().ends_with('^'), "{problem}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_writes_nothing_and_passes_its_input_on() {
    let scripts = [("debugs", "debug | stderr | debug(\"x\") | {n: .n}")];
    let scripted = Scripted::start(CONFIG, scripts).await;
    assert_eq!(scripted.sends("debugs", r#"{"n":1}"#).await, r#"[{"n":1}]"#);
    let report = scripted.call("debugs", r#"{"n":1}"#).await;
    assert!(report.log.is_empty());
}
