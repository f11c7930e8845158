//! What is promised of a record that was taken in with 202, before a platform
//! that answers as the test says and with the host as a process of its own.

mod again;
mod crash;
mod disk;
mod edit;
mod fair;
mod history;
mod leaving;
mod matching;
mod people;
mod queue;
mod setting;
mod soak;
