//! What stands in for WASI's first preview, which some toolchains ask for though
//! an adapter has no system: no file, no environment, no argument; a clock that
//! begins at 0 and moves when it is looked at; random numbers that are none.
//! What is written, say by a runtime that gives up, goes to the log.
//!
//! It is a module that `wit-component` links below an adapter's. It keeps
//! nothing in memory, which is the adapter's own: a runtime that has not begun
//! yet is not asked for any.

use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemoryType, Module,
    TypeSection, ValType,
};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::component::WIT;

/// The module that is asked for.
pub const NAME: &str = "wasi_snapshot_preview1";

/// The world of the stand-in.
const WORLD: &str =
    "package crossdock:stand-in; world stand-in { import crossdock:adapter/log@0.1.0; }";

/// "There is no such file."
const BAD_FILE: i32 = 8;

/// Level `error` of the log.
const ERROR: i32 = 3;

/// How far the clock moves when somebody looks, and when somebody waits.
const LOOK_NS: i64 = 1_000;
const WAIT_NS: i64 = 1_000_000_000;

/// The only import, and with it the number of the first function of its own.
const LOG: u32 = 0;

/// The only global: the time.
const CLOCK: u32 = 0;

/// A function: its name, its parameters (`i` of 32 bits, `l` of 64), and what it
/// does.
type Given = (&'static str, &'static str, Does);

#[derive(Clone, Copy)]
enum Does {
    /// Says that all went well.
    Nothing,
    /// Says that there is no such file.
    Refuses,
    /// Says that there are none, and no bytes of them.
    None,
    ClockResolution,
    Time,
    Random,
    Write,
    /// Waiting takes no time.
    Wait,
    /// Ends the call.
    Exit,
}

use Does::{ClockResolution, Exit, None as NoneOf, Nothing, Random, Refuses, Time, Wait, Write};

/// All of WASI's first preview.
const GIVEN: [Given; 46] = [
    ("args_get", "ii", Nothing),
    ("args_sizes_get", "ii", NoneOf),
    ("environ_get", "ii", Nothing),
    ("environ_sizes_get", "ii", NoneOf),
    ("clock_res_get", "ii", ClockResolution),
    ("clock_time_get", "ili", Time),
    ("fd_advise", "illi", Refuses),
    ("fd_allocate", "ill", Refuses),
    ("fd_close", "i", Refuses),
    ("fd_datasync", "i", Refuses),
    ("fd_fdstat_get", "ii", Refuses),
    ("fd_fdstat_set_flags", "ii", Refuses),
    ("fd_fdstat_set_rights", "ill", Refuses),
    ("fd_filestat_get", "ii", Refuses),
    ("fd_filestat_set_size", "il", Refuses),
    ("fd_filestat_set_times", "illi", Refuses),
    ("fd_pread", "iiili", Refuses),
    ("fd_prestat_get", "ii", Refuses),
    ("fd_prestat_dir_name", "iii", Refuses),
    ("fd_pwrite", "iiili", Refuses),
    ("fd_read", "iiii", Refuses),
    ("fd_readdir", "iiili", Refuses),
    ("fd_renumber", "ii", Refuses),
    ("fd_seek", "ilii", Refuses),
    ("fd_sync", "i", Refuses),
    ("fd_tell", "ii", Refuses),
    ("fd_write", "iiii", Write),
    ("path_create_directory", "iii", Refuses),
    ("path_filestat_get", "iiiii", Refuses),
    ("path_filestat_set_times", "iiiilli", Refuses),
    ("path_link", "iiiiiii", Refuses),
    ("path_open", "iiiiillii", Refuses),
    ("path_readlink", "iiiiii", Refuses),
    ("path_remove_directory", "iii", Refuses),
    ("path_rename", "iiiiii", Refuses),
    ("path_symlink", "iiiii", Refuses),
    ("path_unlink_file", "iii", Refuses),
    ("poll_oneoff", "iiii", Wait),
    ("proc_exit", "i", Exit),
    ("proc_raise", "i", Refuses),
    ("sched_yield", "", Nothing),
    ("random_get", "ii", Random),
    ("sock_accept", "iii", Refuses),
    ("sock_recv", "iiiiii", Refuses),
    ("sock_send", "iiiii", Refuses),
    ("sock_shutdown", "ii", Refuses),
];

/// The stand-in, with what says that it writes to the log.
///
/// # Errors
/// The contract cannot be read, which a test rules out.
pub fn stand_in() -> anyhow::Result<Vec<u8>> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 3], []);
    let mut imports = ImportSection::new();
    imports.import(
        "crossdock:adapter/log@0.1.0",
        "write",
        EntityType::Function(0),
    );
    let memory = MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut globals = GlobalSection::new();
    let clock = GlobalType {
        val_type: ValType::I64,
        mutable: true,
        shared: false,
    };
    globals.global(clock, &ConstExpr::i64_const(0));
    let (mut functions, mut exports, mut code) = (
        FunctionSection::new(),
        ExportSection::new(),
        CodeSection::new(),
    );
    for (index, (name, parameters, does)) in (1..).zip(GIVEN) {
        let results: &[ValType] = match does {
            Exit => &[],
            _ => &[ValType::I32],
        };
        types
            .ty()
            .function(parameters.bytes().map(value), results.iter().copied());
        functions.function(index);
        exports.export(name, ExportKind::Func, LOG + index);
        code.function(&body(does));
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&globals)
        .section(&exports)
        .section(&code);
    let mut module = module.finish();
    let mut resolve = Resolve::default();
    resolve.push_str("adapter.wit", WIT)?;
    let package = resolve.push_str("stand-in.wit", WORLD)?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

fn value(letter: u8) -> ValType {
    match letter {
        b'l' => ValType::I64,
        _ => ValType::I32,
    }
}

/// A number of 32 bits at an address, which need not be aligned.
const WORD: MemArg = MemArg {
    offset: 0,
    align: 0,
    memory_index: 0,
};

fn body(does: Does) -> Function {
    let locals: &[(u32, ValType)] = match does {
        Write => &[(1, ValType::I32)],
        _ => &[],
    };
    let mut function = Function::new(locals.iter().copied());
    let mut code = function.instructions();
    match does {
        Nothing => code.i32_const(0),
        Refuses => code.i32_const(BAD_FILE),
        NoneOf => {
            for place in 0..2 {
                code.local_get(place).i32_const(0).i32_store(WORD);
            }
            code.i32_const(0)
        }
        ClockResolution => {
            code.local_get(1).i64_const(LOOK_NS).i64_store(WORD);
            code.i32_const(0)
        }
        Time => {
            moved(&mut code, LOOK_NS);
            code.local_get(2).global_get(CLOCK).i64_store(WORD);
            code.i32_const(0)
        }
        Random => {
            code.local_get(0).i32_const(42).local_get(1).memory_fill(0);
            code.i32_const(0)
        }
        Wait => {
            moved(&mut code, WAIT_NS);
            // Nothing happened meanwhile.
            code.local_get(3).i32_const(0).i32_store(WORD);
            code.i32_const(0)
        }
        Exit => code.unreachable(),
        Write => write(&mut code),
    };
    code.end();
    function
}

fn moved(code: &mut InstructionSink<'_>, by: i64) {
    code.global_get(CLOCK)
        .i64_const(by)
        .i64_add()
        .global_set(CLOCK);
}

/// `fd_write(file, pieces, count, written)`: each piece, an address and a
/// length, is a line of the log.
fn write<'c, 'f>(code: &'c mut InstructionSink<'f>) -> &'c mut InstructionSink<'f> {
    const PIECES: u32 = 1;
    const COUNT: u32 = 2;
    const WRITTEN: u32 = 3;
    const TOTAL: u32 = 4;
    const LENGTH: MemArg = MemArg { offset: 4, ..WORD };
    use wasm_encoder::BlockType::Empty;

    code.block(Empty).loop_(Empty);
    code.local_get(COUNT).i32_eqz().br_if(1);
    code.local_get(PIECES).i32_load(LENGTH).if_(Empty);
    code.i32_const(ERROR);
    code.local_get(PIECES).i32_load(WORD);
    code.local_get(PIECES).i32_load(LENGTH);
    code.call(LOG);
    code.local_get(TOTAL);
    code.local_get(PIECES).i32_load(LENGTH);
    code.i32_add().local_set(TOTAL);
    code.end();
    code.local_get(PIECES)
        .i32_const(8)
        .i32_add()
        .local_set(PIECES);
    code.local_get(COUNT)
        .i32_const(1)
        .i32_sub()
        .local_set(COUNT);
    code.br(0).end().end();
    code.local_get(WRITTEN).local_get(TOTAL).i32_store(WORD);
    code.i32_const(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_is_a_module_with_every_function() {
        let module = stand_in().unwrap();
        wasmparser::validate(&module).unwrap();
        let mut names = Vec::new();
        for payload in wasmparser::Parser::new(0).parse_all(&module) {
            if let wasmparser::Payload::ExportSection(exports) = payload.unwrap() {
                names.extend(exports.into_iter().map(|export| export.unwrap().name));
            }
        }
        assert_eq!(names.len(), GIVEN.len());
        for name in ["fd_write", "clock_time_get", "random_get", "proc_exit"] {
            assert!(names.contains(&name), "{name}");
        }
    }
}
