//! The example adapters, built with the tools of their languages, held to their
//! golden examples in the sandbox and tried with what their authors did not
//! think of; and the own tests of the SDKs for other languages.
//!
//! What a machine has no tools for is said by name; `cargo xtask test` gets what
//! the registries have.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crossdock_tests::guests::{program, target_dir};
use tempfile::TempDir;

/// The repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the repository")
}

fn example(name: &str) -> PathBuf {
    root().join("examples/adapters").join(name)
}

fn example_file(below: &str) -> PathBuf {
    example("").join(below)
}

/// The PATH with the folder of the tests' own tools before it.
fn path() -> std::ffi::OsString {
    let tools = target_dir().join("tools/bin");
    let tools = tools.canonicalize().unwrap_or(tools);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("a PATH")
}

/// Runs a program in a folder to its end, and gives what it printed.
fn run<A: AsRef<OsStr>>(dir: &Path, name: impl AsRef<OsStr>, arguments: &[A]) -> String {
    let name = name.as_ref();
    let output = Command::new(name)
        .args(arguments)
        .current_dir(dir)
        .env("PATH", path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("VIRTUAL_ENV")
        .env_remove("CROSSDOCK_CONFIG")
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| panic!("{name:?} does not start: {error}"));
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (printed(&output.stdout), printed(&output.stderr));
    assert!(output.status.success(), "{name:?}:\n{stdout}\n{stderr}");
    stdout + &stderr
}

/// Whether a program is here and does what it is asked; else it is said what is
/// left out.
fn has(name: &str, question: &[&str], left_out: &str) -> bool {
    let asked = Command::new(name)
        .args(question)
        .env("PATH", path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let here = asked.is_ok_and(|status| status.success());
    if !here {
        println!("skipped: {left_out}: {name} is not here");
    }
    here
}

/// The files in a folder whose names end so, sorted.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a folder");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(end));
    files.sort();
    files
}

/// A copy of an example's folder as an author has it, with what it links to.
struct Copy {
    folder: TempDir,
    name: String,
}

impl Copy {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy(&example(name), &folder.path().join(name));
        // A Python component compiles for long on a machine that is busy, and
        // compiled code of other tests is worth having.
        // The runtime of JavaScript is among what was built.
        let plugins = target_dir().join("plugins");
        let plugins = plugins.canonicalize().unwrap_or(plugins);
        let config =
            format!("[plugins]\ndir = {plugins:?}\n\n[limits]\ncompile_timeout_ms = 900000\n");
        fs::write(folder.path().join("crossdock.toml"), config).expect("a file");
        let (code, data) = (target_dir().join("tests/code"), folder.path().join("data"));
        fs::create_dir_all(&code).expect("the folder of compiled code");
        fs::create_dir_all(&data).expect("a folder");
        let code = code.canonicalize().expect("its path");
        std::os::unix::fs::symlink(code, data.join("code")).expect("a link");
        Self {
            folder,
            name: name.to_owned(),
        }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    fn crossdock(&self, arguments: &[&str]) -> String {
        let words = ["--config", "../crossdock.toml"].iter().chain(arguments);
        run(
            &self.dir(),
            program("crossdock"),
            &words.collect::<Vec<_>>(),
        )
    }

    /// Builds a component, runs its examples, and checks that it keeps the
    /// contract.
    fn builds_and_holds(&self) {
        let built = self.crossdock(&["plugin", "build"]);
        let component = format!("{}.wasm", self.name);
        let bytes = fs::metadata(self.dir().join(&component)).expect("a component");
        println!("{component}: {} KiB\n{built}", bytes.len() / 1024);
        let tested = self.crossdock(&["plugin", "test", &component]);
        assert!(!tested.contains("no example"), "{tested}");
        self.crossdock(&["plugin", "check", &component]);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        // Links are followed.
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("a copy");
        }
    }
}

#[test]
fn the_sdk_for_node_and_its_examples_hold() {
    let recent = "const [a, b] = process.versions.node.split('.'); process.exit(a > 20 || a == 20 && b > 5 ? 0 : 1)";
    if !has("node", &["-e", recent], "tests of plugins/sdk-js") {
        return;
    }
    let sdk = root().join("plugins/sdk-js");
    run(&sdk, "node", &["bundle.mjs", "--check"]);
    let mut tests = files(&sdk.join("test"), ".test.mjs");
    tests.extend(files(&example("signing"), ".test.mjs"));
    assert!(tests.len() >= 3, "{tests:?}");
    let words = ["--import", "./testing/register.mjs", "--test"].map(PathBuf::from);
    let words: Vec<PathBuf> = words.into_iter().chain(tests).collect();
    let said = run(&sdk, "node", &words);
    assert!(said.contains("# fail 0"), "{said}");
}

/// What an author's editor is told is true: the types fit the module, the
/// examples and the templates fit the types, and a mistake is found.
#[test]
fn the_types_of_the_sdk_for_javascript_hold() {
    if !has("tsc", &["--version"], "types of plugins/sdk-js") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let types = root().join("plugins/sdk-js/crossdock.d.ts");
    let put = |name: &str, text: &str| fs::write(dir.join(name), text).expect("a file");
    fs::copy(&types, dir.join("crossdock.d.ts")).expect("a copy");
    // Without `skipLibCheck`: the declarations themselves are looked at.
    put(
        "tsconfig.json",
        r#"{"compilerOptions": {"target": "es2022", "module": "esnext", "lib": ["es2023"], "types": [],
            "moduleResolution": "bundler", "strict": true, "noEmit": true}, "include": ["*.ts"]}"#,
    );
    // Each name that the module has is declared, and no other.
    let exported = run(
        &root().join("plugins/sdk-js"),
        "node",
        &[
            "--import",
            "./testing/register.mjs",
            "--input-type=module",
            "--eval",
            "import * as it from 'crossdock'; console.log(Object.keys(it).map((name) => JSON.stringify(name)).join(' | '))",
        ],
    );
    let names = format!(
        "type Declared = keyof typeof import(\"crossdock\");\ntype Exported = {};\n\
         export const undeclared: [Exclude<Exported, Declared>] extends [never] ? true : never = true;\n\
         export const missing: [Exclude<Declared, Exported>] extends [never] ? true : never = true;\n",
        exported.trim()
    );
    put("names.ts", &names);
    run(dir, "tsc", &["--project", "."]);

    for language in ["javascript", "typescript"] {
        let name = format!("{language}-shop");
        let new = ["plugin", "new", &name, "--lang", language];
        run(dir, program("crossdock"), &new);
        let project = dir.join(&name);
        let config = match language {
            "javascript" => "jsconfig.json",
            _ => "tsconfig.json",
        };
        let check = ["--noEmit", "--project", config];
        run(&project, "tsc", &check);
        if language == "javascript" {
            for example in ["price-board/price-board.js", "taobao/taobao.js"] {
                let name = Path::new(example).file_name().expect("a name");
                fs::copy(example_file(example), project.join(name)).expect("a copy");
            }
            run(&project, "tsc", &check);
            put(
                "javascript-shop/wrong.js",
                "import { outcome } from \"crossdock\";\noutcome.acepted({});\n",
            );
            let checked = Command::new("tsc")
                .args(check)
                .current_dir(&project)
                .env("PATH", path())
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&checked.stdout).into_owned();
            assert!(!checked.status.success(), "{said}");
            assert!(said.contains("wrong.js(2,9)"), "{said}");
        }
    }
}

#[test]
fn the_sdk_for_python_and_its_example_hold() {
    let recent = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
    if !has("python3", &recent, "tests of plugins/sdk-python") {
        return;
    }
    let discover = ["-m", "unittest", "discover", "-s", "tests"];
    let said = run(&root().join("plugins/sdk-python"), "python3", &discover);
    assert!(said.contains("\nOK"), "{said}");
    let said = run(&example("jd"), "python3", &["-m", "unittest", "test_app"]);
    assert!(said.contains("\nOK"), "{said}");
}

#[test]
fn the_helpers_for_c_hold() {
    if !has("cc", &["--version"], "tests of plugins/sdk-c") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let tests = folder.path().join("tests");
    let sdk = root().join("plugins/sdk-c");
    let words = "-Wall -Wextra -Werror -I bindings -I . tests/test_crossdock.c -o".split(' ');
    let mut words: Vec<PathBuf> = words.map(PathBuf::from).collect();
    words.push(tests.clone());
    let helpers = files(&sdk, ".c");
    assert!(helpers.len() > 3, "{helpers:?}");
    words.extend(helpers);
    run(&sdk, "cc", &words);
    assert_eq!(run(&sdk, &tests, &[] as &[&str]), "ok\n");
}

#[test]
fn examples_in_javascript_hold_as_source_and_as_a_component() {
    for name in ["price-board", "taobao"] {
        let copy = Copy::of(name);
        copy.crossdock(&["plugin", "test", "."]);
        copy.builds_and_holds();
    }
}

#[test]
fn an_example_in_python_is_built_and_holds() {
    if has("componentize-py", &["--version"], "examples/adapters/jd") {
        Copy::of("jd").builds_and_holds();
    }
}

#[test]
fn an_example_in_c_is_built_and_holds() {
    let left_out = "examples/adapters/wdt-enterprise";
    if has("clang", &["--version"], left_out) && has("wasm-ld", &["--version"], left_out) {
        Copy::of("wdt-enterprise").builds_and_holds();
    }
}

/// One set of examples for both languages.
#[test]
fn examples_in_rust_hold_what_those_in_javascript_do() {
    for (rust, other) in [
        ("price-board-rust", "price-board"),
        ("taobao-rust", "taobao"),
    ] {
        let component = target_dir().join(format!("guests/examples/{rust}.wasm"));
        let component = component.canonicalize().expect("a component");
        let component = component.to_string_lossy();
        let examples = example(other).join("examples");
        let examples = examples.to_string_lossy();
        let copy = Copy::of(other);
        copy.crossdock(&["plugin", "test", &component, "--examples", &examples]);
        copy.crossdock(&["plugin", "check", &component]);
    }
}
