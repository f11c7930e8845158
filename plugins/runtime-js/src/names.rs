//! Misspelt names of what the SDK has: QuickJS says `not a function`, and no more.

use crate::modules;
use crate::place::{listed, nearest};
use crossdock_js_engine::Diagnostic;
use crossdock_js_engine::lexer::{Kind, Token, tokens};

/// How QuickJS says it.
const SAID: &str = "not a function";

/// The same diagnostic, or one that names the member of the SDK's which is called on
/// its line and is not there.
pub fn named(source: &str, diagnostic: Diagnostic) -> Diagnostic {
    let Some(kind) = diagnostic.message.strip_suffix(SAID) else {
        return diagnostic;
    };
    let word = |token: &Token| source.get(token.range.clone()).unwrap_or_default();
    let tokens = tokens(source);
    let called = tokens.windows(4).filter_map(|four| {
        let [object, dot, name, bracket] = four else {
            return None;
        };
        let is_call = object.kind == Kind::Word
            && name.kind == Kind::Member
            && (word(dot), word(bracket)) == (".", "(");
        let place = is_call.then(|| Diagnostic::at(source, name.range.start, ""))?;
        (place.line == diagnostic.line).then(|| (place.column, word(object), word(name)))
    });
    let missing = called.filter_map(|(column, object, name)| {
        let known = modules::members(object);
        let is_missing = !known.is_empty() && !known.contains(&name);
        is_missing.then_some((column.abs_diff(diagnostic.column), object, name, known))
    });
    let Some((_, object, name, known)) = missing.min_by_key(|(distance, ..)| *distance) else {
        return diagnostic;
    };
    let meant = match nearest(name, &known) {
        Some(near) => format!("did you mean `{object}.{near}`?"),
        None => format!("it has {}", listed(&known)),
    };
    Diagnostic {
        message: format!("{kind}`{object}` has no `{name}`; {meant}"),
        ..diagnostic
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Adapter;
    use crate::contract::{Context, Fault};

    /// What a `map` with this body says.
    fn said(body: &str) -> String {
        let text = format!(
            "import {{ batch, fault, outcome }} from 'crossdock';
export const manifest = {{ name: 'board', version: '1.0.0', operations: [], signs: false }};
export function map(context, operation, items) {{
{body}
}}
export function parseResponse() {{ return {{ outcomes: [] }}; }}
"
        );
        let context = Context {
            now_ms: 0,
            nonce: String::new(),
            settings: "{}".into(),
        };
        let adapter = Adapter::load("board.js", &text);
        let adapter = adapter.unwrap_or_else(|wrong| panic!("{}", wrong.message));
        match adapter.map(&context, "x", &[]) {
            Err(Fault::Other(said)) => said,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_misspelt_name_of_the_sdks_is_told() {
        for (body, expected) in [
            (
                "throw fault.invalidinput('/sku', 'no');",
                "TypeError: `fault` has no `invalidinput`; did you mean `fault.invalidInput`?",
            ),
            (
                "return items.concat(outcome.acepted({}));",
                "TypeError: `outcome` has no `acepted`; did you mean `outcome.accepted`?",
            ),
            (
                "throw fault.nothing();",
                "TypeError: `fault` has no `nothing`; it has `invalidInput`, `invalidSettings`, `invalidReply`, `unsupported` or `other`",
            ),
            (
                "return batch(items, { draft: () => null, sze: 50 });",
                "TypeError: `batch` has no option `sze`; did you mean `size`?",
            ),
            ("return items.nothing();", "TypeError: not a function"),
        ] {
            let said = said(body);
            assert!(
                said.starts_with("board.js:4:") && said.ends_with(expected),
                "{body}: {said}"
            );
        }
    }

    #[test]
    fn the_sdks_objects_have_their_members() {
        assert_eq!(modules::members("log"), ["debug", "info", "warn", "error"]);
        assert!(modules::members("keys").contains(&"sha256"));
        assert!(modules::members("json").contains(&"stringify"));
        assert!(modules::members("draft").contains(&"form"));
        for none in ["batch", "host", "made", ""] {
            assert!(modules::members(none).is_empty(), "{none}");
        }
    }
}
