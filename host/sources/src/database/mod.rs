mod url;
pub use url::{DatabaseUrl, Kind};
