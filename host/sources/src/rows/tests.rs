//! What becomes of files that people have.

use super::*;
use crate::settings::{Csv, Header};
use crate::text::Encoding;

fn reader(bytes: impl AsRef<[u8]>, format: Format, reading: &Reading) -> Reader {
    let bytes = std::io::Cursor::new(bytes.as_ref().to_vec());
    Reader::of_text(Box::new(bytes), format, reading)
}

/// Every row: a record's JSON, or the line, column and problem of a bad one.
fn rows(reader: &mut Reader) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    while let Some(row) = reader.next_row()? {
        all.push(match row {
            Row::Good(record) => record.json,
            Row::Bad(bad) => format!("{}:{:?} {}", bad.line, bad.column, bad.problem),
        });
    }
    Ok(all)
}

fn read(bytes: impl AsRef<[u8]>, format: Format, reading: &Reading) -> Vec<String> {
    rows(&mut reader(bytes, format, reading)).unwrap()
}

fn refused(bytes: impl AsRef<[u8]>, format: Format, reading: &Reading) -> String {
    let failure = rows(&mut reader(bytes, format, reading)).unwrap_err();
    assert_eq!(failure.kind, crate::FailureKind::Content);
    failure.sentence
}

fn csv(bytes: impl AsRef<[u8]>) -> Vec<String> {
    read(bytes, Format::Csv, &Reading::default())
}

#[test]
fn every_csv_field_is_the_text_that_stands_there() {
    let found = csv("sku,id,qty,day,note\n\
         007,6912345678901234567,1.50,2026-03-01,\"a \"\"b\"\", c\nd\"\n");
    assert_eq!(
        found,
        [
            r#"{"sku":"007","id":"6912345678901234567","qty":"1.50","day":"2026-03-01","note":"a \"b\", c\nd"}"#
        ]
    );
}

#[test]
fn a_spreadsheets_gbk_export_is_read() {
    let text = "\"商品编码\";数量;\r\n\"00123\";5;x\r\n\r\n;;\r\n00124;6;\r\n";
    let reading = Reading {
        encoding: Encoding::named("gbk").unwrap(),
        csv: Csv {
            separator: b';',
            ..Csv::default()
        },
        ..Reading::default()
    };
    let bytes = encoding_rs::GBK.encode(text).0;
    assert_eq!(
        read(bytes, Format::Csv, &reading),
        [
            r#"{"商品编码":"00123","数量":"5","3":"x"}"#,
            r#"{"商品编码":"00124","数量":"6","3":""}"#
        ]
    );
}

#[test]
fn columns_can_be_named_or_have_no_names() {
    let with = |header| Reading {
        header,
        ..Reading::default()
    };
    let names = Header::Names(vec!["sku".into(), "qty".into()]);
    assert_eq!(
        read("01,2", Format::Csv, &with(names)),
        [r#"{"sku":"01","qty":"2"}"#]
    );
    assert_eq!(
        read("01,2\n3,4", Format::Csv, &with(Header::Numbers)),
        [r#"{"1":"01","2":"2"}"#, r#"{"1":"3","2":"4"}"#]
    );
    assert!(read("01,2\n3", Format::Csv, &with(Header::Numbers))[1].starts_with("2:"));
}

#[test]
fn a_bad_csv_row_is_told_by_its_line_and_the_others_go_on() {
    let found = csv(b"sku,note\n\"a\nb\",1\nonly\nx,\xff\xfe\n1,2,3\nlast,\"5\"");
    assert_eq!(found.len(), 5);
    assert_eq!(found[0], r#"{"sku":"a\nb","note":"1"}"#);
    assert!(found[1].starts_with("4:None it has 1 fields, and there are 2 columns"));
    assert!(
        found[2].starts_with("5:Some(2) it has bytes that are not UTF-8 (ff)"),
        "{}",
        found[2]
    );
    assert!(found[3].starts_with("6:None it has 3 fields"));
    assert_eq!(found[4], r#"{"sku":"last","note":"5"}"#);
}

#[test]
fn a_refused_csv_row_is_shown_as_it_stands_in_the_file() {
    let reading = Reading {
        encoding: Encoding::named("gbk").unwrap(),
        csv: Csv {
            separator: b';',
            ..Csv::default()
        },
        ..Reading::default()
    };
    let header = encoding_rs::GBK.encode("编码;名称;门店;数量\r\n").0;
    let mut bytes = header.into_owned();
    bytes.extend(b"0011;\xff\xff;S1;5\r\n\"a;\"\"b\";x\r\n");
    bytes.extend([b'x'; 3000]);
    let mut reader = reader(bytes, Format::Csv, &reading);
    let mut shown = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        match row {
            Row::Bad(bad) => shown.push((bad.line, bad.row)),
            Row::Good(record) => panic!("{record:?}"),
        }
    }
    assert_eq!(
        shown,
        [
            (2, "0011;\u{fffd}\u{fffd};S1;5".to_owned()),
            (3, "\"a;\"\"b\";x".to_owned()),
            (4, format!("{}…", "x".repeat(MOST_SHOWN))),
        ]
    );
}

#[test]
fn a_file_with_another_separator_is_refused_as_a_whole() {
    let with = |separator, header| Reading {
        csv: Csv {
            separator,
            ..Csv::default()
        },
        header,
        ..Reading::default()
    };
    for (separator, text, says) in [
        (b',', "sku;quantity\n1;2", "set `separator = \";\"`"),
        (b',', "\n\"sku\";\"quantity\"\n", "set `separator = \";\"`"),
        (b';', "sku\tquantity\n1\t2", "set `separator = \"\\t\"`"),
        (b';', "sku|quantity\n1|2", "set `separator = \"|\"`"),
    ] {
        let said = refused(text, Format::Csv, &with(separator, Header::FirstRow));
        assert!(said.contains(says), "{text}: {said}");
    }
    // One column is a table as well, and so are two with such a name.
    for (text, header, found) in [
        ("sku\n1;2", Header::FirstRow, r#"{"sku":"1;2"}"#),
        ("a;b,c\n1,2", Header::FirstRow, r#"{"a;b":"1","c":"2"}"#),
        ("1;2", Header::Numbers, r#"{"1":"1;2"}"#),
    ] {
        assert_eq!(read(text, Format::Csv, &with(b',', header)), [found]);
    }
}

#[test]
fn a_quote_that_nobody_closes_ends_a_file_and_says_where_it_began() {
    for end in ["", "\n", "\nx,y\n"] {
        let said = refused(
            format!("a,b\n1,2\n3,\"4{end}"),
            Format::Csv,
            &Reading::default(),
        );
        assert!(
            said.starts_with("line 3: the row that begins here is never over"),
            "{said}"
        );
    }
    let long = format!("a,b\n1,\"{}", "x".repeat(3 * MOST_RECORD));
    assert!(
        refused(long, Format::Csv, &Reading::default())
            .starts_with("line 2: the row that begins here has more")
    );
    // The same where nothing is quoted.
    let reading = Reading {
        csv: Csv {
            quote: None,
            ..Csv::default()
        },
        ..Reading::default()
    };
    assert_eq!(
        read("inch\n5\"\n", Format::Csv, &reading),
        [r#"{"inch":"5\""}"#]
    );
}

#[test]
fn names_of_columns_that_cannot_be_told_apart_are_refused() {
    let said = refused("sku,qty,sku\n1,2,3", Format::Csv, &Reading::default());
    assert!(
        said.contains("line 1") && said.contains("\"sku\""),
        "{said}"
    );
    let wide = vec!["x"; 5000].join(",");
    assert!(refused(wide, Format::Csv, &Reading::default()).contains("line 1"));
}

#[test]
fn an_empty_csv_file_has_no_rows() {
    for empty in ["", "\n", "\u{feff}", "a,b", "a,b\n", "\r\n\r\na,b\r\n"] {
        assert_eq!(csv(empty), Vec::<String>::new(), "{empty:?}");
    }
}

#[test]
fn a_line_of_json_is_a_record_and_a_bad_one_is_told_by_line_and_column() {
    let found = read(
        b"\xef\xbb\xbf{\"id\":6912345678901234567}\r\n\n  {\"a\": }\n[1]\n{\"x\":\"\xff\"}\n{\"last\":1.50}",
        Format::Ndjson,
        &Reading::default(),
    );
    assert_eq!(found[0], r#"{"id":6912345678901234567}"#);
    assert_eq!(
        found[1],
        "3:Some(9) it is not JSON: what stands in this column does not belong there; write each record as one JSON object on a line of its own, as in {\"sku\": \"007\"}"
    );
    assert_eq!(found[2], "[1]");
    assert!(found[3].starts_with("5:None it has bytes that are not UTF-8"));
    assert_eq!(found[4], r#"{"last":1.50}"#);
    assert_eq!(found.len(), 5);

    let long = format!("\"{}\"\n2", "x".repeat(3 * MOST_RECORD));
    let found = read(long, Format::Ndjson, &Reading::default());
    assert!(found[0].starts_with("1:None it has more than"));
    assert_eq!(found[1], "2");
}

#[test]
fn an_array_is_read_element_by_element() {
    let json = |text: &str| read(text, Format::Json, &Reading::default());
    assert_eq!(
        json(" [ {\"a\":\"],[\\\"\"},\n [1,2] , 19.90,\"x\"\n] \n"),
        [r#"{"a":"],[\""}"#, "[1,2]", "19.90", "\"x\""]
    );
    assert_eq!(json("[]"), Vec::<String>::new());
    assert_eq!(json(" { \"one\": [1,2] } "), [r#"{ "one": [1,2] }"#]);
    let found = json("[1,\n{\"a\":\n nope},3,]");
    assert_eq!(found[0], "1");
    assert_eq!(
        found[1],
        "3:Some(3) it is not JSON: what stands in this column does not belong there; write each record as a JSON object, as in {\"sku\": \"007\"}, with a comma between two of them"
    );
    assert_eq!(found[2], "3");
    assert!(
        found[3].starts_with("3:Some(0) it is not JSON"),
        "{}",
        found[3]
    );
    let long = format!("[\"{}\",2]", "x".repeat(3 * MOST_RECORD));
    let found = json(&long);
    assert!(found[0].starts_with("1:None it has more than"));
    assert_eq!(found[1], "2");
}

#[test]
fn what_is_no_record_is_told_without_a_librarys_words() {
    let lines = read(
        "{\"a\": \n null \n[\n\"x\ny\n{\"a\":1}",
        Format::Ndjson,
        &Reading::default(),
    );
    let elements = read(
        "[{\"a\":},\nnull,\n{\"a\":1}]",
        Format::Json,
        &Reading::default(),
    );
    assert_eq!(lines.len(), 6);
    assert_eq!(elements.len(), 3);
    for early in [&lines[0], &lines[2], &lines[3]] {
        assert!(
            early.contains("it is not JSON: it ends too early; write"),
            "{early}"
        );
    }
    for (null, line) in [(&lines[1], "2:None"), (&elements[1], "2:None")] {
        let says = "it is `null`, and a record has to be a JSON object; ";
        assert!(null.starts_with(&format!("{line} {says}")), "{null}");
    }
    for told in lines.iter().chain(&elements) {
        for inner in ["EOF", "expected", "parsing"] {
            assert!(!told.contains(inner), "{told}");
        }
    }
}

#[test]
fn records_can_lie_within_a_document() {
    let reading = Reading {
        records: Some("/data/a~1b".into()),
        ..Reading::default()
    };
    let json = |text: &str| read(text, Format::Json, &reading);
    let around = |records: &str| {
        format!(
            "{{\"total\": [1,{{}}], \"data\":\n {{\"x\":\"}}\", \"a/b\": {records}, \"c\": 1}} }}"
        )
    };
    assert_eq!(json(&around("[1, {\"a\":2}]")), ["1", "{\"a\":2}"]);
    assert_eq!(json(&around("[]")), Vec::<String>::new());
    assert_eq!(json(&around("{\"one\":[1]}")), ["{\"one\":[1]}"]);
    for (text, why) in [
        ("[]", "line 1: here is no object"),
        (
            "{\"data\":\n{\"b\":1}}",
            "line 2: the object that ends here has no such member",
        ),
        ("{}", "has no such member, and `records` leads to /data"),
        ("{\"data\":3}", "here is no object"),
    ] {
        let said = refused(text, Format::Json, &reading);
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn a_document_that_is_broken_is_read_up_to_there() {
    for (text, good, why) in [
        ("", 0, "the file is empty"),
        (
            "3",
            0,
            "line 1: here is neither an array nor an object; write",
        ),
        ("[1,2", 1, "line 1: what begins here is never over"),
        (
            "[1,\n{\"a\":[}",
            1,
            "line 2: what begins here is never over",
        ),
        ("[1]\n[2]", 1, "line 2: something follows the end"),
        ("[\"a]", 0, "have the file written again to its end"),
    ] {
        let mut reader = reader(text, Format::Json, &Reading::default());
        let mut seen = 0;
        let failure = loop {
            match reader.next_row() {
                Ok(Some(_)) => seen += 1,
                Ok(None) => panic!("{text}: is no end"),
                Err(failure) => break failure,
            }
        };
        assert!(failure.sentence.contains(why), "{text}: {failure}");
        assert_eq!(seen, good, "{text}");
    }
}

#[test]
fn pages_have_as_many_rows_as_wanted_and_add_up() {
    let text: String = (0..25).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let mut reader = reader(text, Format::Ndjson, &Reading::default());
    let mut sizes = Vec::new();
    loop {
        let page = reader.page(10).unwrap();
        sizes.push((page.records.len(), page.rows, page.last));
        if page.last {
            break;
        }
    }
    assert_eq!(sizes, [(10, 10, false), (10, 20, false), (5, 25, true)]);
}

#[test]
fn a_page_of_large_records_ends_early() {
    let line = format!("\"{}\"\n", "x".repeat(MOST_RECORD - 2));
    let mut reader = reader(line.repeat(20), Format::Ndjson, &Reading::default());
    let page = reader.page(1000).unwrap();
    assert_eq!((page.records.len(), page.last), (16, false));
}
