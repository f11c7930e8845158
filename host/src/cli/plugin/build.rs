//! `crossdock plugin build`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::super::Global;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, count, note, print, sentence, size};
use super::authors;
use super::incomplete;
use super::installed;
use super::local::Local;
use super::watch;
use crate::config::HostConfig;
use crate::plugin::golden::ExampleFailed;
use crate::plugin::load::{Loaded, Refusal};
use crate::plugin::packed::SourceFile;
use crate::project::build::{self, Needs};
use crate::project::{EXAMPLES, Project, WORK, templates};

pub(super) const HELP: &str = "\
The language is told by the files of the folder, or by its crossdock.json. Its own tools are called, and what they say is
shown; the component is made, packed with the folder's examples, checked as a host checks it, and written as NAME.wasm.
Where only its examples do not hold, it is written, too, so that `crossdock plugin test --bless` can fill them in; the exit
code is 1 then, and nothing is installed.";

/// Shortest and longest time that a program may take, in seconds.
const BOUNDS: std::ops::RangeInclusive<u64> = 1..=86_400;

#[derive(Debug, Args)]
pub(in super::super) struct BuildArgs {
    /// The adapter's folder
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Also put it into the plugins folder: by default the one of crossdock.toml
    #[arg(long, value_name = "PLUGINS_DIR", num_args = 0..=1)]
    #[allow(clippy::option_option)] // Not given, given without a folder, with one.
    install: Option<Option<PathBuf>>,
    /// JavaScript and TypeScript: install the source and its examples instead of a component, for a host that has the runtime
    #[arg(long)]
    source: bool,
    /// Build again whenever a file is saved, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Longest that one program may take
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(*BOUNDS.start()..=*BOUNDS.end()))]
    timeout: u64,
}

/// What is needed for one build after the other.
pub(super) struct Builder {
    dir: PathBuf,
    /// Where the result also goes.
    install: Option<PathBuf>,
    source: bool,
    needs: Needs,
    local: Local,
    config: HostConfig,
}

/// What the steps of loading say of a component.
enum Verdict {
    /// A host takes it.
    Good(Loaded),
    /// It is right up to its examples: the first that does not hold, and the
    /// names of all.
    Examples {
        first: ExampleFailed,
        names: Vec<String>,
    },
}

/// What a build came to.
pub(super) struct Built {
    /// Where it was written, and where it was installed.
    files: Vec<PathBuf>,
    bytes: usize,
    loaded: Option<Loaded>,
}

pub(super) async fn run(global: &Global, args: &BuildArgs) -> Finished {
    let started = Instant::now();
    let builder = Builder::new(global.config()?, args)?;
    if args.watch {
        return watch::run(&builder, &args.dir).await;
    }
    match builder.build().await {
        Ok(built) => {
            print(&built.text(Paint::stdout(), started.elapsed()))?;
            Ok(Exit::Done)
        }
        Err(why) => Err(anyhow::anyhow!("{why}").into()),
    }
}

impl Builder {
    fn new(
        mut config: HostConfig,
        args: &BuildArgs,
    ) -> Result<Self, super::super::failure::Failure> {
        let install = match &args.install {
            None => None,
            Some(None) => Some(config.plugins_dir.clone()),
            Some(Some(dir)) => Some(dir.clone()),
        };
        if let Some(dir) = install.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(anyhow::anyhow!(
                "there is no plugins folder {}: run this where crossdock.toml is, or name the folder, as in `--install /srv/crossdock/plugins`",
                dir.display()
            )
            .into());
        }
        if args.source && install.is_none() {
            return Err(anyhow::anyhow!(
                "`--source` says what to install: add `--install` or `--install PLUGINS_DIR`"
            )
            .into());
        }
        // The host that it is installed for finds the code compiled; elsewhere
        // no folder is made that is not the adapter's.
        if !config.data_dir.is_dir() {
            config.data_dir = args.dir.join(WORK);
        }
        Ok(Self {
            dir: args.dir.clone(),
            install,
            source: args.source,
            needs: Needs {
                bound: Duration::from_secs(args.timeout),
                plugins_dir: config.plugins_dir.clone(),
            },
            local: Local::trying_again(&config)?,
            config,
        })
    }

    /// One build, from what lies on disk now. The file is replaced by one that
    /// was checked, or not at all; where only examples do not hold it is
    /// replaced, too: what fills them in runs the adapter that they are about.
    pub async fn build(&self) -> Result<Built, String> {
        let project = Project::read(&self.dir)?;
        judged(&project)?;
        if let (true, Some(install)) = (self.source, &self.install) {
            let source = build::source(&project, &self.needs).await?;
            let checked = self.check_source(&project, &source).await?;
            let file = install.join(&source.name);
            // The examples first: without its own a source would be served untried.
            let beside = installed::examples(&self.dir, &file)?;
            put(&file, source.text.as_bytes())?;
            return Ok(Built {
                files: std::iter::once(file).chain(beside).collect(),
                bytes: source.text.len(),
                loaded: checked,
            });
        }
        let component = build::build(&project, &self.needs).await?;
        let file = project.file();
        let verdict = self.check(&project, &component).await?;
        put(&file, &component)?;
        let checked = match verdict {
            Verdict::Good(loaded) => loaded,
            Verdict::Examples { first, names } => {
                let install = self.install.is_some();
                return Err(incomplete::told(&file, &self.dir, &first, &names, install));
            }
        };
        let mut files = vec![file];
        if let Some(install) = &self.install {
            let file = install.join(format!("{}.wasm", project.name));
            put(&file, &component)?;
            files.push(file);
        }
        Ok(Built {
            files,
            bytes: component.len(),
            loaded: Some(checked),
        })
    }

    /// Every step of loading, before anybody sees the file.
    async fn check(&self, project: &Project, component: &[u8]) -> Result<Verdict, String> {
        let candidate = project.work()?.join("candidate.wasm");
        put(&candidate, component)?;
        let loaded = self.local.load(&candidate).await;
        let names = match &loaded {
            // A host that could not run them says nothing about them.
            Err(Refusal::Example(first)) if !first.passing => {
                Some(incomplete::failing(&self.config, &candidate, first).await)
            }
            _ => None,
        };
        // A file that stays is no harm: it is not in a plugins folder.
        let _ = std::fs::remove_file(&candidate);
        let loaded = match (loaded, names) {
            (Err(Refusal::Example(first)), Some(names)) => {
                return Ok(Verdict::Examples { first, names });
            }
            (loaded, _) => loaded.map_err(|refusal| would_refuse(project, &refusal))?,
        };
        let named = &loaded.identity().name;
        if *named != project.name {
            note(&clean(&format!(
                "the manifest calls the adapter `{named}`, its file is {}.wasm; the manifest's name counts",
                project.name
            )));
        }
        Ok(Verdict::Good(loaded))
    }

    /// The same of a source beside its examples; nothing where nothing here runs
    /// it, since the host that will is perhaps elsewhere.
    async fn check_source(
        &self,
        project: &Project,
        source: &SourceFile,
    ) -> Result<Option<Loaded>, String> {
        let folder = project.work()?.join("candidate");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
        let candidate = folder.join(&source.name);
        put(&candidate, source.text.as_bytes())?;
        installed::examples(&self.dir, &candidate)?;
        let loaded = self.local.load_beside(&candidate).await;
        let _ = std::fs::remove_dir_all(&folder);
        match loaded {
            Ok(loaded) => Ok(Some(loaded)),
            Err(Refusal::NoRuntime { .. }) => Ok(None),
            Err(refusal) => Err(would_refuse(project, &refusal)),
        }
    }
}

/// Whether the manifest is right, where it is a file of its own, before a build
/// that may take a minute. A command of the author's may make another one of it.
fn judged(project: &Project) -> Result<(), String> {
    if project.command.is_some() {
        return Ok(());
    }
    let places = places(project);
    match places.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "the manifest is not valid, so nothing was built:{}",
            lines(&places)
        )),
    }
}

/// What is wrong in the author's own manifest, where that is a file.
fn places(project: &Project) -> Vec<String> {
    match templates::manifest_is_inside(project.language) {
        true => Vec::new(),
        false => authors::places(&project.dir.join("manifest.json")),
    }
}

fn lines(places: &[String]) -> String {
    let lines = places
        .iter()
        .map(|place| format!("\n  {}", sentence(place)));
    lines.collect()
}

/// Why what was built is not written, with the places in the author's own
/// manifest where that is a file.
fn would_refuse(project: &Project, refusal: &Refusal) -> String {
    let places = places(project);
    let why = match refusal {
        // Said below, with its line.
        Refusal::Manifest(_) if !places.is_empty() => "its manifest is not valid".to_owned(),
        // The manifest is right, and a folder of examples is misspelt.
        Refusal::Manifest(why) if why.starts_with("example `") => {
            let rename = match why.ends_with('?') {
                true => " Rename",
                false => "; rename",
            };
            format!(
                "{why}{rename} its folder below {}, or mend `operation` in its example.json",
                project.dir.join(EXAMPLES).display()
            )
        }
        refusal => refusal.to_string(),
    };
    let step = match refusal {
        Refusal::Manifest(why) if why.starts_with("example `") => "examples",
        refusal => refusal.step(),
    };
    format!(
        "{} was built, but a host would refuse it at step `{step}`: {}{}",
        project.name,
        sentence(&why),
        lines(&places)
    )
}

impl Built {
    /// For people.
    pub fn text(&self, paint: Paint, took: Duration) -> String {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| file.strip_prefix(".").unwrap_or(file))
            .map(|file| clean(&file.display().to_string()))
            .collect();
        let what = match &self.loaded {
            Some(Loaded::Adapter(adapter)) => format!(
                "{} {}, {}",
                clean(&adapter.manifest.name),
                clean(&adapter.manifest.version),
                count(adapter.manifest.examples.len(), "example")
            ),
            Some(other) => clean(&other.identity().name),
            None => "the source as it is, not checked here".to_owned(),
        };
        format!(
            "{} {}: {what}, {}, in {:.2} s\n",
            paint.good("ok"),
            files.join(", "),
            size(self.bytes as u64),
            took.as_secs_f64(),
        )
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    let why = crate::file_failure::sentence(error);
    format!("{} cannot be written: {why}", path.display())
}

/// Writes a file whole or not at all: whoever reads it never sees half of it.
fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let cannot = |error: std::io::Error| unwritten(path, &error);
    // A name that a watcher of plugins and sources does not take for one.
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    std::fs::write(&temporary, bytes).map_err(cannot)?;
    std::fs::rename(&temporary, path).map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        cannot(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.wasm");
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let said = put(Path::new("/nowhere/at/all/shop.wasm"), b"").unwrap_err();
        assert!(said.contains("cannot be written"), "{said}");
    }

    #[test]
    fn the_plugins_folder_may_be_named_or_not() {
        #[derive(clap::Parser)]
        struct Words {
            #[command(flatten)]
            args: BuildArgs,
        }
        let install = |words: &[&str]| {
            let words = std::iter::once(&"build").chain(words);
            <Words as clap::Parser>::try_parse_from(words).map(|words| words.args.install)
        };
        assert_eq!(install(&["shop"]).unwrap(), None);
        assert_eq!(
            install(&["shop", "--install", "--watch"]).unwrap(),
            Some(None)
        );
        let named = install(&["--install", "plugins", "--watch"]).unwrap();
        assert_eq!(named, Some(Some("plugins".into())));
    }

    #[test]
    fn a_source_is_for_a_plugins_folder() {
        let args = BuildArgs {
            dir: ".".into(),
            install: None,
            source: true,
            watch: false,
            timeout: 1,
        };
        let config = crate::config::load_host(Some(Path::new("/nowhere/crossdock.toml")));
        assert!(config.is_err());
        let config = crate::config::load_host(None).unwrap();
        let failed = Builder::new(config, &args).err().expect("an error");
        let super::super::super::failure::Failure::Other(error) = failed else {
            panic!("a sentence");
        };
        assert!(error.to_string().contains("--install"), "{error}");
    }
}
