//! The shape of the tables of scripts. They are run here natively, and in the
//! component by the end-to-end tests, which take this file, too.

/// `source` is the whole script, or what is exported as default.
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
