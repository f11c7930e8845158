use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crossdock_sources::Header;

use super::*;
use crate::config::tenant_file::load_tenant_with;
use crate::config::{TenantConfig, TenantFile, WebhookGate};

mod circles;

/// Connections for every flow of these tests, in 9 lines.
const CONNECTIONS: &str = "[connections.erp]
adapter = \"wangdian\"
base_url = \"https://erp.example\"
[connections.mini-shop]
adapter = \"lingzhi\"
base_url = \"https://shop.example\"
[connections.hook]
adapter = \"lingzhi\"
base_url = \"https://here.example/v1/acme/flows/orders\"
";

/// A tenants' folder with the tenant `acme` in it.
struct Acme {
    tenants: tempfile::TempDir,
}

impl Acme {
    fn new(flows: &str) -> Self {
        let tenants = tempfile::tempdir().unwrap();
        for dir in ["acme/in", "acme/out", "other"] {
            fs::create_dir_all(tenants.path().join(dir)).unwrap();
        }
        let acme = Self { tenants };
        let text = format!("{CONNECTIONS}{flows}");
        acme.with("tenant.toml", &text)
            .with("a.jq", ".")
            .with("b.jq", ". + {}")
            .with(
                "database.txt",
                "postgres://erp:s3cret-word@db.example/stock",
            )
            .with("token.txt", "a-token-of-the-shop")
    }

    fn with(self, name: &str, content: &str) -> Self {
        fs::write(self.dir().join(name), content).unwrap();
        self
    }

    fn dir(&self) -> PathBuf {
        self.tenants.path().join("acme")
    }

    fn load(&self) -> TenantFile {
        load_tenant_with(&self.dir(), &|_| None)
    }

    fn config(&self) -> TenantConfig {
        self.load().checked().unwrap()
    }

    /// Every problem as a person sees it, without the temporary folder.
    fn problems(&self) -> Vec<String> {
        let prefix = format!("{}/", self.tenants.path().display());
        let problems = self.load().checked().expect_err("nothing is wrong");
        let shown = problems
            .iter()
            .map(|problem| format!("{} {problem}", problem.code).replace(&prefix, ""));
        shown.collect()
    }
}

/// A flow `stock` with a small `from` and `to`, and more lines.
fn stock_and(more: &str) -> Acme {
    Acme::new(&format!(
        "[flows.stock]
from = {{ connection = \"erp\", operation = \"stock.pending\" }}
to = [ {{ connection = \"mini-shop\", operation = \"stock.update\" }} ]
{more}"
    ))
}

#[test]
fn a_small_flow_has_every_default() {
    let mut config = stock_and("").config();
    let flow = config.flows.remove("stock").unwrap();
    assert_eq!(&*flow.name, "stock");
    assert!(matches!(flow.trigger, Trigger::Demand));
    assert!(flow.trigger.schedule().is_none());
    assert_eq!((flow.missed, flow.overlap), (Missed::Once, Overlap::Skip));
    assert!(!flow.changes_only && !flow.may_echo);
    assert_eq!(flow.page, 1000);
    let FlowSource::Operation {
        input,
        records,
        cursor,
        ..
    } = &flow.source
    else {
        panic!("{:?}", flow.source);
    };
    assert_eq!((input.as_str(), records, cursor), ("{}", &None, &None));
    assert!(flow.steps.is_empty() && flow.confirm.is_none());
    assert_eq!(flow.targets[0].name(), "mini-shop");
    // For what only an adapter can tell.
    assert_eq!(flow.place("from.operation").0, 11);
    assert_eq!(flow.place("to.0.nothing.of.it").0, 12);
    assert_eq!(flow.place("steps.0"), (10, 8));
}

#[test]
fn everything_a_flow_can_have_is_read() {
    let acme = Acme::new(
        "[flows.stock]
cron = \"*/5 8-22 * * *\"
timezone = \"Asia/Shanghai\"
missed = \"all\"
overlap = \"queue\"
changes_only = true
page = 7
from = { connection = \"erp\", operation = \"stock.pending\", input = { count = 12345678901234567890 }, records = \"/id_list\", cursor = { from = \"/position\", to = \"/position\", start = 0 } }
steps = [ { connection = \"erp\", operation = \"stock.calc\", script = \"a.jq\", as = \"stock\" } ]
to = [ { connection = \"mini-shop\", operation = \"stock.update\", script = \"a.jq\", when = \".shop_id == 69\" }, { file = \"out/stock.ndjson\" } ]
confirm = { connection = \"erp\", operation = \"stock.confirm\", script = \"b.jq\", wait = \"90s\" }
",
    )
    .with("a.test.json", "{\"cases\": []}");
    let mut config = acme.config();
    let flow = config.flows.remove("stock").unwrap();
    assert!(matches!(&flow.trigger, Trigger::Cron(_)));
    assert_eq!((flow.missed, flow.overlap), (Missed::All, Overlap::Queue));
    assert!(flow.changes_only);
    assert_eq!(flow.page, 7);
    let FlowSource::Operation {
        input,
        records: Some(records),
        cursor: Some(cursor),
        ..
    } = &flow.source
    else {
        panic!("{:?}", flow.source);
    };
    assert_eq!(input, r#"{"count":12345678901234567890}"#);
    assert_eq!(records, "/id_list");
    let mut called = serde_json::from_str(input).unwrap();
    assert!(cursor.put(&mut called, serde_json::json!(9)));
    assert_eq!(called["position"], 9);
    assert_eq!(cursor.start.as_deref(), Some("0"));
    let [step] = &flow.steps[..] else { panic!() };
    assert_eq!(step.keep_as.as_deref(), Some("stock"));
    // Beside a flow's script, tests are read wherever there are some.
    assert!(step.script.as_ref().unwrap().tests.is_some());
    let FlowTarget::Operation { script, when, .. } = &flow.targets[0] else {
        panic!();
    };
    assert!(script.is_some());
    let when = when.as_ref().unwrap();
    assert_eq!(
        (&*when.text, when.extension.as_str()),
        (".shop_id == 69", "jq")
    );
    let FlowTarget::File { name, path } = &flow.targets[1] else {
        panic!();
    };
    assert_eq!(name, "stock.ndjson");
    assert_eq!(*path, acme.dir().join("out/stock.ndjson"));
    let confirm = flow.confirm.as_ref().unwrap();
    assert!(confirm.script.as_ref().unwrap().tests.is_none());
    assert_eq!(confirm.wait, Duration::from_secs(90));
    let keys: Vec<String> = flow.scripts().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "steps.0.script",
            "to.0.script",
            "to.0.when",
            "confirm.script"
        ]
    );
    assert_eq!(
        flow.connections()
            .into_iter()
            .map(|it| it.1)
            .collect::<Vec<_>>(),
        ["erp", "erp", "mini-shop", "erp"]
    );
}

#[test]
fn each_kind_of_source_is_read() {
    let to = "to = [ { connection = \"mini-shop\", operation = \"stock.update\" } ]\n";
    let acme = Acme::new(&format!(
        "[flows.a]\nevery = \"1m\"\nfrom = {{ folder = \"in\", files = \"*.csv\", format = \"csv\", encoding = \"gbk\", separator = \";\", quote = \"'\", header = [\"sku\", \"quantity\"], done = \"/srv/done\", settle = \"5s\" }}\n{to}\
         [flows.b]\nfrom = {{ database = {{ url = {{ file = \"database.txt\" }}, query = \"SELECT * FROM stock\", cursor = \"id\", start = 0 }} }}\n{to}\
         [flows.c]\nfrom = {{ webhook = {{ token = {{ secret = {{ file = \"token.txt\" }}, header = \"X-Token\" }}, records = \"/items\" }} }}\n{to}\
         [flows.d]\nfrom = {{ connection = \"erp\", inbound = true }}\n{to}"
    ));
    let config = acme.config();
    let FlowSource::Folder(folder) = &config.flows["a"].source else {
        panic!();
    };
    assert_eq!(folder.folder, acme.dir().join("in"));
    assert!(folder.files.as_ref().unwrap().fits("stock.csv"));
    assert_eq!(folder.reading.encoding.name(), "GBK");
    assert_eq!(
        (folder.reading.csv.separator, folder.reading.csv.quote),
        (b';', Some(b'\''))
    );
    assert_eq!(
        folder.reading.header,
        Header::Names(vec!["sku".into(), "quantity".into()])
    );
    assert_eq!(folder.done, PathBuf::from("/srv/done"));
    assert_eq!(folder.failed, acme.dir().join("in/failed"));
    assert_eq!(folder.settle, Duration::from_secs(5));
    let FlowSource::Database(database) = &config.flows["b"].source else {
        panic!();
    };
    assert_eq!(
        (database.url.host(), database.start.as_deref()),
        ("db.example", Some("0"))
    );
    assert!(!format!("{config:?}").contains("s3cret-word"));
    let FlowSource::Webhook(webhook) = &config.flows["c"].source else {
        panic!();
    };
    assert!(matches!(webhook.gate, WebhookGate::Token { .. }));
    let inbound = &config.flows["d"].source;
    assert!(matches!(inbound, FlowSource::Inbound { connection } if connection == "erp"));
}

#[test]
fn everything_wrong_with_a_flow_is_reported_at_once_with_file_line_and_key() {
    let acme = Acme::new(
        "[flows.stock]
evry = \"5m\"
every = \"5 minutes\"
cron = \"*/5 25 * * *\"
timezone = \"Asia/Shanghia\"
missed = \"twice\"
overlap = \"skipp\"
page = 0
from = { connection = \"erpp\", records = \"id_list\", cursor = { to = \"/a/b\" } }
steps = { connection = \"erp\", operation = \"stock.calc\" }
to = [ { connection = \"mini-shp\", operation = \"stock.update\", script = \"missing.jq\" },
       { file = \"out/stock.txt\", when = \".a\" },
       { operation = \"stock.update\" } ]
confirm = { connection = \"erp\", wait = \"0s\" }
[flows.Stock]
",
    );
    assert_eq!(
        acme.problems(),
        [
            "config-unknown-key acme/tenant.toml:11:1: `flows.stock.evry` is not a known key: did you mean `every`?",
            "config-bad-schedule acme/tenant.toml:12:9: `flows.stock.every` is wrong: the interval `5 minutes` is not a number with its unit; write for instance \"30s\", \"5m\", \"2h\" or \"1d\".",
            "config-bad-value acme/tenant.toml:13:8: `flows.stock.cron` cannot stand beside `every`; keep one of them.",
            "config-bad-schedule acme/tenant.toml:13:8: `flows.stock.cron` is wrong: the hour `25` is not 0 to 23; write a number, a range `1-5`, a step `*/15`, or several with commas.",
            "config-bad-schedule acme/tenant.toml:14:12: `flows.stock.timezone` is wrong: there is no time zone `Asia/Shanghia`; did you mean `Asia/Shanghai`?",
            "config-bad-value acme/tenant.toml:15:10: `flows.stock.missed` cannot be `twice`: there is `once`, `all`, `none`.",
            "config-bad-value acme/tenant.toml:16:11: `flows.stock.overlap` cannot be `skipp`: did you mean `skip`?",
            "config-out-of-range acme/tenant.toml:17:8: `flows.stock.page` must be between 1 and 10000.",
            "config-missing acme/tenant.toml:18:1: `flows.stock.from.operation` is missing: name what is asked of the connection, as in operation = \"stock.update\".",
            "config-unknown-connection acme/tenant.toml:18:23: `flows.stock.from.connection` is `erpp`, which is no connection of this tenant: did you mean `erp`?",
            "config-bad-value acme/tenant.toml:18:41: `flows.stock.from.records` must be a JSON pointer of at most 256 bytes, as in \"/id_list\" or \"/data/records\".",
            "config-missing acme/tenant.toml:18:52: `flows.stock.from.cursor.from` is missing: say where in the result the cursor is, as in from = \"/position\".",
            "config-wrong-type acme/tenant.toml:19:9: `flows.stock.steps` must be an array, also of one, as in steps = [ { … } ].",
            "config-unknown-connection acme/tenant.toml:20:23: `flows.stock.to[0].connection` is `mini-shp`, which is no connection of this tenant: did you mean `mini-shop`?",
            "config-file-missing acme/tenant.toml:20:72: `flows.stock.to[0].script` names the script acme/missing.jq, which does not exist.",
            "config-bad-value acme/tenant.toml:21:17: `flows.stock.to[1].file` must be the name of a file that ends in .ndjson or .csv.",
            "config-bad-value acme/tenant.toml:21:41: `flows.stock.to[1].when` does not go with `file`: a file gets the records as they are. Keep one of them.",
            "config-missing acme/tenant.toml:22:8: `flows.stock.to[2]` says nothing of where records go: name a `connection` with its `operation`, or a `file`.",
            "config-missing acme/tenant.toml:23:1: `flows.stock.confirm.operation` is missing: name what is asked of the connection, as in operation = \"stock.update\".",
            "config-bad-value acme/tenant.toml:23:40: `flows.stock.confirm.wait` is no time: the interval `0s` is not from \"1s\" to \"366d\".",
            "config-bad-name acme/tenant.toml:24:8: `Stock` cannot name a flow: a name is 1 to 63 lower-case letters, digits and dashes and does not start with a dash.",
            "config-missing acme/tenant.toml:24:8: `flows.Stock.from` is missing: say where records come from, as in from = { connection = \"erp\", operation = \"stock.pending\" }.",
            "config-missing acme/tenant.toml:24:8: `flows.Stock.to` is missing: say where records go, as in to = [ { connection = \"shop\", operation = \"stock.update\" } ].",
        ]
    );
}

/// What is said of a `from`.
fn from_is(from: &str) -> String {
    let acme = Acme::new(&format!(
        "[flows.x]\nfrom = {from}\nto = [ {{ connection = \"mini-shop\", operation = \"stock.update\" }} ]\n"
    ));
    acme.problems().join("\n")
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    for (from, says) in [
        (
            "{}",
            "`flows.x.from` says nothing of where records come from",
        ),
        (
            "{ connection = \"erp\", operation = \"a\", folder = \"in\" }",
            "`flows.x.from` has `connection`, `folder`, and a flow has one source",
        ),
        (
            "{ folder = \"in\", cursor = { from = \"/a\", to = \"/a\" } }",
            "`flows.x.from.cursor` goes with `connection`, and this source has `folder`.",
        ),
        (
            "{ connection = \"erp\", inbound = true, operation = \"a\" }",
            "`flows.x.from.operation` does not go with `inbound`",
        ),
        (
            "{ folder = \"in\", format = \"xlsx\", separator = \";\" }",
            "`flows.x.from.separator` is for CSV files",
        ),
        (
            "{ folder = \"in\", format = \"exel\" }",
            "`flows.x.from.format` cannot be `exel`: ",
        ),
        (
            "{ folder = \"in\", encoding = \"gkb\" }",
            "`flows.x.from.encoding` is `gkb`, which is no encoding that is known; did you mean `gbk`?",
        ),
        (
            "{ folder = \"in\", header = [\"a\", \"a\"] }",
            "`flows.x.from.header` must have 1 to 1000 names",
        ),
        (
            "{ folder = \"in\", done = \"./in\" }",
            "`flows.x.from.done` is the folder itself",
        ),
        (
            "{ folder = \"nowhere\" }",
            "`flows.x.from.folder` names the folder acme/nowhere, which does not exist; make it.",
        ),
        (
            "{ folder = \"inn\" }",
            "`flows.x.from.folder` names the folder acme/inn, which does not exist; did you mean `in`? If not, make it.",
        ),
        (
            "{ folder = \"../other\" }",
            "`flows.x.from.folder` must not leave the tenant's folder",
        ),
        (
            "{ connection = \"erp\", operation = \"a\", cursor = { from = \"/a\", to = \"/b/c\" } }",
            "`flows.x.from.cursor.to` leads to a place that `input` does not have",
        ),
        (
            "{ connection = \"erp\", operation = \"a\", cursor = { from = \"/a~2\", to = \"b\" } }",
            "`flows.x.from.cursor.to` must be a JSON pointer",
        ),
        (
            "{ database = { url = { file = \"token.txt\" }, query = \"delete from stock\", cursor = \"id\" } }",
            "`flows.x.from.database.query` must be a query that reads",
        ),
        (
            "{ database = { url = { file = \"token.txt\" }, query = \"select 1\", cursor = \"id\" } }",
            "`flows.x.from.database.url` names a text that cannot be used: it is no URL",
        ),
    ] {
        let said = from_is(from);
        assert!(said.contains(says), "{from}: {said}");
        assert!(said.contains("acme/tenant.toml:11:"), "{from}: {said}");
    }
    for (more, says) in [
        (
            "timezone = \"UTC\"",
            "`flows.stock.timezone` is the zone of `cron`, which is not there.",
        ),
        (
            "missed = \"all\"",
            "this flow has neither `every` nor `cron`",
        ),
    ] {
        let said = stock_and(more).problems().join("\n");
        assert!(said.contains(says), "{more}: {said}");
    }
}

#[test]
fn a_target_is_there_once() {
    let to = |targets: &str| {
        let acme = Acme::new(&format!(
            "[flows.x]\nfrom = {{ webhook = {{}} }}\nto = [ {targets} ]\n"
        ));
        acme.load().checked().err().map(|problems| {
            let said = problems.iter().map(ToString::to_string);
            said.collect::<Vec<_>>().join("\n")
        })
    };
    let one = "{ connection = \"mini-shop\", operation = \"stock.update\" }";
    let other = "{ connection = \"mini-shop\", operation = \"stock.update\", when = \".a\" }";
    let named =
        "{ name = \"b\", connection = \"mini-shop\", operation = \"stock.update\", when = \".a\" }";
    let again = "{ name = \"b\", connection = \"mini-shop\", operation = \"stock.update\" }";
    assert_eq!(to(&format!("{one}, {named}")), None);
    let said = to(&format!("{one}, {again}")).unwrap();
    assert!(
        said.contains("`flows.x.to[1]` is the target `mini-shop` again"),
        "{said}"
    );
    let said = to(&format!("{one}, {other}")).unwrap();
    assert!(
        said.contains("`flows.x.to[1]` is called `mini-shop`, as `flows.x.to[0]` is"),
        "{said}"
    );
    let said = to("").unwrap();
    assert!(
        said.contains("`flows.x.to` is empty: say where records go"),
        "{said}"
    );
    let file = "{ file = \"out/a.csv\" }";
    let said = to(&format!("{file}, {file}")).unwrap();
    assert!(said.contains("is the target `a.csv` again"), "{said}");
}

#[test]
fn a_flow_whose_source_is_wrong_hides_nothing_else() {
    let acme =
        Acme::new("[flows.x]\nfrom = 3\nto = [ { connection = \"nobody\", operation = \"a\" } ]\n");
    let said = acme.problems().join("\n");
    assert!(said.contains("`flows.x.from` must be a table"), "{said}");
    assert!(said.contains("`nobody`, which is no connection"), "{said}");
    // What only adapters can tell is said at the same time.
    assert!(acme.load().result.unwrap().flows.contains_key("x"));
}

#[test]
fn a_misspelt_script_is_told_with_the_one_that_is_there() {
    let flow = "confirm = { connection = \"erp\", operation = \"a\", script = \"rowtoshop.jq\" }\n";
    let acme = stock_and(flow).with("row-to-shop.jq", ".");
    assert_eq!(
        acme.problems(),
        [
            "config-file-missing acme/tenant.toml:13:59: `flows.stock.confirm.script` names the script acme/rowtoshop.jq, which does not exist; did you mean `row-to-shop.jq`?"
        ]
    );
}

#[test]
fn tests_that_come_beside_a_script_change_the_fingerprint() {
    let acme =
        stock_and("confirm = { connection = \"erp\", operation = \"a\", script = \"a.jq\" }\n");
    let before = acme.load();
    let tests = acme.dir().join("a.test.json");
    assert!(before.files.contains(&tests));
    let acme = acme.with("a.test.json", "{\"cases\": []}");
    assert_ne!(before.fingerprint, acme.load().fingerprint);
}
