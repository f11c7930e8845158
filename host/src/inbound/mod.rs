//! What others send by themselves, on its way to a flow: who sent it is found out,
//! it is split into records with a key each, and it is answered when these are on
//! disk.
//!
//! | part | what it does |
//! |---|---|
//! | [`gate`] | whether a webhook's caller knows the flow's secret |
//! | [`records`] | a webhook's body to records |
//! | [`push`] | a platform's message through its adapter's `receive` |
//! | [`keep`] | records onto the disk |
//!
//! A stranger learns nothing: neither which tenants, connections and flows there
//! are, nor why he is not let in ([`Refusal::Stranger`]).

pub mod gate;
pub mod keep;
pub mod push;
pub mod records;

use crate::problem::Problem;

/// A record on its way to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What a repeat of it is known by.
    pub key: Option<Vec<u8>>,
    /// JSON text.
    pub body: String,
}

/// Why nothing was taken in.
#[derive(Debug)]
pub enum Refusal {
    /// Nothing shows that the sender is who may send. He is told nothing else.
    Stranger,
    /// The sender is known, and what he sent cannot be taken in.
    Known(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Known(problem)
    }
}

/// What was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct TakenIn {
    /// Records that came.
    pub records: usize,
    /// Records that had not come before under the same key.
    pub new: usize,
}
