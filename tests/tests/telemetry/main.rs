//! What the host tells of itself, as a process of its own: `/metrics`, traces to
//! a collector, and the ids of deliveries in its log.

mod access;
mod collector;
mod dashboard;
mod exposition;
mod log;
mod metrics;
mod setting;
mod traces;
