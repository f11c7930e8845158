//! Everything that was said or stored, collected and searched.

use std::fmt::Debug;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_tests::leaks::Leaks;
use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was said, and by whom.
#[derive(Default)]
pub struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    pub fn bytes(&mut self, place: impl Into<String>, bytes: Vec<u8>) {
        self.0.push((place.into(), bytes));
    }

    pub fn printed(&mut self, place: &str, value: &(impl Debug + ?Sized)) {
        self.bytes(format!("Debug of {place}"), format!("{value:?}").into());
        self.bytes(format!("Debug of {place}"), format!("{value:#?}").into());
    }

    pub fn serialized(&mut self, place: &str, value: &(impl Debug + Serialize + ?Sized)) {
        let json = serde_json::to_vec(value).expect("JSON");
        self.bytes(place, json);
        self.printed(place, value);
    }

    /// Every file below a folder, but the secret's own.
    pub fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.files(&path);
            } else if !path.ends_with("the-secret") {
                let bytes = std::fs::read(&path).expect("a file");
                self.bytes(path.display().to_string(), bytes);
            }
        }
    }

    /// Nothing of it shows what must not be seen; that this was in it is shown
    /// by the masks in its place.
    ///
    /// # Panics
    /// If it does.
    pub fn shows_none_of(&self, leaks: &Leaks) {
        for (place, bytes) in &self.0 {
            leaks.none_in(place, bytes);
        }
        let texts = self.0.iter();
        let everything: String = texts
            .map(|(_, bytes)| String::from_utf8_lossy(bytes))
            .collect();
        for mask in ["«secret»", "«other»", "«signature»"] {
            assert!(everything.contains(mask), "{mask} is nowhere");
        }
    }
}

/// Log lines, kept.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
