//! Tenants' mapping scripts, run by script engines: plugins too, under the
//! same limits as an adapter.

pub mod engine;
