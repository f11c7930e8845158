//! stub
use crate::config::Secret;
use std::borrow::Cow;
use std::sync::Arc;
#[derive(Debug)]
pub struct Redactor;
impl Redactor {
    pub fn new(_: impl Iterator<Item = (String, Secret)>) -> Self {
        Redactor
    }
}
pub struct Redaction;
impl Redaction {
    pub fn new(_: Arc<Redactor>) -> Self {
        Redaction
    }
    pub fn derive(&mut self, _: &str, _: &[u8]) {}
    pub fn redact<'a>(&self, t: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(t)
    }
    pub fn redact_bytes<'a>(&self, t: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(t)
    }
}
