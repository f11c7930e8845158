//! Where scripts and adapters are tried before they serve. Nothing here sends
//! anything, except to record it as an example.
//!
//! | part | what it does |
//! |---|---|
//! | [`run`] | `crossdock script run`: a file over some items |
//! | [`suite`] | `crossdock script test`: which scripts have tests, and what became of them |
//! | [`diff`] | `crossdock script diff`: what a new script would change |
//! | [`record`], [`scrub`] | `crossdock plugin test --record`: a delivery as an example, with nobody's data in it |

pub mod diff;
pub mod record;
pub mod run;
pub mod scrub;
pub mod suite;
