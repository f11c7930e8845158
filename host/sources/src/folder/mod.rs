mod pattern;
pub use pattern::Pattern;
