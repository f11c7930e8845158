//! Python: componentize-py makes the component, interpreter included.

use std::time::Duration;

use super::super::Project;
use super::super::component;
use super::super::tool::{self, Tool};
use super::{made, python_errors};
use crate::files::{self, Links};

/// The module that is the adapter.
const MODULE: &str = "app";

/// Largest module that is looked into.
const MOST_BYTES: u64 = 4 << 20;

/// Where an environment of the project's own has its programs.
const OWN: [&str; 4] = [".venv/bin", "venv/bin", ".venv/Scripts", "venv/Scripts"];

/// How the tool is installed, in an environment of the project's own: systems
/// refuse to have it beside their own packages.
const INSTALL: &str = "`python3 -m venv .venv && .venv/bin/pip install 'componentize-py==0.25.*'` in the adapter's folder installs it";

pub(super) async fn build(project: &Project, bound: Duration) -> Result<Vec<u8>, String> {
    let dir = &project.dir;
    let module = dir.join(format!("{MODULE}.py"));
    if !module.is_file() {
        return Err(format!(
            "{} is not there: it is the module that is the adapter",
            module.display()
        ));
    }
    // The build takes long, and would go well.
    if let Ok(source) = files::read(&module, MOST_BYTES, Links::Follow)
        && let Some(mistake) = python_errors::undecorated(&String::from_utf8_lossy(&source))
    {
        return Err(mistake);
    }
    let program = tool::find(dir, &OWN, &["componentize-py"])
        .ok_or_else(|| format!("componentize-py is not here: {INSTALL}"))?;
    let work = project.work()?;
    let wit = work.join("wit");
    std::fs::create_dir_all(&wit).map_err(super::super::cannot("made", &wit))?;
    let contract = wit.join("adapter.wit");
    std::fs::write(&contract, component::WIT)
        .map_err(super::super::cannot("written", &contract))?;
    let output = work.join("app.wasm");
    let relative = |path: &str| format!("{}/{path}", super::super::WORK);
    // An exception says enough by itself, without the tool's own stack.
    let mut tool = Tool::new(&program, dir).env("RUST_BACKTRACE", "0");
    // Packages of the environment that the tool is in.
    if let Some(environment) = program.ancestors().nth(2)
        && environment.join("pyvenv.cfg").is_file()
    {
        tool = tool.env("VIRTUAL_ENV", environment);
    }
    tool.args(["--quiet", "--wit-path", &relative("wit")])
        .args(["--world", component::WORLD, "componentize", MODULE])
        .args(["--python-path", ".", "--output", &relative("app.wasm")])
        .run_told(bound, python_errors::told)
        .await?;
    made(&output)
}

#[cfg(test)]
mod tests {
    use super::super::super::language::Language;
    use super::*;

    #[tokio::test]
    async fn what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project {
            dir: folder.path().to_owned(),
            name: "shop".into(),
            language: Language::Python,
            command: None,
            output: None,
        };
        let said = build(&project, Duration::from_secs(1)).await.unwrap_err();
        assert!(said.contains("app.py"), "{said}");
        let source = "from crossdock_adapter import Mapped\n\nclass Adapter:\n    pass\n";
        std::fs::write(folder.path().join("app.py"), source).unwrap();
        let said = build(&project, Duration::from_secs(1)).await.unwrap_err();
        assert!(said.starts_with("app.py:3: put `@component`"), "{said}");
    }
}
