//! What is loaded now, and how a changed file replaces it.

mod roots;
mod settle;
mod signals;
pub mod watch;
