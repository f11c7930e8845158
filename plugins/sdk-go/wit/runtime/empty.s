// Lets the package declare functions that the host and the runtime have.
