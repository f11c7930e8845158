//! `componentize [--imports LIST] [--markers FILE] NAME MODULE COMPONENT`: a
//! guest's core module to a component in its place.
//!
//! | module | what is in it |
//! |---|---|
//! | [`prepare`] | work that a guest does once and for all, done while it is built |
//! | [`imports`] | what a component wants from its host |

mod imports;
mod prepare;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why there is no component, in a sentence without its full stop.
type Failure = String;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Order::from_words(&words).and_then(|order| componentize(&order)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
struct Order {
    /// The guest's name, for messages.
    name: String,
    module: PathBuf,
    component: PathBuf,
    /// All that the component may import, where that is said.
    imports: Option<Vec<String>>,
    /// Lines that occur once each in the component.
    markers: Option<PathBuf>,
}

impl Order {
    fn from_words(words: &[String]) -> Result<Self, Failure> {
        let mut places = Vec::new();
        let mut imports = None;
        let mut markers = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--imports" => imports = words.next().map(|list| names(list)),
                "--markers" => markers = words.next().map(PathBuf::from),
                _ => places.push(word.clone()),
            }
        }
        match <[String; 3]>::try_from(places) {
            Ok([name, module, component]) => Ok(Self {
                name,
                module: module.into(),
                component: component.into(),
                imports,
                markers,
            }),
            Err(_) => Err("it takes a name, a module and where the component goes".into()),
        }
    }
}

/// Names with commas between.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Writes the component if it differs from what is there; says which.
fn componentize(order: &Order) -> Result<String, Failure> {
    let module = std::fs::read(&order.module).map_err(file("read", &order.module))?;
    let module = prepare::prepare(module)?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{} is not a component: {error:#}", order.module.display()))?;
    if let Some(markers) = &order.markers {
        check_markers(order, markers, &component)?;
    }
    if let Some(allowed) = &order.imports {
        imports::only(allowed, &order.name, &component)?;
    }
    let changed = std::fs::read(&order.component).ok().as_deref() != Some(component.as_slice());
    if changed {
        replace(&order.component, &component)?;
    }
    Ok(format!(
        "{}: {} KB{}",
        order.name,
        component.len().div_ceil(1024),
        if changed { "" } else { ", unchanged" }
    ))
}

/// Whole or not at all: a reader never sees half a file.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(file("create", folder))?;
    // A name that a watcher of *.wasm files does not take for a plugin.
    let temporary = path.with_extension(format!("wasm.{}.tmp", std::process::id()));
    std::fs::write(&temporary, bytes).map_err(file("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(file("replace", path))
}

/// Tests patch some guests' bytes. Each line of a guest's list has to occur in
/// its component exactly once, or they would patch the wrong place.
fn check_markers(order: &Order, list: &Path, component: &[u8]) -> Result<(), Failure> {
    let markers = std::fs::read_to_string(list).map_err(file("read", list))?;
    for marker in markers.lines().filter(|line| !line.is_empty()) {
        let count = component
            .windows(marker.len())
            .filter(|window| *window == marker.as_bytes())
            .count();
        if count != 1 {
            return Err(format!(
                "{marker:?} of {} occurs {count} times in the component of {}, not once",
                list.display(),
                order.name
            ));
        }
    }
    Ok(())
}

fn file(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let what = format!("could not {doing} {}", path.display());
    move |error| format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::{Order, names};

    #[test]
    fn an_order_has_three_places_and_two_options() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let order = Order::from_words(&words("--imports x:y/z@1.0.0 a b.wasm --markers m c.wasm"));
        let order = order.expect("an order");
        assert_eq!(order.imports, Some(vec!["x:y/z@1.0.0".to_owned()]));
        assert!(names("").is_empty());
        assert_eq!(order.markers.as_deref(), Some("m".as_ref()));
        assert_eq!(order.component.as_os_str(), "c.wasm");
        assert!(Order::from_words(&words("a b")).is_err());
    }
}
