//! Which folder holds the examples of an operation.

use super::Example;

/// Gives examples whose folder only tells that it is one of `a.b-c` and `a-b.c`
/// the operation that there is.
pub fn settle<'n>(examples: &mut [Example], operations: impl Iterator<Item = &'n str> + Clone) {
    for example in examples {
        if operations.clone().any(|name| name == example.operation) {
            continue;
        }
        let dashed = folder_of(&example.operation);
        let mut alike = operations.clone().filter(|name| folder_of(name) == dashed);
        if let (Some(name), None) = (alike.next(), alike.next()) {
            name.clone_into(&mut example.operation);
        }
    }
}

/// The folder of an operation's examples.
pub fn folder_of(operation: &str) -> String {
    operation.replace('.', "-")
}
