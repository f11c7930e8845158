//! The components that `cargo xtask build-plugins` makes.

use std::path::{Path, PathBuf};

/// The folder of everything that is built.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    )
}

/// The file of a bundled plugin.
pub fn plugin_file(name: &str) -> PathBuf {
    target_dir().join("plugins").join(format!("{name}.wasm"))
}

/// A program of this repository, as `cargo build --workspace --bins` leaves it:
/// another package's tests cannot ask cargo for it.
///
/// # Panics
/// When it has not been built.
pub fn program(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = target_dir().join("debug").join(file);
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is not there; build it with `cargo build --bin {name}`"
    );
    // A process may begin in another folder.
    path.canonicalize().expect("it is there")
}

/// A bundled plugin's bytes.
///
/// # Panics
/// When it has not been built.
pub fn plugin(name: &str) -> Vec<u8> {
    read(&plugin_file(name))
}

/// A test guest's bytes.
///
/// # Panics
/// When it has not been built.
pub fn fixture(name: &str) -> Vec<u8> {
    let dir = target_dir().join("guests/fixtures");
    read(&dir.join(format!("{name}.wasm")))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}); build it with `cargo xtask build-plugins`",
            path.display()
        )
    })
}

/// The same component as other bytes: a custom section, which no engine runs,
/// is added at its end.
pub fn rebuilt(component: &[u8], label: &str) -> Vec<u8> {
    const NAME: &[u8] = b"rebuilt";
    let mut payload = vec![NAME.len() as u8];
    payload.extend_from_slice(NAME);
    payload.extend_from_slice(label.as_bytes());
    assert!(payload.len() < 128, "one byte holds the section's length");
    let mut bytes = component.to_vec();
    bytes.push(0);
    bytes.push(payload.len() as u8);
    bytes.extend(payload);
    bytes
}

/// The test adapter in a mode and with a generation label: the same component
/// with two stretches of its data overwritten.
pub fn test_adapter(mode: &str, generation: &str) -> Vec<u8> {
    let mut bytes = fixture("test-adapter");
    overwrite(&mut bytes, b"CROSSDOCK-TEST-MODE:", 64, mode);
    overwrite(&mut bytes, b"CROSSDOCK-TEST-GEN:", 32, generation);
    bytes
}

fn overwrite(component: &mut [u8], prefix: &[u8], length: usize, word: &str) {
    let start = component
        .windows(prefix.len())
        .position(|window| window == prefix)
        .expect("the marker is in the component");
    let place = &mut component[start + prefix.len()..start + length];
    place.fill(b' ');
    place[..word.len()].copy_from_slice(word.as_bytes());
}

/// A component with one stretch of its data replaced by another of the same
/// length, wherever it stands.
///
/// # Panics
/// When it is not there, or the lengths differ.
pub fn patched(component: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "a patch keeps the length");
    let mut bytes = component.to_vec();
    let mut start = 0;
    let mut found = false;
    while let Some(at) = bytes[start..]
        .windows(from.len())
        .position(|window| window == from)
    {
        bytes[start + at..][..to.len()].copy_from_slice(to);
        start += at + to.len();
        found = true;
    }
    assert!(
        found,
        "{:?} is in the component",
        String::from_utf8_lossy(from)
    );
    bytes
}
