//! Whatever a script does, it ends within its bounds and is blamed for it; the
//! next call is served, a neighbour hardly feels it, and nothing is seen across
//! items or tenants.
//!
//! Of one tenant among several endless ones, measured with care, see
//! `neighbours.rs`.

mod javascript;
mod jq;
mod set;
