//! The one path: items → documents → drafts → signed requests → answers → outcomes.

pub mod promise;
pub mod report;
pub mod signing;
