//! Whose fault something was, in the host's words and in the store's.

use crossdock_store as store;

use crate::problem::Blame;

/// As the store keeps it.
pub(super) fn kept(blame: Blame) -> store::Blame {
    match blame {
        Blame::Caller => store::Blame::Caller,
        Blame::Script => store::Blame::Script,
        Blame::Adapter => store::Blame::Adapter,
        Blame::Platform => store::Blame::Platform,
        Blame::Host => store::Blame::Host,
    }
}

/// As the host says it.
pub(super) fn said(blame: store::Blame) -> Blame {
    match blame {
        store::Blame::Caller => Blame::Caller,
        store::Blame::Script => Blame::Script,
        store::Blame::Adapter => Blame::Adapter,
        store::Blame::Platform => Blame::Platform,
        store::Blame::Host => Blame::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_blame_comes_back_as_it_was_kept() {
        for blame in Blame::ALL {
            assert_eq!(said(kept(blame)), blame);
        }
    }
}
