use super::*;

fn text(table: &Table) -> &str {
    table.in_context().expect("a small table").get()
}

fn csv(file: &str) -> String {
    text(&from_csv(file).unwrap()).to_owned()
}

fn wrong(text: &str) -> (u32, String) {
    let wrong = from_csv(text).unwrap_err();
    (wrong.line, wrong.detail)
}

fn wrong_json(text: &str) -> (u32, String) {
    let wrong = from_json(text).unwrap_err();
    (wrong.line, wrong.detail)
}

/// Rows of a CSV file: `s7,00007,…`.
fn rows(count: usize, width: usize) -> String {
    let pad = "x".repeat(width);
    (0..count)
        .map(|row| format!("s{row},{row:05},{pad}\n"))
        .collect()
}

#[test]
fn a_csv_file_becomes_an_object_by_its_first_column() {
    assert_eq!(
        csv(
            "\u{feff}code, name,zip\r\n007,\"Beijing, east\",010\n12345678901234567890,\"a\nb\",\n"
        ),
        r#"{"007":{"code":"007","name":"Beijing, east","zip":"010"},"12345678901234567890":{"code":"12345678901234567890","name":"a\nb","zip":""}}"#
    );
    assert_eq!(csv("code,name\n"), "{}");
    // A table may be a set.
    assert_eq!(csv("code\na\n"), r#"{"a":{"code":"a"}}"#);
}

#[test]
fn a_csv_file_that_is_not_a_table_is_refused_with_its_line() {
    for (text, line, says) in [
        ("", 0, "is empty"),
        ("code,name\na,1\nb,2,3\n", 3, "3 values and the header 2"),
        ("code,name\na\n", 2, "1 values"),
        ("code,name\na,1\n\"b\nb\",2\na,3\n", 5, "`a` is in line 2"),
        ("code,name\n,1\n", 2, "first column `code`"),
        ("code,,name\n", 1, "column 2 has no name"),
        ("code,code\n", 1, "two columns are called `code`"),
        ("code;name\na;1\n", 1, "';'"),
    ] {
        let (found, detail) = wrong(text);
        assert_eq!(found, line, "{text:?}: {detail}");
        assert!(detail.contains(says), "{text:?}: {detail}");
    }
    let many: String = (0..=MAX_ROWS).map(|row| format!("{row}\n")).collect();
    let (line, detail) = wrong(&format!("code\n{many}"));
    assert!(detail.contains("200000 rows"), "{detail}");
    assert_eq!(line, 200_002);
    let wide = format!("code,name\na,1\nb,{}\n", "x".repeat(MAX_ROW));
    assert_eq!(wrong(&wide), (3, "this row has more than 64 KiB.".into()));
}

#[test]
fn each_bound_of_a_csv_file_is_reached_and_not_passed() {
    let columns = |count: usize| {
        let names: Vec<String> = (0..count).map(|column| format!("c{column}")).collect();
        format!("{}\n{}\n", names.join(","), vec!["x"; count].join(","))
    };
    assert!(from_csv(&columns(MAX_COLUMNS)).is_ok());
    let (line, detail) = wrong(&columns(MAX_COLUMNS + 1));
    assert_eq!(
        (line, detail.contains("200 columns")),
        (1, true),
        "{detail}"
    );
    // A key of one byte, one between, and the value.
    let row = |bytes: usize| format!("code,name\na,1\nb,{}\n", "x".repeat(bytes - 2));
    assert!(from_csv(&row(MAX_ROW)).is_ok());
    assert_eq!(wrong(&row(MAX_ROW + 1)).0, 3);
    let rows = |count: usize| {
        let rows: String = (0..count).map(|row| format!("{row}\n")).collect();
        format!("code\n{rows}")
    };
    assert_eq!(from_csv(&rows(MAX_ROWS)).unwrap().rows(), MAX_ROWS);
    assert_eq!(wrong(&rows(MAX_ROWS + 1)).0, 200_002);
}

#[test]
fn a_json_file_is_passed_as_it_is() {
    let file = "{\"a\": [1.500, 12345678901234567890]}";
    assert_eq!(text(&from_json(file).unwrap()), file);
    let wrong = from_json("{\n  \"a\": 1,\n}").unwrap_err();
    assert_eq!((wrong.line, wrong.column), (3, 1));
    assert!(from_json(&"[".repeat(10_000)).is_err());
}

#[test]
fn a_large_csv_file_is_looked_up_row_by_row() {
    let file = format!(
        "code,\"the \"\"no\"\"\",name\n\"a\"\"b\",1,\"x\ny\"\n{}",
        rows(30_000, 40)
    );
    let table = from_csv(&file).unwrap();
    assert!(table.in_context().is_none());
    assert_eq!(table.rows(), 30_001);
    let row = table.lookup("s29999").unwrap();
    let row: Value = serde_json::from_str(&row).unwrap();
    assert_eq!(row["the \"no\""], "29999");
    assert_eq!(row["code"], "s29999");
    let escaped = r#"{"code":"a\"b","the \"no\"":"1","name":"x\ny"}"#;
    assert_eq!(table.lookup("a\"b").as_deref(), Some(escaped));
    for absent in ["", "s30000", "S1", "code", "s1\u{0}"] {
        assert_eq!(table.lookup(absent), None, "{absent:?}");
    }
    // As large as the file, and a little for finding rows.
    let held = table.held_bytes();
    assert!(held < file.len() + 30_001 * 24, "{held} of {}", file.len());
    assert!(!table.is_copyable() && table.whole().is_none());
}

#[test]
fn a_table_of_middle_size_is_looked_up_and_may_be_had_as_a_whole() {
    let table = from_csv(&format!("code,no,name\n{}", rows(20_000, 20))).unwrap();
    assert!(table.in_context().is_none() && table.is_copyable());
    let whole: Value = serde_json::from_str(&table.whole().unwrap()).unwrap();
    assert_eq!(whole.as_object().unwrap().len(), 20_000);
    let row: Value = serde_json::from_str(&table.lookup("s7").unwrap()).unwrap();
    assert_eq!(whole["s7"], row);
    let more = from_csv(&format!("code,no,name\n{}", rows(20_001, 20))).unwrap();
    assert!(!more.is_copyable());
}

#[test]
fn members_of_a_large_json_object_are_looked_up_as_they_are_written() {
    let members: Vec<String> = (0..40_000)
        .map(|row| format!("  \"k{row}\": {{\"price\": {row}.500, \"id\": 12345678901234567890}}"))
        .collect();
    let file = format!(
        "{{\n{},\n  \"a\\\"\\u4e2d\": [1, null],\n  \"k7\": null\n}}",
        members.join(",\n")
    );
    assert!(file.len() > COPYABLE_FILE);
    let table = from_json(&file).unwrap();
    assert_eq!(table.rows(), 40_001);
    let row = r#"{"price": 39999.500, "id": 12345678901234567890}"#;
    assert_eq!(table.lookup("k39999").as_deref(), Some(row));
    assert_eq!(table.lookup("a\"中").as_deref(), Some("[1, null]"));
    assert_eq!(
        table.lookup("k7").as_deref(),
        Some("null"),
        "the last one counts"
    );
    assert!(table.whole().is_none());

    // What is wrong in it has its line.
    let (line, detail) = wrong_json(&file.replace("39998.500", "[39998.5"));
    assert_eq!(line, 40_000, "{detail}");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let (line, detail) = wrong_json(&file.replace("39998.500", &deep));
    assert_eq!(line, 40_000, "{detail}");
    assert!(detail.contains("`k39998`"), "{detail}");
    let wide = format!("\"{}\"", "x".repeat(MAX_ROW));
    let (line, detail) = wrong_json(&file.replace("39998.500", &wide));
    assert_eq!(line, 40_000, "{detail}");
    assert!(detail.contains("64 KiB"), "{detail}");
    let list = format!("[{}]", vec!["1"; MIB].join(","));
    let (line, detail) = wrong_json(&list);
    assert_eq!(line, 0);
    assert!(detail.contains("has to be an object"), "{detail}");
    let many: Vec<String> = (0..=MAX_ROWS).map(|row| format!("\"k{row}\":1")).collect();
    let (_, detail) = wrong_json(&format!("{{{}}}", many.join(",")));
    assert!(detail.contains("200000 rows"), "{detail}");
}

#[test]
fn a_json_file_of_middle_size_may_be_anything() {
    // Too large members for rows: as a whole, as before.
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(2 * MAX_ROW));
    assert_eq!(text(&from_json(&large).unwrap()), large);
    let list = format!("[{}]", vec!["1"; 100_000].join(","));
    assert_eq!(text(&from_json(&list).unwrap()), list);
    let members: Vec<String> = (0..20_000)
        .map(|row| format!("\"k{row}\": {row}.0"))
        .collect();
    let table = from_json(&format!("{{{}}}", members.join(", "))).unwrap();
    assert!(table.in_context().is_none());
    assert_eq!(table.lookup("k7").as_deref(), Some("7.0"));
    assert!(table.whole().unwrap().starts_with(r#"{"k0":0.0,"k1":1.0,"#));
}

#[test]
fn what_somebody_holds_is_not_read_again() {
    let file = format!("code,no,name\n{}", rows(5_000, 20));
    let first = read(&file, [7; 32], Format::Csv).unwrap();
    let again = read("not looked at", [7; 32], Format::Csv).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert!(read("", [7; 32], Format::Json).is_err(), "another format");
    drop((first, again));
    let fresh = read("code\na\n", [7; 32], Format::Csv).unwrap();
    assert_eq!(text(&fresh), r#"{"a":{"code":"a"}}"#);
    // What is wrong is not kept.
    assert!(read("", [8; 32], Format::Csv).is_err());
    assert!(read("code\n", [8; 32], Format::Csv).is_ok());
}
