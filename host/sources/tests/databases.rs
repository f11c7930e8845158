//! Queries against real servers, which each test starts for itself. Where one is
//! not installed, its tests say so and pass.

mod servers;

use std::sync::Arc;
use std::time::Duration;

use crossdock_sources::{DatabaseSource, DatabaseUrl, Failure, FailureKind, QueryPage, query_page};
use servers::{Server, mysql, postgres};

fn source(server: &Server, query: &str, cursor: &str) -> DatabaseSource {
    DatabaseSource {
        url: DatabaseUrl::parse(&server.url("erp", "p@ss'word")).unwrap(),
        query: query.into(),
        cursor: cursor.into(),
        start: None,
        from_start: false,
        allow_private: true,
        timeout: Duration::from_secs(20),
    }
}

async fn ask(
    server: &Server,
    source: &DatabaseSource,
    after: Option<&str>,
    most: usize,
) -> Result<QueryPage, Failure> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    query_page(
        source,
        Box::new(stream),
        Arc::new(server.trust()),
        after,
        most,
    )
    .await
}

/// Every record of every page, and the pages' sizes.
async fn all(server: &Server, source: &DatabaseSource, most: usize) -> (Vec<String>, Vec<usize>) {
    let (mut records, mut sizes) = (Vec::new(), Vec::new());
    let mut cursor: Option<String> = None;
    loop {
        let page = ask(server, source, cursor.as_deref(), most).await.unwrap();
        sizes.push(page.records.len());
        records.extend(page.records);
        cursor = page.cursor.or(cursor);
        if page.last {
            return (records, sizes);
        }
    }
}

const NUMBERS: &str = "CREATE TABLE numbers (id BIGINT PRIMARY KEY, batch INT, name VARCHAR(40));\
    INSERT INTO numbers VALUES (1,1,'a'),(2,1,'b'),(3,2,'C'),(4,2,'c'),(5,2,'d'),(6,3,'e'),(7,NULL,NULL);";

/// What both servers promise.
async fn promises(server: &Server) {
    server.run(NUMBERS);

    // Rows of one value are never cut in two, and those without one never come.
    let by_batch = source(server, "SELECT * FROM numbers;", "batch");
    let (records, sizes) = all(server, &by_batch, 3).await;
    assert_eq!(sizes, [5, 1]);
    assert!(records[5].contains("\"id\":6"), "{records:?}");
    let (_, sizes) = all(server, &by_batch, 1).await;
    assert_eq!(sizes, [2, 3, 1, 0]);

    // A comment at the query's end doesn't swallow what is put around it.
    let by_id = source(
        server,
        "SELECT id FROM numbers WHERE id <> 2 -- all of them",
        "id",
    );
    let (records, sizes) = all(server, &by_id, 2).await;
    let ids: Vec<&str> = records
        .iter()
        .map(|json| json.trim_matches(['{', '}']))
        .collect();
    assert_eq!(
        ids,
        [
            "\"id\":1", "\"id\":3", "\"id\":4", "\"id\":5", "\"id\":6", "\"id\":7"
        ]
    );
    assert_eq!(sizes, [2, 2, 2, 0]);

    // `start` is where the first page begins, and nothing new gives no cursor.
    let late = DatabaseSource {
        start: Some("6".into()),
        ..by_id.clone()
    };
    let page = ask(server, &late, None, 10).await.unwrap();
    assert_eq!(
        (page.records.len(), page.cursor.as_deref(), page.last),
        (1, Some("7"), true)
    );
    let page = ask(server, &late, Some("7"), 10).await.unwrap();
    assert_eq!(
        (page.records.len(), page.cursor, page.last),
        (0, None, true)
    );

    // By a text, and whatever is in it.
    let by_name = source(server, "SELECT name FROM numbers", "name");
    let page = ask(server, &by_name, Some("' OR '1'='1"), 10)
        .await
        .unwrap();
    assert!(page.records.len() <= 6);
    let page = ask(server, &by_name, Some("d"), 10).await.unwrap();
    assert_eq!(page.records, ["{\"name\":\"e\"}"]);

    // Nothing is ever changed.
    for (query, why) in [
        ("INSERT INTO numbers VALUES (9,9,'x')", "says:"),
        ("SELECT 1 AS id) AS q; DROP TABLE numbers; --", "says:"),
        ("SELECT id FROM nowhere", "nowhere"),
        ("SELECT id FROM numbers WHERE nosuch = 1", "nosuch"),
    ] {
        let failure = ask(server, &source(server, query, "id"), None, 10)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Setting, "{failure}");
        assert!(failure.sentence.contains(why), "{failure}");
        assert!(!failure.sentence.contains("p@ss"), "{failure}");
    }
    let wrong = source(server, "SELECT id FROM numbers", "missing");
    let failure = ask(server, &wrong, None, 10).await.unwrap_err();
    assert!(failure.sentence.contains("missing"), "{failure}");
    assert_eq!(all(server, &by_id, 100).await.0.len(), 6);

    // Who has the wrong password is told so.
    let mut stranger = by_id.clone();
    stranger.url = DatabaseUrl::parse(&server.url("erp", "wrong")).unwrap();
    let failure = ask(server, &stranger, None, 10).await.unwrap_err();
    assert!(failure.sentence.contains("erp"), "{failure}");
    assert_eq!(failure.kind, FailureKind::Setting);

    // The same encrypted, and with a certificate that nobody vouches for.
    let mut encrypted = by_id.clone();
    encrypted.url = DatabaseUrl::parse(&server.encrypted_url("erp", "p@ss'word")).unwrap();
    assert_eq!(
        ask(server, &encrypted, None, 100)
            .await
            .unwrap()
            .records
            .len(),
        6
    );
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let nobody = Arc::new(servers::trust_nobody());
    let failure = query_page(&encrypted, Box::new(stream), nobody, None, 10)
        .await
        .unwrap_err();
    assert!(failure.sentence.contains("encrypted"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_gives_pages_of_what_is_new() {
    let Some(server) = postgres() else { return };
    promises(&server).await;

    let values = source(
        &server,
        "SELECT 6912345678901234567::bigint AS id, 1.50::numeric AS price, 'é库'::text AS name, \
         timestamp '2026-03-01 12:00:00.5' AS at, timestamptz '2026-03-01 12:00:00+08' AS zoned, \
         date '2026-03-01' AS day, NULL::int AS none, '{\"a\":[1]}'::json AS doc, true AS yes, '\\xff00'::bytea AS raw",
        "at",
    );
    let page = ask(&server, &values, None, 10).await.unwrap();
    assert_eq!(
        page.records,
        [concat!(
            "{\"id\":6912345678901234567,\"price\":1.50,\"name\":\"é库\",\"at\":\"2026-03-01T12:00:00.5\",",
            "\"zoned\":\"2026-03-01T04:00:00+00:00\",\"day\":\"2026-03-01\",\"none\":null,\"doc\":{\"a\":[1]},",
            "\"yes\":true,\"raw\":\"\\\\xff00\"}"
        )]
    );
    let after = ask(&server, &values, page.cursor.as_deref(), 10)
        .await
        .unwrap();
    assert_eq!(after.records.len(), 0);

    let mut slow = source(&server, "SELECT 1 AS id, pg_sleep(30)::text AS s", "id");
    slow.timeout = Duration::from_millis(300);
    let failure = ask(&server, &slow, None, 10).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.sentence.contains("timeout"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_gives_pages_of_what_is_new() {
    let Some(server) = mysql() else { return };
    promises(&server).await;

    server.run(
        "CREATE TABLE vals (id BIGINT, price DECIMAL(9,2), name VARCHAR(20), at DATETIME(3), \
         zoned TIMESTAMP NULL, day DATE, none INT, code INT(6) ZEROFILL, raw VARBINARY(4)) CHARACTER SET utf8mb4; \
         SET time_zone = '+08:00'; INSERT INTO vals VALUES (6912345678901234567, 1.5, 'é库', '2026-03-01 12:00:00.5', \
         '2026-03-01 12:00:00', '2026-03-01', NULL, 42, X'ff00');",
    );
    for cursor in ["at", "id", "price", "day", "zoned", "name"] {
        let values = source(&server, "SELECT * FROM vals", cursor);
        let page = ask(&server, &values, None, 10).await.unwrap();
        assert_eq!(
            page.records,
            [concat!(
                "{\"id\":6912345678901234567,\"price\":1.50,\"name\":\"é库\",\"at\":\"2026-03-01T12:00:00.500\",",
                "\"zoned\":\"2026-03-01T04:00:00\",\"day\":\"2026-03-01\",\"none\":null,\"code\":\"000042\",",
                "\"raw\":\"\\\\xff00\"}"
            )]
        );
        let after = ask(&server, &values, page.cursor.as_deref(), 10)
            .await
            .unwrap();
        assert_eq!(after.records.len(), 0, "{cursor}");
    }

    let mut slow = source(&server, "SELECT 1 AS id, SLEEP(30) AS s", "id");
    slow.timeout = Duration::from_millis(300);
    let failure = ask(&server, &slow, None, 10).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
}

#[tokio::test]
async fn a_server_that_talks_nonsense_is_told_within_its_time() {
    use tokio::io::AsyncWriteExt;

    for (scheme, greeting) in [
        ("mysql", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("mysql", &[255, 255, 255, 0][..]),
        ("mysql", b""),
        ("postgres", b"SSH-2.0-x\r\n"),
        ("postgres", b"E\xff\xff\xff\xff"),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(greeting).await.unwrap();
        theirs.shutdown().await.unwrap();
        let source = DatabaseSource {
            url: DatabaseUrl::parse(&format!("{scheme}://u:secret@127.0.0.1/d")).unwrap(),
            query: "SELECT 1 AS id".into(),
            cursor: "id".into(),
            start: None,
            from_start: false,
            allow_private: true,
            timeout: Duration::from_secs(1),
        };
        let nobody = Arc::new(servers::trust_nobody());
        let failure = query_page(&source, Box::new(ours), nobody, None, 1)
            .await
            .unwrap_err();
        assert!(!failure.sentence.contains("secret"), "{failure}");
    }
}
