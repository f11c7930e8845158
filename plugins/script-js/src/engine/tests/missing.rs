//! What is not there is said, where something else would be given instead.

use super::run;

const NO_LOCALE: &str = "TypeError: a script has no languages and no time zones; toFixed, padStart and toISOString write formats";

yields! {
    no_formats_of_a_language: r#"({p}) => ({p: p.toLocaleString("en-US", {minimumFractionDigits: 2})})"#, r#"{"p":1234.5}"# => format!("1:32: {NO_LOCALE}");
    no_formats_of_any_language: "p => ({p: p.toLocaleString()})", "1234.5" => format!("1:28: {NO_LOCALE}");
    no_formats_of_long_ids: "p => ({p: p.toLocaleString('en-US')})", "3539925204033339668" => format!("1:28: {NO_LOCALE}");
    no_formats_of_lists: "p => ({p: p.toLocaleString('en-US')})", "[1234.5]" => format!("1:28: {NO_LOCALE}");
    no_zones: "t => ({t: new Date(t).toLocaleString('zh-CN', {timeZone: 'Asia/Shanghai'})})", "0" => format!("1:38: {NO_LOCALE}");
    no_days_of_a_language: "t => ({t: new Date(t).toLocaleDateString('zh-CN')})", "0" => format!("1:38: {NO_LOCALE}");
    no_times_of_a_language: "t => ({t: new Date(t).toLocaleTimeString()})", "0" => format!("1:38: {NO_LOCALE}");
    no_order_of_a_language: "x => ({x: x.sort((a, b) => a.localeCompare(b, 'zh'))})", r#"["红","白"]"# => format!("1:59: {NO_LOCALE}");
    no_order_by_options: "x => ({x: x.sort((a, b) => a.localeCompare(b, undefined, {numeric: true}))})", r#"["10","9"]"# => format!("1:62: {NO_LOCALE}");
    no_letters_of_a_language: "x => ({x: x.toLocaleLowerCase('tr')})", r#""I""# => format!("1:28: {NO_LOCALE}");
    no_intl: "p => ({p: new Intl.NumberFormat('en').format(p)})", "1" => "1:30: ReferenceError: Intl is not defined: `toFixed`, `padStart` and the like format numbers and text";
    no_temporal: "t => ({t: Temporal.Instant.from(t)})", "1" => "1:26: ReferenceError: Temporal is not defined: `new Date(…)` reads a time of the item, in UTC unless it has an offset";
    texts_are_compared_without_a_language: "x => ({x: x.sort((a, b) => a.localeCompare(b))})", r#"["b","红","a","白"]"# => r#"{"x":["a","b","白","红"]}"#;
    letters_without_a_language: "x => ({u: x.toLocaleUpperCase(), l: x.toLocaleLowerCase()})", r#""äI红""# => r#"{"u":"ÄI红","l":"äi红"}"#;
}

/// What `Date` makes of a text, by either way to it.
fn date(text: &str) -> String {
    let made = |expression: &str| {
        run(
            &format!(
                "export default d => {{ const t = {expression}; return {{t: isNaN(t) ? 'invalid' : new Date(t).toISOString()}}; }}"
            ),
            &format!("{text:?}"),
        )
    };
    let (parsed, constructed) = (made("Date.parse(d)"), made("+new Date(d)"));
    let told = |said: &str| said.split_once(": ").map(|(_, said)| said.to_owned());
    if parsed.starts_with('{') {
        assert_eq!(parsed, constructed, "{text}");
    } else {
        assert_eq!(told(&parsed), told(&constructed), "{text}");
    }
    parsed
}

#[test]
fn dates_in_known_formats_are_read() {
    for (text, time) in [
        ("2024", "2024-01-01T00:00:00.000Z"),
        ("2024-03", "2024-03-01T00:00:00.000Z"),
        ("2024-03-05", "2024-03-05T00:00:00.000Z"),
        ("2024/3/5", "2024-03-05T00:00:00.000Z"),
        (" 2024-02-29 ", "2024-02-29T00:00:00.000Z"),
        ("2024-03-05 08:30", "2024-03-05T08:30:00.000Z"),
        ("2024/03/05 8:30:00", "2024-03-05T08:30:00.000Z"),
        ("2024-03-05T08:30:00Z", "2024-03-05T08:30:00.000Z"),
        ("2024-03-05T08:30:00+08:00", "2024-03-05T00:30:00.000Z"),
        ("2024-03-05T08:30:00-0530", "2024-03-05T14:00:00.000Z"),
        ("2024-03-05 08:30:00 +0800", "2024-03-05T00:30:00.000Z"),
        (
            "2024-03-05T08:30:00.123456+08:00",
            "2024-03-05T00:30:00.123Z",
        ),
        ("2024-03-05T24:00:00", "2024-03-06T00:00:00.000Z"),
        ("5 Mar 2024", "2024-03-05T00:00:00.000Z"),
        ("Tue, 05 Mar 2024 08:30:00 GMT", "2024-03-05T08:30:00.000Z"),
        (
            "Tue, 05 Mar 2024 08:30:00 +0800",
            "2024-03-05T00:30:00.000Z",
        ),
        (
            "Tue Mar 05 2024 08:30:00 GMT+0800 (China Standard Time)",
            "2024-03-05T00:30:00.000Z",
        ),
    ] {
        assert_eq!(date(text), format!("{{\"t\":\"{time}\"}}"), "{text}");
    }
}

#[test]
fn dates_that_would_be_guessed_are_refused() {
    for text in [
        "05/03/2024",
        "3/5/2024",
        "2024.03.05",
        "2024-065",
        "99/1/1",
        "2024-03-05 08:30:00 CST",
        "2024-03-05 08:30:00 PM",
        "Foo 5 2024",
        "Mar 5, 2024",
        "March 5, 2024 08:30",
    ] {
        let said = date(text);
        let wanted = format!(
            "RangeError: '{text}' is no date that a script reads; write it as 2024-03-05T08:30:00+08:00"
        );
        assert!(said.ends_with(&wanted), "{said}");
    }
    for text in ["2024-02-30", "2023-02-29", "2024/4/31", "Sat Feb 30 2024"] {
        let said = date(text);
        let wanted = format!("RangeError: '{text}' is no time of the calendar");
        assert!(said.ends_with(&wanted), "{said}");
    }
}

#[test]
fn dates_that_cannot_be_read_are_invalid_ones() {
    for text in [
        "",
        "x",
        "20240305",
        "1709598600000",
        "2024年3月5日",
        "2024-13-05",
        "2024-03-05T25:00:00",
    ] {
        assert_eq!(date(text), r#"{"t":"invalid"}"#, "{text}");
    }
}
