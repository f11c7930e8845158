//! What is promised of flows, before an ERP and shops that answer as the test says.

mod changes;
mod kill;
mod parked;
mod setting;
mod stock;
mod ticks;
mod whole;
