//! Tests of grants.
