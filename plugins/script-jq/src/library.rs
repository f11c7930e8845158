//! Which functions there are: jaq's, without those that reach outside a
//! document, a few of jq's that jaq does not have, and those that jaq has
//! otherwise than jq without saying so.
//!
//! | module | what is in it |
//! |---|---|
//! | `text` | text ↔ values |
//! | `patterns` | regular expressions |
//! | `dates` | dates with an offset |
//! | `own` | jaq's own functions over its values |

mod dates;
mod own;
mod patterns;
pub mod text;

use crate::engine::Data;
use crate::value::Value;
use jaq_core::DataT;
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, run};

/// Functions over values. (Of [`Data`] itself the compiler does not see that its
/// values are these.)
fn native<D: for<'a> DataT<V<'a> = Value>>() -> impl Iterator<Item = Fun<D>> {
    let text = text::functions().into_vec().into_iter();
    let patterns = patterns::functions().into_vec();
    let dates = dates::functions().into_vec();
    let own = own::functions().into_vec();
    text.chain(patterns).chain(dates).chain(own).map(run)
}

/// Of jaq's, replaced: by what stands in [`MORE`], or in Rust.
const REPLACED: &[(&str, usize)] = &[
    ("tonumber", 0),
    ("toboolean", 0),
    ("fromjson", 0),
    ("tostring", 0),
    ("tojson", 0),
    ("join", 1),
    ("matches", 2),
    ("split_matches", 2),
    ("split_", 2),
    ("strptime", 1),
    ("todateiso8601", 0),
    ("scan_", 2),
    ("scan", 1),
    ("scan", 2),
    ("@text", 0),
    ("@sh", 0),
];

/// Of jq's, absent from jaq or different there.
const MORE: &str = r#"
def @text: tostring;
def @csv: [.[] | escape_csv] | join(",");
def @tsv: [.[] | escape_tsv] | join("\t");
def @sh: [if isarray then .[] end
  | if isstring then "'" + escape_sh + "'"
    elif isarray or isobject then error("@sh cannot escape \(tojson)")
    else tostring end] | join(" ");
def scan(re; flags): matches(re; "g" + flags)[]
  | if length > 1 then [.[1:][].string] else .[0].string end;
def scan(re): scan(re; "");
def toarray: if isarray then . else [.] end;
def ascii: [.] | implode;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
"#;

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
        .filter(|definition| !is_replaced(definition.name, definition.args.len()))
        .chain(more)
}

fn is_replaced(name: &str, arguments: usize) -> bool {
    REPLACED.contains(&(name, arguments))
}

/// Functions written in Rust.
pub fn functions() -> impl Iterator<Item = Fun<Data>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .filter(|(name, arguments, _)| {
            advice(name).is_none() && !is_replaced(name, arguments.len())
        })
        .chain(native())
}

/// What to do instead of using this name, if it is one of jq's that is not
/// there.
pub fn advice(name: &str) -> Option<&'static str> {
    let found = ABSENT.iter().find(|(absent, _)| *absent == name);
    found.map(|(_, advice)| *advice)
}
