//! Work that a guest does once and for all, done while it is built.
//!
//! A core module that exports [`EXPORT`] is instantiated here, in an
//! interpreter; that function is called, and the memory it leaves becomes the
//! module's initial memory. The function is no longer exported then. A script
//! engine begins with its language set up instead of setting it up for every
//! script.

use crate::Failure;
use std::ops::Range;
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, ExportKind, ExportSection, MemorySection, Module,
    RawSection,
};
use wasmparser::{ExternalKind, Operator, Parser, Payload, ValType};

/// The function that a guest exports to be prepared.
const EXPORT: &str = "crossdock-prepare";

/// Zeros between two stretches of memory, from which on they are stored apart.
const GAP: usize = 64;

/// Instructions that preparing may take, in the interpreter's count: some
/// seconds. More is an endless loop.
const FUEL: u64 = 10_000_000_000;

/// Gives the module back as it is, or prepared if it wants to be.
pub fn prepare(module: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let shape = Shape::of(&module)?;
    if !shape.exports.iter().any(|export| export.name == EXPORT) {
        return Ok(module);
    }
    let mut memory = run(&module).map_err(|error| wrong(format!("`{EXPORT}` failed: {error}")))?;
    // What the calls left on the stack means nothing.
    let stack = usize::try_from(shape.stack_top).unwrap_or(0);
    if let Some(stack) = memory.get_mut(..stack) {
        stack.fill(0);
    }
    shape.with_memory(&module, &memory)
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    format!("a guest could not be prepared: {what}")
}

/// Calls the function and gives the memory after it.
fn run(module: &[u8]) -> Result<Vec<u8>, wasmi::Error> {
    let mut config = wasmi::Config::default();
    config.consume_fuel(true);
    let engine = wasmi::Engine::new(&config);
    let module = wasmi::Module::new(&engine, module)?;
    let mut store = wasmi::Store::new(&engine, ());
    store.set_fuel(FUEL)?;
    let mut linker = wasmi::Linker::new(&engine);
    for import in module.imports() {
        let wasmi::ExternType::Func(function) = import.ty() else {
            continue;
        };
        let name = import.name().to_owned();
        linker.func_new(
            import.module(),
            import.name(),
            function.clone(),
            move |_, _, _| {
                Err(wasmi::Error::new(format!(
                    "it called `{name}`, which is not there while building"
                )))
            },
        )?;
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    instance
        .get_typed_func::<(), ()>(&store, EXPORT)?
        .call(&mut store, ())?;
    match instance.get_memory(&store, "memory") {
        Some(memory) => Ok(memory.data(&store).to_vec()),
        None => Err(wasmi::Error::new("it exports no memory")),
    }
}

/// What has to be known of a module to give it another memory.
#[derive(Default)]
struct Shape<'a> {
    exports: Vec<wasmparser::Export<'a>>,
    memories: Vec<wasmparser::MemoryType>,
    /// Where the stack begins, which grows towards 0.
    stack_top: i32,
}

impl<'a> Shape<'a> {
    /// # Errors
    /// The module keeps more between calls than its memory.
    fn of(module: &'a [u8]) -> Result<Self, Failure> {
        let mut shape = Self::default();
        let mut mutable = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(wrong)? {
                Payload::ExportSection(exports) => {
                    shape.exports = exports
                        .into_iter()
                        .collect::<Result<_, _>>()
                        .map_err(wrong)?;
                }
                Payload::MemorySection(memories) => {
                    shape.memories = memories
                        .into_iter()
                        .collect::<Result<_, _>>()
                        .map_err(wrong)?;
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        let global = global.map_err(wrong)?;
                        if !global.ty.mutable {
                            continue;
                        }
                        mutable += 1;
                        let mut init = global.init_expr.get_operators_reader();
                        if let (ValType::I32, Ok(Operator::I32Const { value })) =
                            (global.ty.content_type, init.read())
                        {
                            shape.stack_top = value;
                        }
                    }
                }
                _ => {}
            }
        }
        let wants = shape.exports.iter().any(|export| export.name == EXPORT);
        if wants && (mutable != 1 || shape.memories.len() != 1) {
            return Err(wrong(format!(
                "it has {mutable} variables and {} memories; of both, one can be stored, the \
                 variable being the stack's place",
                shape.memories.len()
            )));
        }
        Ok(shape)
    }

    /// The same module with this memory and without the function.
    fn with_memory(&self, module: &[u8], memory: &[u8]) -> Result<Vec<u8>, Failure> {
        let stretches = stretches(memory);
        let mut prepared = Module::new();
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.map_err(wrong)?;
            match &payload {
                Payload::MemorySection(_) => {
                    prepared.section(&self.memory(memory.len()));
                }
                Payload::ExportSection(_) => {
                    prepared.section(&self.exports()?);
                }
                Payload::StartSection { .. } => {}
                Payload::DataCountSection { .. } => {
                    let count = u32::try_from(stretches.len()).map_err(wrong)?;
                    prepared.section(&DataCountSection { count });
                }
                Payload::DataSection(old) => {
                    for segment in old.clone() {
                        if let wasmparser::DataKind::Passive = segment.map_err(wrong)?.kind {
                            return Err(wrong("it has data that it places itself"));
                        }
                    }
                    prepared.section(&data(&stretches, memory)?);
                }
                other => {
                    if let Some((id, range)) = other.as_section() {
                        let data = module.get(range).ok_or_else(|| wrong("it is cut off"))?;
                        prepared.section(&RawSection { id, data });
                    }
                }
            }
        }
        Ok(prepared.finish())
    }

    fn memory(&self, bytes: usize) -> MemorySection {
        let mut section = MemorySection::new();
        for memory in &self.memories {
            let page = 1usize << memory.page_size_log2.unwrap_or(16);
            section.memory(wasm_encoder::MemoryType {
                minimum: bytes.div_ceil(page) as u64,
                maximum: memory.maximum,
                memory64: memory.memory64,
                shared: memory.shared,
                page_size_log2: memory.page_size_log2,
            });
        }
        section
    }

    fn exports(&self) -> Result<ExportSection, Failure> {
        let mut section = ExportSection::new();
        for export in self.exports.iter().filter(|export| export.name != EXPORT) {
            let kind = match export.kind {
                ExternalKind::Func => ExportKind::Func,
                ExternalKind::Table => ExportKind::Table,
                ExternalKind::Memory => ExportKind::Memory,
                ExternalKind::Global => ExportKind::Global,
                other => return Err(wrong(format!("it exports a {other:?}"))),
            };
            section.export(export.name, kind, export.index);
        }
        Ok(section)
    }
}

/// Where memory is not zero, short gaps included.
fn stretches(memory: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (position, _) in memory.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match found.last_mut() {
            Some(last) if position - last.end < GAP => last.end = position + 1,
            _ => found.push(position..position + 1),
        }
    }
    found
}

fn data(stretches: &[Range<usize>], memory: &[u8]) -> Result<DataSection, Failure> {
    let mut section = DataSection::new();
    for stretch in stretches {
        let offset = i32::try_from(stretch.start).map_err(wrong)?;
        let bytes = memory[stretch.clone()].iter().copied();
        section.active(0, &ConstExpr::i32_const(offset), bytes);
    }
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::{prepare, stretches};

    #[test]
    fn a_guest_that_does_not_ask_for_it_stays_as_it_is() {
        let module = wasm_encoder::Module::new().finish();
        assert_eq!(prepare(module.clone()).ok(), Some(module));
    }

    #[test]
    fn memory_is_stored_where_it_is_not_zero() {
        let mut memory = vec![0; 1000];
        for position in [3, 4, 60, 500, 999] {
            memory[position] = 1;
        }
        assert_eq!(stretches(&memory), [3..61, 500..501, 999..1000]);
    }
}
