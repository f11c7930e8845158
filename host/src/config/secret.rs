//! A secret's text: zeroed when dropped, never printed.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret of a connection. Clones share one buffer, which is zeroed when the
/// last clone is dropped. `Debug` prints a placeholder; there is no `Display`
/// and no `Serialize`.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text. Whoever calls this must not let it reach a log, an error, a
    /// guest or a file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«secret»")
    }
}
