//! What listeners and receivers are told of records that were taken in, and
//! what lies on disk of them; with the host as a process of its own.

mod at_rest;
mod command;
mod runs;
mod setting;
mod streams;
mod webhook;
