//! What an engineer is shown when a script fails.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crossdock::problem::{Blame, ExcerptOf};
use crossdock_tests::bed::{call, deliver};
use tracing_subscriber::fmt::MakeWriter;

use crate::{Shop, problems};

const SECRET: &str = "a-key-nobody-may-see";

async fn shop(script: &str) -> Shop {
    let shop =
        Shop::new("mappings.echo = \"map.jq\"\nsecrets = { key = { file = \"key.txt\" } }\n").await;
    shop.put("map.jq", script);
    shop.put("key.txt", SECRET);
    shop
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// On one thread, so that the log of this test is caught.
#[tokio::test]
async fn a_failure_shows_item_and_beginning_of_the_item_without_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _caught = tracing::subscriber::set_default(subscriber);

    let shop = shop("if .bad then error(\"not \\(.bad)\") else . end").await;
    let host = shop.host().await;
    let body = format!(
        r#"[{{"sku":"1"}},{{"sku":"2","bad":"{SECRET}","note":"{}"}}]"#,
        "x".repeat(1000)
    );
    let report = deliver(&host, call("acme", "shop", "echo", body)).await;
    let item = &report.items[1];
    assert_eq!(item.blame, Some(Blame::Script), "{item:?}");
    assert_eq!(item.message.as_deref(), Some("not «key»"));
    let excerpt = item.excerpt.as_deref().unwrap();
    assert_eq!(excerpt.of, ExcerptOf::Item);
    assert!(excerpt.text.starts_with(r#"{"sku":"2","bad":"«key»","#));
    assert!(excerpt.text.chars().count() <= 301);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("a script failed"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for part in [
        "acme",
        "shop",
        "echo",
        "script-failed",
        "map.jq",
        "item 1: not «key»",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains(SECRET) && !log.contains("xxx"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_of_the_schema_points_into_the_output_and_names_the_script() {
    let shop = shop("{sku, repeatable: .again}").await;
    let host = shop.host().await;
    let body = r#"{"sku":"1","again":"yes"}"#;
    let report = deliver(&host, call("acme", "shop", "echo", body)).await;
    let item = &report.items[0];
    assert_eq!(item.code.as_deref(), Some("invalid-document"), "{item:?}");
    assert_eq!(item.pointer.as_deref(), Some("/repeatable"));
    assert!(item.place.as_ref().unwrap().file.ends_with("acme/map.jq"));
    let excerpt = item.excerpt.as_deref().unwrap();
    assert_eq!(excerpt.of, ExcerptOf::Document);
    assert_eq!(excerpt.text, r#"{"sku":"1","repeatable":"yes"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_compile_is_shown_with_a_caret() {
    let shop = shop("{\n  sku: .a,\n  stock: foo(1)\n}").await;
    let problem = problems(&shop.host().await).concat();
    let (place, rest) = problem.split_once(": ").unwrap();
    assert!(place.ends_with("acme/map.jq:3:10"), "{place}");
    assert!(
        rest.ends_with("3 |   stock: foo(1)\n  |          ^"),
        "{rest}"
    );
}
