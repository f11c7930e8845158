//! What clang and its linker say of common mistakes, in words that say what to
//! do. Their own lines are shown for everything else.

use super::super::tool::Told;

/// The functions of the contract, as the generated bindings call them: what
/// begins each name, and how each one is written.
const FUNCTIONS: &str = "exports_crossdock_adapter_adapter_";
const WRITTEN: [(&str, &str, &str); 4] = [
    ("describe", "void", "cd_json *ret"),
    (
        "map",
        "bool",
        "cd_context *ctx, cd_text *operation, cd_items *items, cd_mapped *ret, cd_fault *err",
    ),
    (
        "sign",
        "bool",
        "cd_context *ctx, cd_text *operation, cd_draft *draft, cd_edits *ret, cd_fault *err",
    ),
    (
        "parse_response",
        "bool",
        "cd_context *ctx, cd_text *operation, cd_request *request, cd_reply *reply, cd_parsed *ret, cd_fault *err",
    ),
];

/// Headers of the SDK, which come with its folder.
const OWN: [&str; 3] = ["crossdock.h", "platform.h", "inner.h"];

/// Headers of a C library that is not here.
const LIBRARY: [&str; 19] = [
    "assert.h",
    "complex.h",
    "ctype.h",
    "errno.h",
    "fenv.h",
    "inttypes.h",
    "locale.h",
    "math.h",
    "pthread.h",
    "setjmp.h",
    "signal.h",
    "stdio.h",
    "strings.h",
    "threads.h",
    "time.h",
    "uchar.h",
    "unistd.h",
    "wchar.h",
    "wctype.h",
];

/// What there is instead of a C library.
const INSTEAD: &str = "there is no C library but `sdk/libc`, which has memory (<stdlib.h>) and strings (<string.h>); <stdint.h>, <stdbool.h> and <stddef.h> are the compiler's";

/// What both said, told.
pub(super) fn told(said: &str) -> Told {
    let mut told = Told::default();
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(sentence) = header(line) {
            told.add(sentence);
            // The line of the source, and the mark under it.
            for _ in 0..2 {
                lines.next_if(|next| !is_message(next));
            }
        } else if let Some(sentence) = symbol(line) {
            told.add(sentence);
        } else if !is_count(line) {
            told.rest.push_str(line);
            told.rest.push('\n');
        }
    }
    told
}

/// A header that was not found.
fn header(line: &str) -> Option<String> {
    let (place, rest) = line.split_once(": fatal error: '")?;
    let (name, _) = rest.split_once("' file not found")?;
    Some(if OWN.contains(&name) {
        format!(
            "{place}: `{name}` is not here: the SDK lies in `sdk/`, which `crossdock plugin new --lang c` writes"
        )
    } else if LIBRARY.contains(&name) || name.starts_with("sys/") {
        format!("{place}: `{name}` is not here: {INSTEAD}")
    } else {
        format!(
            "{place}: `{name}` is not here: headers are looked for in each folder of C files, and in `include` beside them"
        )
    })
}

/// A function or a value that the linker did not find.
fn symbol(line: &str) -> Option<String> {
    let (_, name) = line.split_once(": undefined symbol: ")?;
    let name = name.trim();
    if let Some((function, result, parameters)) = name
        .strip_prefix(FUNCTIONS)
        .and_then(|name| WRITTEN.iter().find(|(function, ..)| *function == name))
    {
        return Some(format!(
            "the adapter has no `{}`: write `{result} {name}({parameters})`",
            function.replace('_', "-")
        ));
    }
    Some(match name {
        "MANIFEST" => "there is no manifest.json in the adapter's folder: write it, and the build makes the text `MANIFEST` of it".to_owned(),
        _ if name.starts_with("cd_") => {
            format!("`{name}` is called, and `sdk/` has no such helper: sdk/crossdock.h names all of them")
        }
        _ if name.starts_with("__") => format!(
            "the code needs `{name}`, a part of the compiler's own library, which is not here: 128-bit integers and `long double` take it; use `uint64_t` or `double`"
        ),
        _ => format!(
            "`{name}` is used, and no C file of the folder has it: {INSTEAD}; write it, or do without it"
        ),
    })
}

/// Whether a line begins a message of its own.
fn is_message(line: &str) -> bool {
    [": error: ", ": warning: ", ": fatal error: ", ": note: "]
        .iter()
        .any(|kind| line.contains(kind))
}

/// How many messages there were, or that there were some.
fn is_count(line: &str) -> bool {
    line.ends_with(" generated.") || line.contains(": error: linker command failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_missing_is_named_with_what_to_write() {
        let said = "wasm-ld: error: /tmp/platform-e2cb4c.o: undefined symbol: exports_crossdock_adapter_adapter_sign\n\
                    wasm-ld: error: /tmp/platform-e2cb4c.o: undefined symbol: exports_crossdock_adapter_adapter_sign\n\
                    wasm-ld-14: error: /tmp/shop-1.o: undefined symbol: MANIFEST\n\
                    clang: error: linker command failed with exit code 1 (use -v to see invocation)\n";
        let told = told(said);
        let sentence = "the adapter has no `sign`: write `bool exports_crossdock_adapter_adapter_sign(\
                        cd_context *ctx, cd_text *operation, cd_draft *draft, cd_edits *ret, cd_fault *err)`";
        assert_eq!(told.rest, "");
        assert_eq!(told.sentences.len(), 2, "{told:?}");
        assert_eq!(told.sentences[0], sentence);
        assert!(told.sentences[1].starts_with("there is no manifest.json"));
    }

    #[test]
    fn what_no_library_here_has_is_said() {
        for (name, part) in [
            (
                "printf",
                "`printf` is used, and no C file of the folder has it: there is no C library but `sdk/libc`",
            ),
            (
                "__multi3",
                "the code needs `__multi3`, a part of the compiler's own library",
            ),
            (
                "cd_jsn",
                "`cd_jsn` is called, and `sdk/` has no such helper",
            ),
            (
                "exports_crossdock_adapter_adapter_parse_response",
                "the adapter has no `parse-response`: write `bool exports_",
            ),
        ] {
            let told = told(&format!(
                "wasm-ld: error: /tmp/x.o: undefined symbol: {name}\n"
            ));
            assert!(told.sentences[0].starts_with(part), "{told:?}");
        }
    }

    #[test]
    fn a_header_that_is_missing_is_said_and_the_tools_other_lines_stay() {
        let said = "shop.c:3:10: fatal error: 'stdio.h' file not found\n\
                    #include <stdio.h>\n         ^~~~~~~~~\n1 error generated.\n\
                    other.c:5:3: error: use of undeclared identifier 'x'\n  x = 1;\n  ^\n1 error generated.\n\
                    third.c:1:10: fatal error: 'crossdock.h' file not found\n\
                    last.c:1:10: fatal error: 'mine.h' file not found\n";
        let told = told(said);
        assert_eq!(
            told.rest,
            "other.c:5:3: error: use of undeclared identifier 'x'\n  x = 1;\n  ^\n"
        );
        let begin = [
            "shop.c:3:10: `stdio.h` is not here: there is no C library but `sdk/libc`",
            "third.c:1:10: `crossdock.h` is not here: the SDK lies in `sdk/`",
            "last.c:1:10: `mine.h` is not here: headers are looked for in each folder",
        ];
        assert_eq!(told.sentences.len(), begin.len(), "{told:?}");
        for (sentence, begin) in told.sentences.iter().zip(begin) {
            assert!(sentence.starts_with(begin), "{sentence}");
        }
    }
}
