//! `describe`: the manifest from files beside the adapter's source.

/// The text that `describe` returns, from the adapter's `manifest.json` and any
/// number of example files, each holding one golden example. An adapter with
/// many operations keeps each in a file of its own, too. Paths are relative to
/// the file that says `manifest!`.
///
/// The files say neither `version` nor `examples` (nor `operations`, where
/// these are files): the version is `CROSSDOCK_PLUGIN_VERSION` if that was set
/// while compiling, or else the crate's.
///
/// ```ignore
/// crossdock_adapter::manifest!(
///     "../manifest.json",
///     "../examples/two-stores.json",
///     "../examples/refused.json",
/// )
///
/// crossdock_adapter::manifest!(
///     "../manifest.json",
///     operations: ["../operations/stock.update.json", "../operations/sku.get.json"],
///     examples: ["../examples/two-stores.json"],
/// )
/// ```
#[macro_export]
macro_rules! manifest {
    ($manifest:literal $(, $example:literal)* $(,)?) => {
        $crate::manifest::assemble(
            include_str!($manifest),
            $crate::manifest!(@version),
            &[("examples", &[$(include_str!($example)),*])],
        )
    };
    (
        $manifest:literal,
        operations: [$($operation:literal),* $(,)?],
        examples: [$($example:literal),* $(,)?] $(,)?
    ) => {
        $crate::manifest::assemble(
            include_str!($manifest),
            $crate::manifest!(@version),
            &[
                ("operations", &[$(include_str!($operation)),*]),
                ("examples", &[$(include_str!($example)),*]),
            ],
        )
    };
    (@version) => {
        match option_env!("CROSSDOCK_PLUGIN_VERSION") {
            Some(version) => version,
            None => env!("CARGO_PKG_VERSION"),
        }
    };
}

/// Puts the version and lists of JSON values in front of the members of a JSON
/// object. A text that is no object is returned as it is: the host says what is
/// wrong with it.
pub fn assemble(manifest: &str, version: &str, lists: &[(&str, &[&str])]) -> String {
    let trimmed = manifest.trim();
    let Some(members) = trimmed.strip_prefix('{') else {
        return trimmed.to_owned();
    };
    let version = serde_json::Value::from(version);
    let lists: String = lists
        .iter()
        .map(|(name, values)| format!(",\"{name}\":[{}]", values.join(",")))
        .collect();
    let comma = match members.trim_start() {
        "}" => "",
        _ => ",",
    };
    format!("{{\"version\":{version}{lists}{comma}{members}")
}

#[cfg(test)]
mod tests {
    use super::assemble;

    #[test]
    fn version_and_examples_are_put_in_front() {
        assert_eq!(
            assemble(
                "\n{ \"name\": \"shop\" }\n",
                "1.2.3",
                &[("examples", &["{}", "{\"a\":1}"])]
            ),
            "{\"version\":\"1.2.3\",\"examples\":[{},{\"a\":1}], \"name\": \"shop\" }"
        );
        assert_eq!(
            assemble("{}", "1", &[("operations", &["{}"]), ("examples", &[])]),
            "{\"version\":\"1\",\"operations\":[{}],\"examples\":[]}"
        );
    }
}
