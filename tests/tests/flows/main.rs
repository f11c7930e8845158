//! What is promised of flows, before an ERP and shops that answer as the test says.

mod changes;
mod files;
mod guide;
mod kill;
mod large;
mod parked;
mod seen;
mod setting;
mod stock;
mod ticks;
mod whole;
