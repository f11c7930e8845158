//! Where scripts are tried before they serve: nothing here sends anything.
//!
//! | part | what it does |
//! |---|---|
//! | [`run`] | `crossdock script run`: a file over some items |
//! | [`suite`] | `crossdock script test`: which scripts have tests, and what became of them |
//! | [`diff`] | `crossdock script diff`: what a new script would change |

pub mod diff;
pub mod run;
pub mod suite;
