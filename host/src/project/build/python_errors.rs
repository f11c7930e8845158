//! What an adapter in Python says when it is built, out of the tracebacks around
//! it; and a mistake that a build would not find at all.

use super::super::tool::Told;

/// Modules that send requests, which an adapter does not.
const SENDERS: [&str; 6] = ["aiohttp", "http", "httpx", "requests", "urllib", "urllib3"];

/// How the names of exceptions end.
const ENDS: [&str; 5] = ["Error", "Exception", "Exit", "Interrupt", "Fault"];

/// What componentize-py said, told: the last exception with its place in the
/// adapter. The rest is the tool's own stack and the same again.
pub(super) fn told(said: &str) -> Told {
    let mut told = Told::default();
    match last(said).or_else(|| without_class(said)) {
        Some(sentence) => told.add(sentence),
        None => said.clone_into(&mut told.rest),
    }
    told
}

/// The last exception that has a place in the adapter.
fn last(said: &str) -> Option<String> {
    let mut place = None;
    let mut found = None;
    for line in said.lines() {
        if line.contains("Traceback (most recent call last)") {
            // The next one may be the tool's own.
            place = None;
        } else if let Some((file, number)) = frame(line) {
            // The SDK's own lines help nobody.
            if !file.starts_with("crossdock_adapter/") {
                place = Some(format!("{file}:{number}"));
            }
        } else if let (Some(place), Some((kind, text))) = (&place, exception(line)) {
            found = Some(sentence(place, kind, text));
        }
    }
    found
}

/// The file and line of `  File "/0/app.py", line 12, in <module>`, without the
/// folder that the tool calls `/0`.
fn frame(line: &str) -> Option<(&str, &str)> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once('"')?;
    let (number, file) = path.strip_prefix('/')?.split_once('/')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let at = rest.strip_prefix(", line ")?;
    let at = at.split(',').next().unwrap_or(at).trim();
    is_number.then_some((file, at))
}

/// The name and the text of `TypeError: …`.
fn exception(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    // Of a list of causes: `0: TypeError: …`.
    let line = match line.split_once(": ") {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest.trim(),
        _ => line,
    };
    let (kind, text) = line.split_once(": ").unwrap_or((line, ""));
    let is_name = kind
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    let ends = ENDS.iter().any(|end| kind.ends_with(end));
    (is_name && ends && !text.starts_with("Traceback")).then_some((kind, text))
}

fn sentence(place: &str, kind: &str, text: &str) -> String {
    let quoted = |text: &str| text.split('\'').nth(1).unwrap_or(text).to_owned();
    if text.starts_with("the class `") {
        return format!("{place}: {text}");
    }
    match kind {
        "ModuleNotFoundError" => {
            let module = quoted(text);
            let first = module.split('.').next().unwrap_or(&module);
            let advice = if SENDERS.contains(&first) {
                "an adapter sends nothing by itself: `map` returns the requests, and the host sends them"
            } else if first == "crossdock_adapter" {
                "the SDK lies in the adapter's folder as `crossdock_adapter/`, and `crossdock plugin new --lang python` writes it"
            } else {
                "write its name as the file is called; it has to lie in the adapter's folder or be installed in its `.venv`"
            };
            format!("{place}: there is no module `{module}`: {advice}")
        }
        "ImportError" => {
            // Where the tool has the module: `(/0/shop.py)`.
            let text = text.split(" (/").next().unwrap_or(text);
            format!("{place}: {text}: write the name as the module has it")
        }
        _ if text.is_empty() => format!("{place}: {kind}"),
        _ => format!("{place}: {kind}: {text}"),
    }
}

/// A module without the class that the contract is made of.
fn without_class(said: &str) -> Option<String> {
    let missing = "has no attribute 'Adapter'";
    said.contains(missing).then(|| {
        "app.py has no class `Adapter`: write `class Adapter:` with `@component` above it"
            .to_owned()
    })
}

/// Where a class named `Adapter` stands without `@component`: the tool takes it,
/// and it has nothing of the contract. Only where that is certain.
pub(super) fn undecorated(source: &str) -> Option<String> {
    let mut above = "";
    let mut place = None;
    for (index, line) in source.lines().enumerate() {
        let code = line.split('#').next().unwrap_or(line).trim_end();
        if code.starts_with("Adapter =") || code.contains("component(") {
            return None;
        }
        if matches!(code, "class Adapter:" | "class Adapter():") {
            place = Some((index + 1, above.starts_with('@') || above.starts_with(')')));
        }
        if !code.is_empty() {
            above = code;
        }
    }
    // One that is written against the generated types says it all itself.
    let (line, decorated) = place?;
    let of_the_sdk = source.contains("crossdock_adapter") && !source.contains("def describe(");
    (of_the_sdk && !decorated).then(|| {
        format!("app.py:{line}: put `@component` above `class Adapter`, and import it from `crossdock_adapter`: without it the class is no adapter")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tool's own traceback around the interpreter's, and the causes again.
    fn said(inner: &str, last: &str) -> String {
        format!(
            "Traceback (most recent call last):\n  File \"/home/me/shop/.venv/bin/componentize-py\", line 8, in <module>\n    sys.exit(script())\n\
             AssertionError: Traceback (most recent call last):\n{inner}{last}\n\nCaused by:\n    0: {last}\n"
        )
    }

    #[test]
    fn the_last_line_of_a_traceback_is_told_with_its_place() {
        let import = "  File \"/0/app.py\", line 5, in <module>\n    import x\n";
        let own = "  File \"/0/app.py\", line 17, in <module>\n    @component\n  File \"/0/crossdock_adapter/component.py\", line 75, in component\n    _whole(adapter)\n";
        let missing = "the class `Adapter` has no `map` (there is `mapp`); write `def map(self, context, operation, items)`";
        for (inner, last, expected) in [
            (own, format!("TypeError: {missing}"), format!("app.py:17: {missing}")),
            (
                import,
                "ModuleNotFoundError: No module named 'requests'".into(),
                "app.py:5: there is no module `requests`: an adapter sends nothing by itself: `map` returns the requests, and the host sends them".into(),
            ),
            (
                import,
                "ModuleNotFoundError: No module named 'goods.rows'".into(),
                "app.py:5: there is no module `goods.rows`: write its name as the file is called; it has to lie in the adapter's folder or be installed in its `.venv`".into(),
            ),
            (
                import,
                "ImportError: cannot import name 'Acepted' from 'crossdock_adapter' (/0/crossdock_adapter/__init__.py)".into(),
                "app.py:5: cannot import name 'Acepted' from 'crossdock_adapter': write the name as the module has it".into(),
            ),
            (
                "  File \"/0/app.py\", line 14\n    def map(self:\n                ^\n",
                "SyntaxError: '(' was never closed".into(),
                "app.py:14: SyntaxError: '(' was never closed".into(),
            ),
            (import, "KeyError: 'a'".into(), "app.py:5: KeyError: 'a'".into()),
        ] {
            let around = said(inner, &last);
            let behind = format!(
                "Traceback (most recent call last):\n{inner}{last}\n{}",
                said("", "the module cannot be initialised")
            );
            for said in [around, behind] {
                let told = told(&said);
                assert_eq!((told.sentences, &*told.rest), (vec![expected.clone()], ""));
            }
        }
    }

    #[test]
    fn what_is_not_known_stays_the_tools() {
        let own = "Error: the world `platform` was not found\n";
        let told = told(own);
        assert_eq!((told.sentences, &*told.rest), (vec![], own));
        let none = super::told("AttributeError: module 'app' has no attribute 'Adapter'\n");
        assert!(
            none.sentences[0].starts_with("app.py has no class `Adapter`"),
            "{none:?}"
        );
    }

    #[test]
    fn a_class_without_its_decorator_is_found_and_no_other() {
        let import = "from crossdock_adapter import Mapped, component\n\n";
        let said = undecorated(&format!("{import}class Adapter:\n    manifest = {{}}\n"));
        let said = said.unwrap();
        assert!(
            said.starts_with("app.py:3: put `@component` above"),
            "{said}"
        );
        for right in [
            "@component\nclass Adapter:\n    pass\n",
            "@sdk.component\n\n# The adapter.\nclass Adapter:\n    pass\n",
            "class Adapter:\n    pass\n\nAdapter = component(Adapter)\n",
            "class Adapter(Base):\n    pass\n",
            "class Adapter:\n    def describe(self):\n        pass\n",
            "class Other:\n    pass\n",
        ] {
            assert_eq!(undecorated(&format!("{import}{right}")), None, "{right}");
        }
        assert_eq!(undecorated("class Adapter:\n    pass\n"), None);
    }
}
