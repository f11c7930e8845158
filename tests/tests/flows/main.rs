//! What is promised of flows, before an ERP and shops that answer as the test says.

mod changes;
mod database;
mod early;
mod files;
mod guide;
mod kill;
mod large;
mod late;
mod middle;
mod parked;
mod restart;
mod seen;
mod setting;
mod stock;
mod ticks;
mod whole;
