//! JavaScript in its sandbox.
//!
//! The engine's own tests run natively. WebAssembly is another machine for
//! QuickJS (32 bits, values packed otherwise, another stack), so the same
//! tables are run here in the component.

#[macro_use]
#[path = "../../../../plugins/script-js/src/engine/tests/yields.rs"]
mod yields;

mod host;
mod sandbox;

use sandbox::{answers, run};

#[path = "../../../../plugins/script-js/src/engine/tests/confined.rs"]
mod confined;
#[path = "../../../../plugins/script-js/src/engine/tests/digits.rs"]
mod digits;
#[path = "../../../../plugins/script-js/src/engine/tests/json.rs"]
mod json;
#[path = "../../../../plugins/script-js/src/engine/tests/language.rs"]
mod language;
#[path = "../../../../plugins/script-js/src/engine/tests/missing.rs"]
mod missing;
#[path = "../../../../plugins/script-js/src/engine/tests/wrong.rs"]
mod wrong;
