//! What the WebAssembly runtime says, in words an operator can act on. Its own
//! words go to the debug log.

/// Why the sandbox cannot start.
pub(crate) fn unstarted(error: &wasmtime::Error) -> String {
    tracing::debug!(error = format!("{error:#}"), "no sandbox");
    "the sandbox cannot start: the system does not give it the address space for `[limits] guest_instances`, \
     or no thread; look at `ulimit -v`, at vm.overcommit_memory and at the container's limits, \
     or lower `guest_instances`"
        .to_owned()
}
