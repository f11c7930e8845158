//! Reads the files a connection's scripts consist of: mappings, replies, the
//! tests beside them, and lookup tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::connection::{ConnectionReader, stays_inside};
use super::did_you_mean::nearest_beside;
use super::disk::ReadError;
use super::mistakes::Report;
use super::reader::{Entry, Section, Typed};
use super::tables::{self, Format, MAX_IN_CONTEXT, MAX_PER_CONNECTION, MAX_PER_TENANT, MAX_TABLE};
use super::{MIB, ScriptSource, TableSource, TestSource};
use crate::problem::{Place, Problem};

/// Largest script; compiled ones take many times that.
const MAX_SCRIPT: usize = MIB;

/// Largest file of tests.
const MAX_TESTS: usize = MIB;

/// Which tests beside a script are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Those that the tenant requires.
    Required,
    /// Any that there are, since what they expect has to fit what comes next.
    Read,
}

impl ConnectionReader<'_, '_> {
    /// The scripts of `mappings` or `replies`, by operation.
    pub(super) fn scripts(
        &mut self,
        section: &mut Section,
        key: &'static str,
        report: &mut Report,
    ) -> BTreeMap<String, ScriptSource> {
        let mut scripts = BTreeMap::new();
        if let Some(table) = section.section(report, key) {
            for entry in table.entries() {
                if let Some(script) = self.script(&entry, report) {
                    scripts.insert(entry.name.to_owned(), script);
                }
            }
        }
        scripts
    }

    fn script(&mut self, entry: &Entry, report: &mut Report) -> Option<ScriptSource> {
        let DeValue::String(_) = entry.value.value else {
            // `stock.update = …` without quotes is a table in TOML.
            let detail = "must be the file name of a script; an operation's name is \
                          written in quotes, as in \"stock.update\" = \"stock.jq\".";
            entry.value.refuse(report, "config-wrong-type", detail);
            return None;
        };
        let typed = entry.value.string(report)?;
        self.script_file(&typed, Beside::Required, report)
    }

    /// A script by its file's name, with the tests beside it.
    pub(super) fn script_file(
        &mut self,
        typed: &Typed<&str>,
        beside: Beside,
        report: &mut Report,
    ) -> Option<ScriptSource> {
        let path = self.dir.join(typed.value);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let Some(extension) = extension.filter(|extension| !extension.is_empty()) else {
            let detail = "must be a file name with an extension, which says the language, \
                          as in \"stock.jq\".";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        };
        let bytes = self.inside(typed, &path, "script", MAX_SCRIPT, report)?;
        let text = utf8(typed, &path, "script", &bytes, report)?;
        let tests = match beside {
            _ if self.require_tests => Some(self.tests(typed, &path, report)?),
            Beside::Read if self.has_tests(&path) => Some(self.tests(typed, &path, report)?),
            _ => None,
        };
        Some(ScriptSource {
            extension: extension.to_owned(),
            text: text.into(),
            path,
            tests,
        })
    }

    /// Whether there are tests beside a script. Where there are none, it is noted
    /// that some may come.
    fn has_tests(&mut self, script: &Path) -> bool {
        let path = tests_beside(script);
        let missing = path.try_exists().is_ok_and(|exists| !exists);
        if missing {
            self.disk.note_missing(&path);
        }
        !missing
    }

    /// The tests beside a script, which have to be there.
    fn tests(
        &mut self,
        typed: &Typed<&str>,
        script: &Path,
        report: &mut Report,
    ) -> Option<TestSource> {
        let path = tests_beside(script);
        if path.try_exists().is_ok_and(|exists| !exists) {
            self.disk.note_missing(&path);
            let detail = format!(
                "names a script without tests: `require_tests` is set, and {} does not exist.",
                path.display()
            );
            typed.refuse(report, "script-tests-missing", detail);
            return None;
        }
        let bytes = self.inside(typed, &path, "tests", MAX_TESTS, report)?;
        let text = utf8(typed, &path, "tests", &bytes, report)?;
        Some(TestSource {
            text: text.into(),
            path,
        })
    }

    /// The lookup tables, by name, and those of which the file is no table.
    pub(super) fn tables(
        &mut self,
        section: &mut Section,
        report: &mut Report,
    ) -> (BTreeMap<String, TableSource>, BTreeMap<String, Problem>) {
        let mut read = BTreeMap::new();
        let mut bad = BTreeMap::new();
        let (mut bytes, mut in_context) = (0, 0);
        let Some(tables) = section.section(report, "tables") else {
            return (read, bad);
        };
        for entry in tables.entries() {
            if !is_table_name(entry.name) {
                let detail = "cannot name a table: a name is 1 to 63 letters, digits and underscores \
                              and does not start with a digit.";
                entry.value.refuse(report, "config-bad-name", detail);
                continue;
            }
            let table = match self.table(&entry, report) {
                Some(Ok(table)) => table,
                Some(Err(problem)) => {
                    bad.insert(entry.name.to_owned(), problem);
                    continue;
                }
                None => continue,
            };
            let has = table.table.in_context().map_or(0, |json| json.get().len());
            let held = bytes + table.table.held_bytes();
            let too_much = match () {
                () if in_context + has > MAX_IN_CONTEXT => Some(format!(
                    "those tables of one connection that its scripts get as a whole may have {} MiB together, as JSON",
                    MAX_IN_CONTEXT / MIB
                )),
                () if held > MAX_PER_CONNECTION => Some(format!(
                    "the tables of one connection may take {} MiB together",
                    MAX_PER_CONNECTION / MIB
                )),
                () if !self.held.add(&table.table) => Some(format!(
                    "the tables of one tenant may take {} MiB together",
                    MAX_PER_TENANT / MIB
                )),
                () => None,
            };
            if let Some(why) = too_much {
                let detail = format!("`{}` is too much: {why}.", entry.value.key);
                let problem = Problem::host("config-table-too-large", detail);
                bad.insert(
                    entry.name.to_owned(),
                    problem.place(Place::whole(&table.path)),
                );
                continue;
            }
            (bytes, in_context) = (held, in_context + has);
            read.insert(entry.name.to_owned(), table);
        }
        (read, bad)
    }

    /// A table, or what is wrong with its rows; nothing where something else is
    /// wrong, which is reported.
    fn table(
        &mut self,
        entry: &Entry,
        report: &mut Report,
    ) -> Option<Result<TableSource, Problem>> {
        let typed = entry.value.string(report)?;
        let path = self.dir.join(typed.value);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let format = match extension {
            Some("csv") => Format::Csv,
            Some("json") => Format::Json,
            _ => {
                let detail = "must be a file whose name ends in .csv or .json.";
                typed.refuse(report, "config-bad-value", detail);
                return None;
            }
        };
        if let Some(table) = self.tables_read.get(&path).cloned() {
            return Some(Ok(TableSource { path, table }));
        }
        let real_path = self.real_path(&typed, &path, "table", report)?;
        let (bytes, digest) = match self.disk.read_digested(&path, &real_path, MAX_TABLE) {
            Ok(read) => read,
            // It grew: what was read of it before is better than nothing of the tenant.
            Err(error @ ReadError::TooLarge { .. }) => {
                let detail = format!("`{}`: the file {error}.", typed.key);
                let problem = Problem::host("config-table-too-large", detail);
                return Some(Err(problem.place(Place::whole(&path))));
            }
            Err(error) => {
                let detail = format!("names the table {}, which {error}.", path.display());
                typed.refuse(report, error.code(), detail);
                return None;
            }
        };
        let text = utf8(&typed, &path, "table", &bytes, report)?;
        Some(match tables::read(text, digest, format) {
            Ok(table) => {
                self.tables_read.insert(path.clone(), table.clone());
                Ok(TableSource { path, table })
            }
            Err(wrong) => {
                let detail = format!("`{}`: {}", typed.key, wrong.detail);
                let place = Place {
                    line: wrong.line,
                    column: wrong.column,
                    ..Place::whole(&path)
                };
                Err(Problem::host("config-bad-table", detail).place(place))
            }
        })
    }

    /// A file inside the tenant's folder.
    fn inside(
        &mut self,
        typed: &Typed<&str>,
        path: &Path,
        what: &str,
        most: usize,
        report: &mut Report,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let real_path = self.real_path(typed, path, what, report)?;
        match self.disk.read(path, &real_path, most) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let detail = format!("names the {what} {}, which {error}.", path.display());
                typed.refuse(report, error.code(), detail);
                None
            }
        }
    }

    /// The file that was probably meant, where there is one inside the tenant's folder.
    fn beside(&self, typed: &Typed<&str>, path: &Path) -> Option<String> {
        let folder = path.parent()?.canonicalize().ok()?;
        let inside = folder.starts_with(self.real_dir.as_ref()?);
        let meant = inside.then(|| nearest_beside(typed.value, path, false))??;
        Some(format!("did you mean `{meant}`?"))
    }

    /// The file's real path, when that is inside the tenant's folder. Links
    /// that stay inside are how Kubernetes mounts a folder; a link that leads
    /// out would let one tenant's folder show another's files.
    fn real_path(
        &mut self,
        typed: &Typed<&str>,
        path: &Path,
        what: &str,
        report: &mut Report,
    ) -> Option<PathBuf> {
        let outside = "must be a file inside the tenant's own folder.";
        if !stays_inside(Path::new(typed.value)) {
            typed.refuse(report, "config-bad-value", outside);
            return None;
        }
        let real_path = match path.canonicalize() {
            Ok(real_path) => real_path,
            Err(error) => {
                let why = error.to_string();
                let (code, why) = if self.disk.note_unresolved(path, error) {
                    let meant = self.beside(typed, path);
                    let meant = meant.map_or_else(String::new, |it| format!("; {it}"));
                    ("config-file-missing", format!("does not exist{meant}"))
                } else {
                    ("config-unreadable", format!("cannot be read ({why})"))
                };
                let end = if why.ends_with('?') { "" } else { "." };
                let detail = format!("names the {what} {}, which {why}{end}", path.display());
                typed.refuse(report, code, detail);
                return None;
            }
        };
        let inside = self
            .real_dir
            .as_ref()
            .is_some_and(|dir| real_path.starts_with(dir));
        if !inside {
            self.disk.note_missing(path);
            typed.refuse(report, "config-bad-value", outside);
            return None;
        }
        Some(real_path)
    }
}

/// `stock.test.json` beside `stock.jq`.
pub fn tests_beside(script: &Path) -> PathBuf {
    script.with_extension("test.json")
}

fn utf8<'b>(
    typed: &Typed<&str>,
    path: &Path,
    what: &str,
    bytes: &'b [u8],
    report: &mut Report,
) -> Option<&'b str> {
    let text = std::str::from_utf8(bytes).ok();
    if text.is_none() {
        let detail = format!(
            "names the {what} {}, which is not UTF-8 text; save it as UTF-8.",
            path.display()
        );
        typed.refuse(report, "config-unreadable", detail);
    }
    // Editors put it in front of text; it belongs to no language.
    text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A name that can be written after a dot in any language.
fn is_table_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config::tenant_file::load_tenant_with;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_script_its_tests_or_a_table() {
        let tenants = tempfile::tempdir().unwrap();
        let dir = tenants.path().join("acme");
        fs::create_dir(&dir).unwrap();
        let tenant = "require_tests = true
[connections.shop]
adapter = \"lingzhi\"
base_url = \"https://shop.example\"
mappings = { \"stock.update\" = \"stock.jq\" }
tables = { a = \"a.csv\", b = \"b.json\" }
";
        for (name, text) in [
            ("tenant.toml", tenant),
            ("stock.jq", "\u{feff}.sku"),
            ("stock.test.json", "\u{feff}{\"cases\":[]}"),
            ("a.csv", "\u{feff}code,zip\n007,010\n"),
            ("b.json", "\u{feff}{\"x\":1}"),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
        let loaded = load_tenant_with(&dir, &|_| None).result.unwrap();
        let shop = &loaded.connections["shop"];
        let script = &shop.mappings["stock.update"];
        assert_eq!(&*script.text, ".sku");
        assert_eq!(&*script.tests.as_ref().unwrap().text, "{\"cases\":[]}");
        let row = r#"{"007":{"code":"007","zip":"010"}}"#;
        let text = |name: &str| {
            let text = shop.tables[name].table.in_context();
            text.expect("a small table").get().to_owned()
        };
        assert_eq!(text("a"), row);
        assert_eq!(text("b"), r#"{"x":1}"#);
    }
}
