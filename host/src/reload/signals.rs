//! What the operating system says, as signals about paths that matter.

use std::path::Path;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Event, event::MetadataKind};

use super::batches::Signal;

/// Endings of files that editors and downloads leave beside the real one for a
/// moment.
const TEMPORARY_ENDINGS: [&str; 9] = [
    "~",
    ".swp",
    ".swo",
    ".swx",
    ".tmp",
    ".temp",
    ".part",
    ".crdownload",
    "___jb_tmp___",
];

/// Beginnings of such files: locks of Emacs, saves of GTK editors, files that
/// are deleted on NFS while somebody has them open.
const TEMPORARY_BEGINNINGS: [&str; 3] = [".#", ".goutputstream-", ".nfs"];

/// Whole names: what vim writes to learn whether it may write, and what file
/// managers leave behind.
const TEMPORARY_NAMES: [&str; 2] = ["4913", ".DS_Store"];

/// Whether a change of this path can be a change of something that is loaded.
pub(super) fn is_relevant(path: &Path) -> bool {
    let Some(name) = path.file_name() else {
        return true;
    };
    let name = name.to_string_lossy();
    // Kubernetes swaps a whole folder by renaming a link to `..data`.
    if name.starts_with("..") {
        return true;
    }
    let emacs_save = name.len() > 1 && name.starts_with('#') && name.ends_with('#');
    !emacs_save
        && !TEMPORARY_NAMES.contains(&&*name)
        && !TEMPORARY_ENDINGS.iter().any(|end| name.ends_with(end))
        && !TEMPORARY_BEGINNINGS
            .iter()
            .any(|begin| name.starts_with(begin))
}

/// Whether an event says anything about the content of a path that matters;
/// opening, reading and closing after reading do not. This runs for every
/// event there is, the host's own reads included.
pub(super) fn is_worth_waking(event: &Event) -> bool {
    let says_something = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(kind)) => kind != MetadataKind::AccessTime,
        _ => true,
    };
    event.need_rescan() || says_something && event.paths.iter().any(|path| is_relevant(path))
}

/// The paths an event is about, and what happened to each.
pub(super) fn signals(event: &Event) -> Vec<(&Path, Signal)> {
    let paths = event.paths.iter().map(|path| path.as_path());
    let all = |signal: Signal| paths.clone().map(move |path| (path, signal)).collect();
    let mut signals: Vec<(&Path, Signal)> = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => all(Signal::Complete),
        EventKind::Access(_) | EventKind::Other => Vec::new(),
        EventKind::Create(CreateKind::Folder) => all(Signal::Appeared { complete: true }),
        EventKind::Create(_) => all(Signal::Appeared { complete: false }),
        EventKind::Remove(_) => all(Signal::Gone),
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime)) => all(Signal::Writing),
        EventKind::Modify(ModifyKind::Metadata(_)) => all(Signal::Touched),
        EventKind::Modify(ModifyKind::Name(mode)) => match mode {
            RenameMode::From => all(Signal::Gone),
            RenameMode::To => all(Signal::Complete),
            // Comes after one event for each end.
            RenameMode::Both => Vec::new(),
            RenameMode::Any | RenameMode::Other => paths
                .map(|path| match path.symlink_metadata() {
                    Ok(_) => (path, Signal::Complete),
                    Err(_) => (path, Signal::Gone),
                })
                .collect(),
        },
        EventKind::Modify(_) | EventKind::Any => all(Signal::Writing),
    };
    signals.retain(|(path, _)| is_relevant(path));
    signals
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, RemoveKind};

    use super::*;

    #[test]
    fn what_editors_leave_beside_a_file_is_not_relevant() {
        for name in [
            ".stock.jq.swp",
            "stock.jq~",
            "4913",
            ".#stock.jq",
            "#stock.jq#",
            "stock.jq.tmp",
            "lingzhi.wasm.part",
            "stock.jq___jb_tmp___",
            ".goutputstream-AB12CD",
            ".nfs0000000000000001",
        ] {
            assert!(
                !is_relevant(&Path::new("tenants/acme").join(name)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_host_loads_is_relevant() {
        for name in [
            "tenant.toml",
            "stock.jq",
            "lingzhi.wasm",
            "..data",
            "..data_tmp",
            "..2024_05_01_10_00_00.123~",
            ".token",
            "swp",
            "tmp",
            "#",
        ] {
            assert!(is_relevant(&Path::new("tenants/acme").join(name)), "{name}");
        }
    }

    fn event(kind: EventKind, paths: &[&str]) -> Event {
        let event = Event::new(kind);
        paths
            .iter()
            .fold(event, |event, path| event.add_path(path.into()))
    }

    #[test]
    fn reading_a_file_wakes_nobody() {
        for kind in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
            AccessKind::Read,
        ] {
            let event = event(EventKind::Access(kind), &["t/stock.jq"]);
            assert!(!is_worth_waking(&event), "{kind:?}");
            assert!(signals(&event).is_empty());
        }
    }

    #[test]
    fn a_lost_event_wakes_whatever_else_it_says() {
        assert!(is_worth_waking(
            &Event::new(EventKind::Other).set_flag(Flag::Rescan)
        ));
        assert!(!is_worth_waking(&Event::new(EventKind::Other)));
    }

    #[test]
    fn every_event_has_its_signal() {
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let name = |mode| EventKind::Modify(ModifyKind::Name(mode));
        for (kind, signal) in [
            (closed, Signal::Complete),
            (
                EventKind::Create(CreateKind::File),
                Signal::Appeared { complete: false },
            ),
            (
                EventKind::Create(CreateKind::Folder),
                Signal::Appeared { complete: true },
            ),
            (
                EventKind::Modify(ModifyKind::Data(DataChange::Any)),
                Signal::Writing,
            ),
            (
                EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
                Signal::Touched,
            ),
            (EventKind::Remove(RemoveKind::File), Signal::Gone),
            (name(RenameMode::From), Signal::Gone),
            (name(RenameMode::To), Signal::Complete),
        ] {
            let event = event(kind, &["t/stock.jq"]);
            assert!(is_worth_waking(&event));
            assert_eq!(signals(&event), [(Path::new("t/stock.jq"), signal)]);
        }
    }

    #[test]
    fn a_rename_is_told_once() {
        let kind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        assert!(signals(&event(kind, &["t/stock.jq.new", "t/stock.jq"])).is_empty());
    }
}
