//! Which functions there are: jaq's, without those that reach outside a
//! document, and a few of jq's that jaq does not have.

use crate::engine::Data;
use jaq_core::load::parse::Def;
use jaq_core::native::Fun;

/// Of jq's, absent from jaq.
const MORE: &str = "
def toarray: if isarray then . else [.] end;
def ascii: [.] | implode;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
";

/// What is not there: name, and what to do instead.
const ABSENT: [(&str, &str); 11] = [
    (
        "env",
        "a script has no environment; the connection's settings are in `$context`",
    ),
    (
        "$ENV",
        "a script has no environment; the connection's settings are in `$context`",
    ),
    ("input", "a script gets one document at a time, as `.`"),
    ("inputs", "a script gets one document at a time, as `.`"),
    (
        "input_line_number",
        "a script gets one document at a time, as `.`",
    ),
    (
        "input_filename",
        "a script gets one document at a time, as `.`",
    ),
    (
        "now",
        "a script has no clock; take a time from the document",
    ),
    (
        "localtime",
        "a script has no time zone; `gmtime` computes in UTC",
    ),
    (
        "strflocaltime",
        "a script has no time zone; `strftime` computes in UTC",
    ),
    (
        "halt",
        "`error(\"…\")` refuses a document and `empty` drops it",
    ),
    (
        "halt_error",
        "`error(\"…\")` refuses a document and `empty` drops it",
    ),
];

/// Definitions written in jq.
pub fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let more = jaq_core::load::parse(MORE, |parser| parser.defs()).unwrap_or_default();
    jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|definition| advice(definition.name).is_none())
        .chain(more)
}

/// Functions written in Rust.
pub fn functions() -> impl Iterator<Item = Fun<Data>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, _, _)| advice(name).is_none())
}

/// What to do instead of using this name, if it is one of jq's that is not
/// there.
pub fn advice(name: &str) -> Option<&'static str> {
    let found = ABSENT.iter().find(|(absent, _)| *absent == name);
    found.map(|(_, advice)| *advice)
}
