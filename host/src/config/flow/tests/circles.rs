//! Flows that would feed themselves, and files that are not theirs.

use super::*;

#[test]
fn flows_that_feed_themselves_are_refused() {
    let circle = |flows: &str| Acme::new(flows).problems().join("\n");
    // A file that comes back.
    let said =
        circle("[flows.a]\nfrom = { folder = \"in\" }\nto = [ { file = \"./in/a.csv\" } ]\n");
    assert!(
        said.contains("acme/tenant.toml:12:10: flow `a` is a circle: `to[0]` writes into the folder that flow `a` reads, so what it makes comes back to it, and the same records would go round for ever"),
        "{said}"
    );
    // Through another flow.
    let two = |pattern: &str| {
        format!(
            "[flows.a]\nfrom = {{ folder = \"in\", files = \"{pattern}\" }}\nto = [ {{ file = \"out/a.csv\" }} ]\n\
             [flows.b]\nfrom = {{ folder = \"out\" }}\nto = [ {{ file = \"in/b.ndjson\" }} ]\n"
        )
    };
    let said = circle(&two("*.ndjson"));
    assert!(said.contains("comes back to it (a -> b -> a)"), "{said}");
    assert_eq!(said.matches("is a circle").count(), 1, "{said}");
    // What the other flow does not read does not come back.
    assert!(Acme::new(&two("*.csv")).load().checked().is_ok());
    // Files that are moved to and fro.
    let said = circle(
        "[flows.a]\nfrom = { folder = \"in\", done = \"out\" }\nto = [ { file = \"/srv/a.csv\" } ]\n\
         [flows.b]\nfrom = { folder = \"out\", failed = \"in\" }\nto = [ { file = \"/srv/b.csv\" } ]\n",
    );
    assert!(
        said.contains("`done` is the folder that flow `b` reads"),
        "{said}"
    );
    // A connection that leads to the flow's own webhook.
    let said = circle(
        "[flows.orders]\nfrom = { webhook = {} }\nto = [ { connection = \"hook\", operation = \"stock.update\" } ]\n",
    );
    assert!(
        said.contains("connection `hook` leads to the webhook of flow `orders`"),
        "{said}"
    );
    // What the platform pushes, back to it.
    let echo = |more: &str| {
        format!(
            "[flows.x]\n{more}from = {{ connection = \"erp\", inbound = true }}\nto = [ {{ connection = \"erp\", operation = \"a\" }} ]\n"
        )
    };
    let said = circle(&echo(""));
    assert!(
        said.contains("write `may_echo = true` into the flow"),
        "{said}"
    );
    assert!(
        Acme::new(&echo("may_echo = true\n"))
            .load()
            .checked()
            .is_ok()
    );
    // One after the other is no circle.
    let chain = "[flows.a]\nfrom = { folder = \"in\" }\nto = [ { file = \"out/a.csv\" } ]\n\
                 [flows.b]\nfrom = { folder = \"out\" }\nto = [ { file = \"/srv/b.csv\" } ]\n";
    assert!(Acme::new(chain).load().checked().is_ok());
}

#[test]
fn a_flow_writes_no_file_that_is_anothers() {
    let write = |file: &str| {
        let acme = Acme::new(&format!(
            "tables = {{ t = \"t.csv\" }}\n[flows.a]\nfrom = {{ webhook = {{}} }}\nto = [ {{ file = \"{file}\" }} ]\n\
             [flows.b]\nfrom = {{ webhook = {{}} }}\nto = [ {{ file = \"out/b.csv\" }} ]\n"
        ));
        acme.with("t.csv", "code\n1\n").problems().join("\n")
    };
    let other = "`flows.a.to[0].file`";
    assert!(write("../other/a.csv").contains(other));
    assert!(write("t.csv").contains("flow `a` would write over a file of this tenant's settings"));
    let said = write("out/../out/b.csv");
    assert!(said.contains("must not leave"), "{said}");
    let said = write("./out/b.csv");
    assert!(
        said.contains("flow `b` writes the file that flow `a` writes"),
        "{said}"
    );
}

#[test]
fn a_folder_that_is_read_holds_nothing_of_the_tenants_settings() {
    let said = from_is("{ folder = \".\" }");
    assert!(
        said.contains(
            "flow `x` would read and move files of this tenant's settings, as tenant.toml"
        ),
        "{said}"
    );
}

#[test]
fn flows_that_read_each_others_folders_are_refused() {
    let to = "to = [ { connection = \"mini-shop\", operation = \"stock.update\" } ]\n";
    let two = |one: &str, other: &str| {
        Acme::new(&format!(
            "[flows.a]\nfrom = {{ {one} }}\n{to}[flows.b]\nfrom = {{ {other} }}\n{to}"
        ))
    };
    let said = two("folder = \"in\"", "folder = \"./in\"").problems();
    assert_eq!(
        said,
        [
            "config-shared-folder acme/tenant.toml:14:10: flow `b` reads the folder acme/./in, which flow `a` reads, and each file would go to only one of them; give each flow a folder of its own, or have one flow with two targets."
        ]
    );
    // Two names of files that cannot be the same are no conflict.
    for (one, other, fits) in [
        ("files = \"stock-*\"", "files = \"*.csv\"", false),
        ("files = \"stock-*\"", "files = \"orders-*\"", true),
        ("format = \"csv\"", "format = \"json\"", true),
        ("format = \"csv\"", "settle = \"5s\"", false),
    ] {
        let acme = two(
            &format!("folder = \"in\", {one}"),
            &format!("folder = \"in\", {other}"),
        );
        assert_eq!(acme.load().checked().is_ok(), fits, "{one} {other}");
    }
    // Where another flow puts its files away.
    for (one, other, key) in [
        (
            "folder = \"in\", failed = \"out\"",
            "folder = \"out\"",
            "failed",
        ),
        ("folder = \"in\"", "folder = \"in/done\"", "done"),
    ] {
        let acme = two(one, other);
        fs::create_dir_all(acme.dir().join("in/done")).unwrap();
        let said = acme.problems().join("\n");
        let says = format!("which is `{key}` of flow `a`: files that are put away there");
        assert!(
            said.contains(&says) && said.contains("acme/tenant.toml:14:10"),
            "{said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_is_the_same_under_a_link() {
    let to = "to = [ { connection = \"mini-shop\", operation = \"stock.update\" } ]\n";
    let acme = Acme::new(&format!(
        "[flows.a]\nfrom = {{ folder = \"in\" }}\n{to}[flows.b]\nfrom = {{ folder = \"link\" }}\n{to}"
    ));
    std::os::unix::fs::symlink(acme.dir().join("in"), acme.dir().join("link")).unwrap();
    let said = acme.problems().join("\n");
    assert!(
        said.contains("flow `b` reads the folder acme/link, which flow `a` reads"),
        "{said}"
    );
}
