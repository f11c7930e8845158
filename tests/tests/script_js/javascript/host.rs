//! JavaScript through the host: what it makes of items, and how its errors are
//! told.

use crossdock::report::ItemStatus;
use crossdock_tests::scripted::{Scripted, blamed};

const CONFIG: &str = "limits.guest_deadline_ms = 200\n";

async fn start<'a>(scripts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Scripted {
    Scripted::in_language("js", CONFIG, scripts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reshapes_items() {
    let scripted = start([
        (
            "renames",
            "export default ({编码, 可用数, 占用数, wh}) =>\n  ({sku: 编码, quantity: 可用数 - 占用数, 仓库: wh});",
        ),
        (
            "counts",
            "export default ({n}) => Array.from({length: n}, (_, i) => ({i, of: n}));",
        ),
        ("passes", "export default ({id, price, list}) => ({id, price, list: [...list]});"),
        ("asks", "export default (item, context) => ({seen: context});"),
    ])
    .await;

    let body = r#"{"wh":"A\"1","编码":"1^^^8G 红","占用数":2,"可用数":9}"#;
    assert_eq!(
        scripted.sends("renames", body).await,
        r#"[{"sku":"1^^^8G 红","quantity":7,"仓库":"A\"1"}]"#
    );

    let report = scripted
        .call("counts", r#"[{"n":0},{"n":1},{"n":3}]"#)
        .await;
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
async fn a_scripts_error_names_its_item_and_its_place() {
    let source = "export default item => {\n  if (item.stock < 0) throw new Error(`stock of ${item.sku} is below zero`);\n  return {sku: item.sku};\n};";
    let scripted = start([
        ("refuses", source),
        (
            "breaks-the-schema",
            "export default ({r, s}) => ({repeatable: r, spin: s});",
        ),
        ("gives-nan", "export default item => ({n: 0 / item.stock});"),
    ])
    .await;

    let body = r#"[{"sku":"a","stock":1},{"sku":"b","stock":-1},{"sku":"c","stock":0}]"#;
    let report = scripted.call("refuses", body).await;
    blamed(&report.items[1], "script-failed");
    let message = report.items[1].message.as_deref();
    assert_eq!(message, Some("stock of b is below zero"));
    let place = report.items[1].place.as_ref().unwrap();
    let file = scripted.bed.path("tenants/refuses/map.js");
    assert_eq!(place.file, file);
    assert_eq!((place.line, place.column), (2, 33));
    assert_eq!(place.source.as_deref(), source.lines().nth(1));
    for index in [0, 2] {
        assert_eq!(report.items[index].status, ItemStatus::Accepted);
    }

    let report = scripted
        .call("breaks-the-schema", r#"{"r":"yes","s":-1}"#)
        .await;
    blamed(&report.items[0], "invalid-document");
    assert_eq!(report.items[0].pointer.as_deref(), Some("/repeatable"));

    let report = scripted.call("gives-nan", r#"{"stock":0}"#).await;
    blamed(&report.items[0], "script-failed");
    let message = report.items[0].message.as_deref();
    assert_eq!(
        message,
        Some("`/n` of the result is NaN, which is no JSON number")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_compile_is_told_with_its_place() {
    let scripts = [
        (
            "a",
            "export default item => ({\n  编码: item..b\n});",
            2,
            12,
            "expecting field name",
        ),
        (
            "b",
            "import x from 'y';\nexport default x;",
            1,
            1,
            "`import` is not available",
        ),
        (
            "c",
            "export default item => { sku: item.id }",
            1,
            24,
            "`=> ({ … })`",
        ),
        (
            "d",
            "const a = null.b;\nexport default a;",
            1,
            15,
            "cannot read property 'b' of null",
        ),
    ];
    let scripted = start(scripts.map(|(tenant, script, ..)| (tenant, script))).await;
    for (tenant, _, line, column, says) in scripts {
        let problem = scripted.uncompiled(tenant);
        assert!(problem.detail.contains(says), "{problem}");
        let place = problem.place.as_ref().unwrap();
        assert_eq!((place.line, place.column), (line, column), "{problem}");
        assert!(problem.to_string().ends_with('^'), "{problem}");
    }
}
