//! Flows of one tenant that would take files out of each other's folders.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crossdock_sources::FolderSource;

use super::FlowSource;
use super::circles::{real, refuse};
use crate::config::TenantConfig;
use crate::config::mistakes::Report;

const CODE: &str = "config-shared-folder";

/// A flow that reads a folder.
struct Reader<'c> {
    flow: &'c str,
    source: &'c FolderSource,
    folder: PathBuf,
}

/// Reports each flow that reads a folder of another one.
///
/// `told` are flows, each with the one that it feeds, that were told to be in a
/// circle.
pub(super) fn check(config: &TenantConfig, told: &BTreeSet<(&str, &str)>, report: &mut Report) {
    let readers: Vec<Reader> = config
        .flows
        .iter()
        .filter_map(|(flow, config)| match &config.source {
            FlowSource::Folder(source) => Some(Reader {
                flow,
                source,
                folder: real(&source.folder),
            }),
            _ => None,
        })
        .collect();
    for (index, reader) in readers.iter().enumerate() {
        same(config, reader, &readers[..index], report);
    }
    for from in &readers {
        let moved = [
            ("done", real(&from.source.done)),
            ("failed", real(&from.source.failed)),
        ];
        for (key, goal) in moved {
            let reads = readers.iter().filter(|to| {
                to.flow != from.flow && to.folder == goal && !told.contains(&(from.flow, to.flow))
            });
            for to in reads {
                let detail = format!(
                    "flow `{}` reads the folder {}, which is `{key}` of flow `{}`: files that are put away there would be taken again; \
                     give each flow a folder of its own, or have one flow with two targets.",
                    to.flow,
                    to.source.folder.display(),
                    from.flow
                );
                refuse(config, to.flow, "from.folder", CODE, detail, report);
            }
        }
    }
}

/// Two flows that would take the same file: whichever comes first moves it away.
/// Where no name of a file is of both, they do not disturb each other.
fn same(config: &TenantConfig, reader: &Reader, before: &[Reader], report: &mut Report) {
    let other = before
        .iter()
        .find(|other| other.folder == reader.folder && other.source.may_share(reader.source));
    let Some(other) = other else {
        return;
    };
    let detail = format!(
        "flow `{}` reads the folder {}, which flow `{}` reads, and each file would go to only one of them; \
         give each flow a folder of its own, or have one flow with two targets.",
        reader.flow,
        reader.source.folder.display(),
        other.flow
    );
    refuse(config, reader.flow, "from.folder", CODE, detail, report);
}
