//! What others send by themselves, through to a shop: a platform's pushes, verified
//! by its adapter, and flows' webhooks.

mod javascript;
mod platform;
mod setting;
mod webhook;
