//! The store on a file, as a host sees it.
//!
//! | file | what it shows |
//! |---|---|
//! | `conformance` | the suite that every store passes |
//! | `file` | restarts, and files that are refused |
//! | `kill` | a process that is killed at any moment |
//! | `disk` | a disk that refuses |
//! | `flows` | flows over restarts, and killed while they run |
//! | `grants` | grants over restarts, and killed while they are renewed |
//! | `beside` | copies and checks of a file that a host has open |

mod beside;
mod common;
mod conformance;
#[cfg(target_os = "linux")]
mod disk;
mod file;
mod flows;
mod grants;
mod kill;
