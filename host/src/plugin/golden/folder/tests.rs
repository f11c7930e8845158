use serde_json::json;

use super::*;

fn put(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// What is said of files that cannot be read, with `/` for the root.
fn said(files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), files);
    let said = read_folder(root.path()).expect_err("it cannot be read");
    said.replace(&root.path().display().to_string(), "")
}

#[test]
fn files_that_people_write_are_an_example() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        &[
            (
                "stock-update/half-refused/items.json",
                r#"[{"sku":"1"},{"key":"k","document":{"sku":"2"}}]"#,
            ),
            (
                "stock-update/half-refused/context.json",
                r#"{"now_ms": 1700000000123, "settings": {"shop": "s"}, "secrets": {"app_secret": "test"}}"#,
            ),
            (
                "stock-update/half-refused/request.http",
                "POST /stock/update?app_key=1&q=a%26b+c HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"a\":\n1}\n",
            ),
            (
                "stock-update/half-refused/request-2.http",
                "GET /plain\n  ?a=1\n  &b=\u{5e93}\n",
            ),
            (
                "stock-update/half-refused/reply.http",
                "HTTP/1.1 200 OK\ncontent-type: text/plain\n\nfine\n\n",
            ),
            (
                "stock-update/half-refused/outcomes.json",
                r#"[{"status":"accepted"}]"#,
            ),
            ("stock-update/half-refused/reply-2.http", "HTTP/1.1 502\n"),
            ("stock-update/half-refused/reply-3.http", "HTTP/1.1 0\n"),
            ("stock-update/half-refused/next-3.http", "GET /again\n"),
            ("stock-update/half-refused/.DS_Store", "x"),
            ("stock-update/README.md", "about"),
        ],
    );
    let examples = read_folder(root.path()).expect("an example");
    let example = serde_json::to_value(&examples[0]).unwrap();
    assert_eq!(
        example,
        json!({
            "name": "stock-update: half refused", "provenance": "computed",
            "operation": "stock.update",
            "context": {
                "now_ms": 1_700_000_000_123_u64, "nonce": "0".repeat(32), "settings": {"shop": "s"},
            },
            "secrets": {"app_secret": "test"},
            "items": [{"document": {"sku": "1"}}, {"key": "k", "document": {"sku": "2"}}],
            "requests": [
                {
                    "method": "POST", "path": "/stock/update",
                    "query": [["app_key", "1"], ["q", "a&b c"]],
                    "headers": [["Content-Type", "application/json"]], "body": "{\"a\":\n1}",
                },
                {"method": "GET", "path": "/plain", "query": [["a", "1"], ["b", "\u{5e93}"]], "headers": []},
            ],
            "failures": [],
            "replies": [
                {
                    "request": 0, "status": 200, "headers": [["content-type", "text/plain"]],
                    "body": "fine\n", "outcomes": [{"status": "accepted"}],
                },
                {"request": 1, "status": 502, "headers": []},
                {
                    "request": 0, "status": 0, "headers": [],
                    "next": {"method": "GET", "path": "/again", "query": [], "headers": []},
                },
            ],
        })
    );
}

#[test]
fn what_is_written_is_read_again_to_the_last_byte() {
    let example = json!({
        "name": "every kind", "provenance": "official", "source": "section 1",
        "operation": "order.lock-result",
        "context": {"now_ms": 1, "nonce": "0123456789abcdef0123456789abcdef", "settings": {"a": 12.340}},
        "secrets": {"token": "t"},
        "items": [
            {"document": {"document": 1}}, {"document": {"sku": 9007199254740993_u64}},
            {"key": "k", "document": {}},
        ],
        "requests": [
            {
                "method": "POST", "path": "/a%20b",
                "query": [["a=b&c", " %+#="], ["a", ""], ["", "x"], ["\u{5e93}", "\n"]],
                "headers": [["X-A", " two blanks "]], "body": "\r\n\n", "items": [0, 1], "repeatable": true,
            },
            {"method": "PUT", "path": "/", "query": [], "headers": [], "body": ""},
            {"method": "PUT", "path": "/", "query": [["long", "x".repeat(200)]], "headers": [], "body": {"base64": "AGE="}},
            {"method": "PUT", "path": "/", "query": [], "headers": [], "body": {"base64": "/w=="}},
        ],
        "failures": [{"item": 2, "pointer": "/sku"}],
        "replies": [
            {"request": 3, "status": 200, "headers": [], "body": "{}", "outcomes": []},
            {"request": 0, "status": 500, "headers": [], "body": {"base64": "YQ=="}},
            {"request": 2, "follows": 0, "status": 200, "headers": [], "body": "{}"},
        ],
    });
    let example: Example = serde_json::from_value(example).unwrap();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("order-lock-result/every-kind");
    // What was there before and is not any more goes.
    put(
        &dir,
        &[
            ("reply-3.http", "HTTP/1.1 200\n"),
            ("outcomes-2.json", "[]"),
            ("notes~", "kept"),
        ],
    );
    write(&dir, &example).expect("written");
    assert!(dir.join("notes~").exists());
    let read = read_folder(root.path()).expect("read");
    let value = |example: &Example| serde_json::to_value(example).unwrap();
    assert_eq!(value(&read[0]), value(&example));
}

#[test]
fn what_cannot_be_read_is_said_with_file_and_line() {
    let items = ("a/b/items.json", "[{}]");
    for (file, text, expected) in [
        (
            "a/b/request.http",
            "POST\n",
            "/a/b/request.http:1: a request begins with its method",
        ),
        (
            "a/b/request.http",
            "HTTP/1.1 200\n",
            "/a/b/request.http:1: this is an answer",
        ),
        (
            "a/b/reply.http",
            "GET /\n",
            "/a/b/reply.http:1: this is a request",
        ),
        (
            "a/b/reply.http",
            "HTTP/1.1 fine\n",
            "/a/b/reply.http:1: an answer begins with its status",
        ),
        (
            "a/b/request.http",
            "GET /\nno colon\n",
            "/a/b/request.http:2: a header has a colon",
        ),
        (
            "a/b/outcomes.json",
            "[\n{\"status\" 1}]",
            "/a/b/outcomes.json:2:11: ",
        ),
        (
            "a/b/respons.http",
            "",
            "/a/b/respons.http: an example has no file of this name",
        ),
        ("a/b/requests.http", "", "did you mean `request.http`?"),
        (
            "a/b/outcomes-2.json",
            "[]",
            "belongs to `reply-2.http`, which is missing",
        ),
        ("a/b/request-2.http", "GET /\n", "`request.http` is missing"),
        (
            "a/b/context.json",
            "{\"now\": 1}",
            "/a/b/context.json:1:6: `now` is no member that is known here; ",
        ),
        (
            "a/b/context.json",
            "{\"nowMs\": 1}",
            "`nowMs` is no member that is known here; did you mean `now_ms`?",
        ),
        (
            "a/b/context.json",
            "{\"nonce\": \"short\"}",
            "`/context/nonce`",
        ),
        (
            "a/c/request.http",
            "GET /\n",
            "/a/c: `items.json` is missing",
        ),
    ] {
        // A reply is there in the cases that are not about it.
        let said = if file.contains("outcomes.json") {
            said(&[items, ("a/b/reply.http", "HTTP/1.1 200\n"), (file, text)])
        } else {
            said(&[items, (file, text)])
        };
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn dashes_of_an_operation_are_known_from_the_manifest() {
    let mut examples: Vec<Example> = ["order.lock.result", "stock.update", "nothing.like.it"]
        .into_iter()
        .map(|operation| {
            let example = json!({
                "name": "n", "provenance": "computed", "operation": operation,
                "items": [{"document": {}}],
            });
            serde_json::from_value(example).unwrap()
        })
        .collect();
    let operations = ["order.lock-result", "stock.update", "stock-update"];
    settle(&mut examples, operations.into_iter());
    let names: Vec<&str> = examples.iter().map(|example| &*example.operation).collect();
    assert_eq!(
        names,
        ["order.lock-result", "stock.update", "nothing.like.it"]
    );
}
