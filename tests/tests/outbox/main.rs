//! What is promised of a record that was taken in with 202, before a platform
//! that answers as the test says and with the host as a process of its own.

mod crash;
mod people;
mod queue;
mod setting;
