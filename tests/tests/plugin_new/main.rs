//! An author with the command and nothing else of this project: a folder is
//! made, built, checked and installed, and answers a call.

#![cfg(unix)]

mod author;
mod bindings;
mod figures;
mod folders;
mod javascript;
mod languages;
mod rust;
mod sdk;
