//! `crossdock plugin test`: an adapter's golden examples, field by field.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, clean, count, note, print, print_json};
use super::local::{Local, read_beside};
use super::project::Project;
use super::record;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::golden::folder::{self, Case};
use crate::plugin::golden::{self, Difference, Played, Stopped};
use crate::plugin::load::Loaded;
use crate::plugin::manifest::{Example, Provenance};
use crate::problem::Problem;

pub(super) const HELP: &str = "\
Examples are files below examples/OPERATION/NAME, with `-` for the operation's dots:
  items.json     the documents, an array
  context.json   {\"now_ms\": …, \"nonce\": \"…\", \"settings\": {…}, \"secrets\": {…}}
  request.http   what must be sent; then request-2.http, …
  reply.http     an answer; then reply-2.http, …
  outcomes.json  what must be read from it; then outcomes-2.json, …
Only items.json has to be there: --bless writes the rest. Look at what it wrote before you keep it.

The component that is there is run: where a source is newer, build first. --bless refuses then.

  crossdock plugin test price-board
  crossdock plugin test plugins/price-board.wasm --examples price-board/examples
  crossdock plugin test price-board --record acme/board/price.update --input item.json

Exit codes:
  0  every example holds
  1  some example does not, or an error";

#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// A project's folder, or a plugin file
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// The folder of examples; by default `examples` in the project, or NAME.examples beside the file
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// Write what came out into the examples that do not hold, marked `computed` where that is another value than before; never over values that others published
    #[arg(long)]
    bless: bool,
    /// Deliver once for real, and make an example of it, with secrets and personal data replaced
    #[arg(
        long,
        value_name = "TENANT/CONNECTION/OPERATION",
        conflicts_with = "bless"
    )]
    record: Option<String>,
    /// With --record: a JSON object or array of objects; `-` or nothing: stdin
    #[arg(long, short, value_name = "FILE", requires = "record")]
    input: Option<PathBuf>,
    /// With --record: the example's folder; by default `recorded`
    #[arg(long, value_name = "NAME", requires = "record")]
    name: Option<String>,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// What became of the examples, for programs.
#[derive(Serialize)]
struct Tested {
    plugin: PathBuf,
    name: String,
    /// What is newer than the component, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<String>,
    examples: Vec<One>,
    failed: usize,
    blessed: usize,
}

/// One example.
#[derive(Serialize)]
struct One {
    name: String,
    operation: String,
    /// Its folder; nothing where it is part of the component.
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<PathBuf>,
    holds: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Stopped>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
    blessed: bool,
    /// Why `--bless` left it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

pub(super) async fn run(global: &Global, args: TestArgs) -> Finished {
    let project = Project::find(&args.path)?;
    let examples = args.examples.clone().or_else(|| project.examples.clone());
    if let Some(of) = &args.record {
        let root = examples.unwrap_or_else(|| default_folder(&args.path));
        let order = record::Order {
            of,
            input: args.input.as_deref(),
            name: args.name.as_deref().unwrap_or("recorded"),
            root: &root,
        };
        return record::run(global, &project.plugin, &order, args.json).await;
    }
    let stale = project.stale();
    match &stale {
        // What an older adapter makes would be written over what its author wants.
        Some(stale) if args.bless => {
            let detail = format!("`--bless` writes nothing, because {stale}");
            return Err(Problem::caller("component-stale", detail).into());
        }
        Some(stale) => note(&clean(stale)),
        None => {}
    }
    let adapter = adapter(global, &project.plugin).await?;
    let mut cases = match &examples {
        Some(dir) => read_beside(dir, &adapter)?,
        None => Vec::new(),
    };
    let (build, file) = (project.build(), project.file_name());
    let mut tested = Tested {
        plugin: project.plugin,
        name: adapter.identity.name.clone(),
        stale,
        examples: Vec::new(),
        failed: 0,
        blessed: 0,
    };
    for example in &adapter.manifest.examples {
        // Packed with the component, and by now perhaps another in its file.
        if !cases.iter().any(|case| same(&case.example, example)) {
            let played = golden::play(&adapter, example).await;
            tested.add(One::new(example, None, played));
        }
    }
    for case in &mut cases {
        let played = golden::play(&adapter, &case.example).await;
        let came = played.came.clone();
        let mut one = One::new(&case.example, Some(case.dir.clone()), played);
        if let (Some(stale), None) = (&tested.stale, adapter.compiled(&case.example.operation)) {
            one.is_of_another(&file, stale);
        }
        if args.bless && !one.holds && one.stopped.is_none() {
            one.kept = published(case);
            if one.kept.is_none() {
                bless(case, came)?;
                one.blessed = true;
            }
        }
        tested.add(one);
    }
    if args.json {
        print_json(&tested)?;
    } else {
        print(&tested.text(Paint::stdout(), args.bless))?;
        if let (Some(build), true) = (build, tested.blessed > 0) {
            note(&clean(&format!(
                "`{build}` packs them into {file}, as a host wants them"
            )));
        }
    }
    Ok(match tested.failed {
        0 => Exit::Done,
        _ => Exit::Error,
    })
}

/// Where a project's examples go that has none yet.
fn default_folder(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join("examples"),
        false => path.with_extension("examples"),
    }
}

/// The adapter, whether its examples hold or not.
pub(super) async fn adapter(
    global: &Global,
    file: &Path,
) -> Result<Arc<AdapterGeneration>, Failure> {
    let local = Local::without_examples(&global.config()?)?;
    match local.load(file).await {
        Ok(Loaded::Adapter(adapter)) => Ok(adapter),
        Ok(other) => Err(Problem::caller(
            "no-adapter",
            format!(
                "{} is a plugin of another kind ({}); only adapters have golden examples",
                file.display(),
                other.identity().name
            ),
        )
        .into()),
        Err(refusal) => Err(super::local::refused(file, &refusal).into()),
    }
}

fn same(one: &Example, other: &Example) -> bool {
    one.name == other.name && one.operation == other.operation
}

/// Why nothing may be written over an example: somebody else published its
/// values, and the adapter has to come to them.
fn published(case: &Case) -> Option<String> {
    let word = match case.example.provenance {
        Provenance::Official => "official",
        Provenance::Standard => "standard",
        Provenance::ThirdParty => "third-party",
        Provenance::Document | Provenance::Computed => return None,
    };
    Some(format!(
        "`{}` is not blessed: its provenance is `{word}`, so its values were published by somebody else; mend the \
         adapter, or change `provenance` in {} by hand",
        case.example.name,
        case.dir.join("example.json").display()
    ))
}

/// Writes what came out in the place of what was there. Where that says all that
/// was there, whoever published it still did.
fn bless(case: &mut Case, came: Example) -> Result<(), Failure> {
    let provenance = match golden::adds_only(&case.example, &came) {
        true => case.example.provenance,
        false => Provenance::Computed,
    };
    case.example = Example { provenance, ..came };
    folder::write(&case.dir, &case.example)
        .map_err(|why| Problem::host("examples-unwritable", why).into())
}

impl One {
    fn new(example: &Example, dir: Option<PathBuf>, played: Played) -> Self {
        let holds = played.holds();
        let stopped = played.stopped.map(|stopped| match &dir {
            Some(_) => Stopped {
                detail: folder::in_its_file(stopped.step, &stopped.detail),
                ..stopped
            },
            None => stopped,
        });
        Self {
            name: example.name.clone(),
            operation: example.operation.clone(),
            dir,
            holds,
            differences: played.differences,
            stopped,
            log: played.log,
            blessed: false,
            kept: None,
        }
    }

    /// Says why there is no such operation: the example is about an adapter that
    /// was not built yet.
    fn is_of_another(&mut self, file: &str, stale: &str) {
        if let Some(stopped) = &mut self.stopped {
            stopped.detail = format!(
                "{file} has no operation `{}` yet, because {stale}",
                self.operation
            );
        }
    }

    fn text(&self, paint: Paint, text: &mut String) {
        let label = match (self.holds, self.blessed) {
            (true, _) => paint.good("ok"),
            (false, true) => paint.warn("blessed"),
            (false, false) => paint.bad("failed"),
        };
        text.push_str(&format!(
            "{label} {}: {}",
            clean(&self.operation),
            clean(&self.name)
        ));
        if let (Some(dir), false) = (&self.dir, self.holds) {
            text.push_str(&format!(" ({})", clean(&dir.display().to_string())));
        }
        text.push('\n');
        let mut place = None;
        for difference in &self.differences {
            if !difference.place.is_empty() && place != Some(&difference.place) {
                text.push_str(&format!("  {}\n", paint.bold(&clean(&difference.place))));
            }
            place = Some(&difference.place);
            let indent = if difference.place.is_empty() {
                "  "
            } else {
                "    "
            };
            let lacks = match &difference.lacks {
                Some(file) => format!(", for which there is no {file} yet"),
                None => String::new(),
            };
            let what = clean(&format!("{}{lacks}", difference.what));
            text.push_str(&format!("{indent}{what}\n"));
            let shown = |value: &Option<String>| clean(value.as_deref().unwrap_or("nothing"));
            let (expected, came) = (shown(&difference.expected), shown(&difference.came));
            if difference.lacks.is_none() {
                text.push_str(&format!(
                    "{indent}  {}\n",
                    paint.bad(&format!("- {expected}"))
                ));
            }
            text.push_str(&format!("{indent}  {}\n", paint.good(&format!("+ {came}"))));
        }
        if let Some(stopped) = &self.stopped {
            text.push_str(&format!(
                "  at {}: {}\n",
                stopped.step,
                clean(&stopped.detail)
            ));
        }
        if let Some(kept) = &self.kept {
            text.push_str(&format!("  {}\n", clean(kept)));
        }
        if !self.holds && !self.log.is_empty() {
            text.push_str("  the adapter logged\n");
            for line in &self.log {
                text.push_str(&format!("    {}\n", clean(line)));
            }
        }
    }
}

impl Tested {
    fn add(&mut self, one: One) {
        self.failed += usize::from(!one.holds && !one.blessed);
        self.blessed += usize::from(one.blessed);
        self.examples.push(one);
    }

    fn text(&self, paint: Paint, bless: bool) -> String {
        let mut text = String::new();
        for one in &self.examples {
            one.text(paint, &mut text);
        }
        let all = self.examples.len();
        let sum = match (self.failed, self.blessed) {
            (0, 0) if all == 0 => "there are no examples; write the documents of one into examples/OPERATION/NAME/items.json, and let --bless write the rest".to_owned(),
            (0, 0) => paint.good(&format!(
                "{} hold{}",
                count(all, "example"),
                if all == 1 { "s" } else { "" }
            )),
            (0, blessed) => {
                let holding = all - blessed;
                format!(
                    "{holding} of {} held, {blessed} now say what came out: look at the change before you keep it",
                    count(all, "example")
                )
            }
            (failed, _) => {
                paint.bad(&format!("{failed} of {} failed", count(all, "example")))
            }
        };
        text.push_str(&format!("{sum}\n"));
        let unblessed = self
            .examples
            .iter()
            .filter(|one| !one.holds && !one.blessed);
        if bless && unblessed.clone().any(|one| one.dir.is_none()) {
            note("what is part of the component can only be changed where its author has it");
        }
        text
    }
}
