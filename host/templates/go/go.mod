module __name__

go 1.24

require crossdock v0.0.0

// The contract's bindings lie here, so that nothing has to be fetched.
replace crossdock => ./sdk
