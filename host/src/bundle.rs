//! The plugins that come with the command.
//!
//! A release binary has them inside. A developer's build has them where
//! `cargo xtask build-plugins` leaves them, beside the folder of the binary.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// File names and components, put in by `build.rs`.
static INSIDE: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// Largest file that is taken from the folder.
const MOST_BYTES: u64 = 64 << 20;

/// A plugin that comes with the command.
#[derive(Debug)]
pub struct Bundled {
    /// Its file's name.
    pub file: String,
    /// The component.
    pub bytes: Cow<'static, [u8]>,
}

/// The plugins of this binary, by file name.
///
/// # Errors
/// It has none inside, and the folder beside it cannot be read.
pub fn plugins() -> io::Result<Vec<Bundled>> {
    if INSIDE.is_empty() {
        return beside();
    }
    Ok(INSIDE
        .iter()
        .map(|(file, bytes)| Bundled {
            file: (*file).to_owned(),
            bytes: Cow::Borrowed(*bytes),
        })
        .collect())
}

/// `target/plugins` of the build that lies in `target/debug`.
fn beside() -> io::Result<Vec<Bundled>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder()?)? {
        let path = entry?.path();
        let is_plugin = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let (true, Some(file)) = (is_plugin, path.file_name()) else {
            continue;
        };
        if std::fs::metadata(&path)?.len() > MOST_BYTES {
            continue;
        }
        found.push(Bundled {
            file: file.to_string_lossy().into_owned(),
            bytes: Cow::Owned(std::fs::read(&path)?),
        });
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Where they lie that are not inside.
///
/// # Errors
/// Where this binary lies is not known.
pub fn folder() -> io::Result<PathBuf> {
    let binary = std::env::current_exe()?;
    binary
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("plugins"))
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}
