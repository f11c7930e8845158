//! JavaScript in its sandbox.
//!
//! The engine's own tests run natively. WebAssembly is another machine for
//! QuickJS (32 bits, values packed otherwise, another stack), so the same
//! tables are run here in the component.

/// As in the engine's tests.
macro_rules! yields {
    ($($name:ident: $source:expr, $document:expr => $expected:expr;)*) => {
        $(#[test] fn $name() {
            let source: &str = $source;
            let source = match source.contains("export") || source.contains("import x") {
                true => source.to_owned(),
                false => format!("export default {source}"),
            };
            assert_eq!(super::run(&source, $document).as_str(), AsRef::<str>::as_ref(&$expected));
        })*
    };
}

mod host;
mod sandbox;

use sandbox::{answers, run};

#[path = "../../../../plugins/script-js/src/engine/tests/confined.rs"]
mod confined;
#[path = "../../../../plugins/script-js/src/engine/tests/digits.rs"]
mod digits;
#[path = "../../../../plugins/script-js/src/engine/tests/language.rs"]
mod language;
#[path = "../../../../plugins/script-js/src/engine/tests/wrong.rs"]
mod wrong;
