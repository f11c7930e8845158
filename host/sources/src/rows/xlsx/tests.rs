//! What becomes of workbooks, hostile ones included.

use std::io::Write;

use flate2::Crc;
use flate2::write::DeflateEncoder;

use super::super::Reader;
use super::*;
use crate::settings::{Format, Reading};

/// A workbook of these parts.
fn packed(parts: &[(&str, Vec<u8>)]) -> File {
    let mut all = Vec::new();
    let mut list = Vec::new();
    for (name, content) in parts {
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        let data = encoder.finish().unwrap();
        let mut crc = Crc::new();
        crc.update(content);
        let at = all.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        common.extend(crc.sum().to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        all.extend(b"PK\x03\x04");
        all.extend(&common);
        all.extend(name.as_bytes());
        all.extend(data);
        list.extend(b"PK\x01\x02\x14\x00");
        list.extend(&common);
        list.extend([0; 10]);
        list.extend(at.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (at, size, count) = (all.len() as u32, list.len() as u32, parts.len() as u16);
    all.extend(list);
    all.extend(b"PK\x05\x06\0\0\0\0");
    all.extend(count.to_le_bytes());
    all.extend(count.to_le_bytes());
    all.extend(size.to_le_bytes());
    all.extend(at.to_le_bytes());
    all.extend([0, 0]);
    file(&all)
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

const STRINGS: &str = r#"<sst><si><t>sku</t></si><si><t>qty</t></si><si><r><t>商品</t></r><r><t xml:space="preserve"> A&amp;B</t></r><rPh><t>no</t></rPh></si><si><t>00123</t></si><si><t>x_x000D_y_xZ</t></si></sst>"#;

fn book(rows: &str) -> Vec<(&'static str, Vec<u8>)> {
    let sheet = format!(
        r#"<?xml version="1.0"?><worksheet xmlns="s"><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>"#
    );
    vec![
        ("_rels/.rels", br#"<Relationships><Relationship Id="a" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.to_vec()),
        ("xl/workbook.xml", br#"<workbook xmlns:r="r"><sheets><sheet name="Stock" sheetId="1" r:id="rId1"/><sheet name="Other" sheetId="2" r:id="rId2"/></sheets></workbook>"#.to_vec()),
        ("xl/_rels/workbook.xml.rels", br#"<Relationships><Relationship Id="rId1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://x/worksheet" Target="/xl/worksheets/sheet2.xml"/><Relationship Id="rId3" Type="http://x/styles" Target="styles.xml"/><Relationship Id="rId4" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#.to_vec()),
        ("xl/styles.xml", br#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="00000"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>"#.to_vec()),
        ("xl/sharedStrings.xml", STRINGS.into()),
        ("xl/worksheets/sheet1.xml", sheet.into_bytes()),
        ("xl/worksheets/sheet2.xml", br#"<worksheet><sheetData><row><c t="inlineStr"><is><t>n</t></is></c></row><row><c><v>1</v></c></row></sheetData></worksheet>"#.to_vec()),
    ]
}

fn rows(file: File, reading: &Reading) -> Result<Vec<String>, Failure> {
    let mut reader = Reader::new(file, "stock.xlsx", reading)?;
    let mut all = Vec::new();
    while let Some(row) = reader.next_row()? {
        all.push(match row {
            Row::Good(record) => format!("{} {}", record.line, record.json),
            Row::Bad(bad) => format!("{}:{:?} {}", bad.line, bad.column, bad.problem),
        });
    }
    Ok(all)
}

const HEAD: &str =
    r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" s="1"/></row>"#;

#[test]
fn a_sheets_cells_are_the_texts_that_people_see() {
    let sheet = format!(
        r#"{HEAD}<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>5</v></c></row>
        <row r="4"><c r="B4" s="1"><f>TODAY()</f><v>46082</v></c></row>
        <row r="5"><c r="A5" s="2"><v>123</v></c><c r="B5" t="b"><v>1</v></c></row>
        <row r="6"/><row r="7"><c r="A7" t="s"><v>4</v></c><c t="str"><f>"a"</f><v>a&lt;b&#20013;</v></c></row>"#
    );
    assert_eq!(
        rows(packed(&book(&sheet)), &Reading::default()).unwrap(),
        [
            r#"2 {"sku":"商品 A&B","qty":"5"}"#,
            r#"4 {"sku":"","qty":"2026-03-01"}"#,
            r#"5 {"sku":"00123","qty":"true"}"#,
            r#"7 {"sku":"x\ry_xZ","qty":"a<b中"}"#,
        ]
    );
}

#[test]
fn a_bad_cell_is_told_by_its_place() {
    let sheet = format!(
        r#"{HEAD}<row r="2"><c r="A2"><v>6.9123456789012296E+18</v></c></row>
        <row r="3"><c r="B3" t="e"><v>#N/A</v></c></row><row r="4"><c r="A4" t="s"><v>99</v></c></row>
        <row r="5"><c r="AB5"><v>1</v></c></row><row r="6"><c r="A6"><v>6</v></c></row>"#
    );
    let found = rows(packed(&book(&sheet)), &Reading::default()).unwrap();
    assert!(found[0].starts_with("2:Some(1) cell A2: 6.9123456789012296E+18 has more digits"));
    assert_eq!(found[1], "3:Some(2) cell B3: the cell shows the error #N/A");
    assert!(found[2].starts_with("4:Some(1) cell A4: the cell's text is missing"));
    assert_eq!(
        found[3],
        "5:Some(3) it has a value in column C, which has no name"
    );
    assert_eq!(found[4], r#"6 {"sku":"6","qty":""}"#);
}

#[test]
fn a_sheet_is_found_by_its_name() {
    let reading = |sheet: &str| Reading {
        sheet: Some(sheet.into()),
        ..Reading::default()
    };
    let found = rows(packed(&book(HEAD)), &reading("Other")).unwrap();
    assert_eq!(found, [r#"2 {"n":"1"}"#]);
    let said = rows(packed(&book(HEAD)), &reading("Stok")).unwrap_err();
    assert_eq!(
        said.sentence,
        r#"the workbook has no sheet "Stok": it has "Stock", "Other""#
    );
}

#[test]
fn what_is_no_workbook_is_refused_in_words() {
    let whole = {
        use std::io::{Read, Seek};
        let mut file = packed(&book(HEAD));
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let mut damaged = whole.clone();
    let at = damaged.windows(9).position(|w| w == b"sheet1.xm").unwrap() + 12;
    damaged[at + 20] ^= 0x55;
    for (bytes, why) in [
        (Vec::new(), "list of parts is missing"),
        (b"sku,qty\n1,2\n".to_vec(), "list of parts is missing"),
        (b"\xd0\xcf\x11\xe0 old".to_vec(), "save it as .xlsx"),
        (
            whole[..whole.len() - 30].to_vec(),
            "list of parts is missing",
        ),
        (damaged, "cannot be read"),
    ] {
        let failure = rows(file(&bytes), &Reading::default()).unwrap_err();
        assert!(failure.sentence.contains(why), "{failure}");
        assert_eq!(failure.kind, crate::FailureKind::Content);
    }
    // Whatever bytes come, the answer is a sentence.
    for cut in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[cut] = bytes[cut].wrapping_add(1);
        let _ = rows(file(&bytes), &Reading::default());
    }
}

#[test]
fn what_unpacks_to_very_much_is_not_kept() {
    // 100 KB that become 96 MB of one text.
    let mut parts = book(HEAD);
    let mut bomb = b"<sst><si><t>".to_vec();
    bomb.resize(96 << 20, b'a');
    parts[4].1 = bomb;
    let failure = rows(packed(&parts), &Reading::default()).unwrap_err();
    assert!(
        failure.sentence.contains("more than 2097152 bytes"),
        "{failure}"
    );

    let sheet = format!(
        r#"{HEAD}<row r="2"><c r="A2"><v>{}</v></c></row>"#,
        "1".repeat(3 << 20)
    );
    let failure = rows(packed(&book(&sheet)), &Reading::default()).unwrap_err();
    assert_eq!(failure.kind, crate::FailureKind::Content);

    // A column far away takes no memory.
    let sheet =
        format!(r#"{HEAD}<row r="2"><c r="ZZZZZZZZ2"><v>1</v></c><c r="XFD2"><v>1</v></c></row>"#);
    assert!(
        rows(packed(&book(&sheet)), &Reading::default())
            .unwrap_err()
            .sentence
            .contains("columns")
    );
}

#[test]
fn columns_have_letters() {
    for (index, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
        assert_eq!(letters(index), name);
        assert_eq!(column(&format!("{name}7")), Some(index));
    }
    assert_eq!(column("7"), None);
}

#[test]
fn the_format_is_told_by_the_name() {
    let reader = Reader::new(packed(&book(HEAD)), "STOCK.XLSX", &Reading::default());
    assert!(reader.is_ok());
    assert_eq!(crate::Format::of_file("a.XLSX"), Some(Format::Xlsx));
}
