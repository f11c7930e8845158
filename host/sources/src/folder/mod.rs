//! A folder of files: which ones are ready, one that is read, and where it goes
//! afterwards.
//!
//! | module | responsibility |
//! |---|---|
//! | `pattern` | names by `*` and `?` |
//! | `look` | which files are ready |
//! | `taken` | one file: its pages, its end, its rows that were refused |
//! | `rejects` | the list of refused rows, beside what failed |
//! | `system` | regular files only, moves that replace nothing |

mod look;
mod pattern;
mod rejects;
pub(crate) mod system;
mod taken;

#[cfg(test)]
mod tests;

pub use look::{Looked, check_folder, look};
pub use pattern::Pattern;
pub use taken::{Finished, Identity, Taken};
