//! Tenant, connection, operation.

use std::fmt;

/// Items of one lane can share a request, and order is kept within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Tenant.
    pub tenant: String,
    /// Connection.
    pub connection: String,
    /// Operation.
    pub operation: String,
}

impl Lane {
    /// A lane by its three names.
    pub fn new(
        tenant: impl Into<String>,
        connection: impl Into<String>,
        operation: impl Into<String>,
    ) -> Self {
        Self {
            tenant: tenant.into(),
            connection: connection.into(),
            operation: operation.into(),
        }
    }

    /// The connection it belongs to.
    pub fn connection_name(&self) -> ConnectionName {
        ConnectionName {
            tenant: self.tenant.clone(),
            connection: self.connection.clone(),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.connection, self.operation)
    }
}

/// A tenant's connection: what limits, pauses and breakers are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionName {
    /// Tenant.
    pub tenant: String,
    /// Connection.
    pub connection: String,
}
