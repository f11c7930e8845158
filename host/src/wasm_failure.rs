//! What the WebAssembly runtime says, in words an operator can act on. Its own
//! words go to the debug log.

use std::io::{self, ErrorKind};

/// Bytes of the runtime's own words, where nothing better is known.
const WORDS: usize = 300;

/// Why the sandbox cannot start.
pub(crate) fn unstarted(error: &wasmtime::Error) -> String {
    tracing::debug!(error = format!("{error:#}"), "no sandbox");
    let refused = refused_with(error);
    let why = match refused.as_ref().map(|refused| (refused.kind(), refused)) {
        Some((ErrorKind::OutOfMemory, _)) => {
            "the system does not give it the address space for `[limits] guest_instances`; look at `ulimit -v`, \
             at vm.overcommit_memory and at the container's limits, or lower `guest_instances`"
                .to_owned()
        }
        Some((ErrorKind::WouldBlock, _)) => {
            "the system gives it no thread; look at `ulimit -u` and at the container's limit of processes".to_owned()
        }
        Some((ErrorKind::PermissionDenied, _)) => {
            "the system does not allow it memory or threads as it asks for them; look at seccomp, SELinux and the \
             container's security profile"
                .to_owned()
        }
        Some((_, refused)) => {
            format!("the system refused what it asked for: {refused}; look at the host's and the container's limits")
        }
        None => {
            let mut words = error.root_cause().to_string();
            words.truncate(words.floor_char_boundary(WORDS));
            format!(
                "the WebAssembly runtime says: {words}; look at `[limits]`, and whether this processor and system are \
                 among those that crossdock is built for"
            )
        }
    };
    format!("the sandbox cannot start: {why}")
}

/// What the system refused it with, if it was the system.
fn refused_with(error: &wasmtime::Error) -> Option<io::Error> {
    #[cfg(unix)]
    if let Some(called) = error.downcast_ref::<rustix::io::Errno>() {
        return Some((*called).into());
    }
    let refused = error.downcast_ref::<io::Error>()?;
    refused.raw_os_error().map(io::Error::from_raw_os_error)
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_cause_is_told_and_no_other() {
        let called = |errno: Errno| wasmtime::Error::from(errno).context("no pool");
        let spawned =
            |errno: Errno| wasmtime::Error::from(io::Error::from(errno)).context("no thread");
        let other = wasmtime::Error::msg("SIMD is not there").context("no engine");
        for (error, word) in [
            (called(Errno::NOMEM), "address space"),
            (spawned(Errno::AGAIN), "no thread"),
            (called(Errno::PERM), "seccomp"),
            (called(Errno::MFILE), "refused what it asked for"),
            (other, "SIMD is not there"),
        ] {
            let said = unstarted(&error);
            assert!(said.contains(word), "{said}");
            let space = said.contains("address space");
            assert_eq!(space, word == "address space", "{said}");
        }
    }
}
