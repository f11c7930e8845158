//! `describe`: the manifest from files beside the adapter's source.

/// The text that `describe` returns, from the adapter's `manifest.json` and any
/// number of example files, each holding one golden example. Paths are relative
/// to the file that says `manifest!`.
///
/// The files say neither `version` nor `examples`: the version is
/// `CROSSDOCK_PLUGIN_VERSION` if that was set while compiling, or else the
/// crate's, and the examples are the files named here.
///
/// ```ignore
/// crossdock_adapter::manifest!(
///     "../manifest.json",
///     "../examples/two-stores.json",
///     "../examples/refused.json",
/// )
/// ```
#[macro_export]
macro_rules! manifest {
    ($manifest:literal $(, $example:literal)* $(,)?) => {
        $crate::manifest::assemble(
            include_str!($manifest),
            match option_env!("CROSSDOCK_PLUGIN_VERSION") {
                Some(version) => version,
                None => env!("CARGO_PKG_VERSION"),
            },
            &[$(include_str!($example)),*],
        )
    };
}

/// Puts version and examples in front of the members of a JSON object. A text
/// that is no object is returned as it is: the host says what is wrong with it.
pub fn assemble(manifest: &str, version: &str, examples: &[&str]) -> String {
    let trimmed = manifest.trim();
    let Some(members) = trimmed.strip_prefix('{') else {
        return trimmed.to_owned();
    };
    let version = serde_json::Value::from(version);
    let examples = examples.join(",");
    let comma = match members.trim_start() {
        "}" => "",
        _ => ",",
    };
    format!("{{\"version\":{version},\"examples\":[{examples}]{comma}{members}")
}

#[cfg(test)]
mod tests {
    use super::assemble;

    #[test]
    fn version_and_examples_are_put_in_front() {
        assert_eq!(
            assemble("\n{ \"name\": \"shop\" }\n", "1.2.3", &["{}", "{\"a\":1}"]),
            "{\"version\":\"1.2.3\",\"examples\":[{},{\"a\":1}], \"name\": \"shop\" }"
        );
        assert_eq!(
            assemble("{}", "1", &[]),
            "{\"version\":\"1\",\"examples\":[]}"
        );
    }
}
