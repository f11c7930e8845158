//! What every guest shares: one wasmtime engine, its linkers and its clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use super::bindings;
use super::lanes::Lanes;
use super::state::{GuestState, KeysAccess};
use crate::config::HostLimits;

/// How often a running guest is looked at. A guest gives its thread back at
/// least this often, so it is also the longest that one guest keeps a ready
/// neighbour waiting; and it is the unit in which guest time is counted.
pub const TICK: Duration = Duration::from_millis(1);

/// Guest call depth, in bytes of native stack. wasmtime's default, named here
/// because the fiber's stack below has to leave room for it.
const WASM_STACK: usize = 512 << 10;

/// Stack of the fiber a guest call runs on: the guest's own part plus what the
/// host functions it may call need.
const FIBER_STACK: usize = 1 << 20;

/// Pages of a linear memory that stay resident between instances, so that a
/// fresh instance finds them in memory. 4 MiB covers a Rust adapter whole.
const KEEP_RESIDENT: usize = 4 << 20;

/// Core modules in one component. A component made by `componentize-py` has 38.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;

/// The engine and what is linked into guests. Cloning is cheap.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    /// Compiles adapters and runs nothing.
    quick: Engine,
    /// For adapters, without WASI.
    adapter: Arc<Linker<GuestState>>,
    /// For components whose toolchain wants WASI: the empty deterministic one.
    with_wasi: Arc<Linker<GuestState>>,
    compile_pool: Arc<OnceLock<Option<rayon::ThreadPool>>>,
    limits: GuestLimits,
    lanes: Arc<Lanes>,
    _ticker: Arc<Ticker>,
}

/// The bounds of one guest.
#[derive(Debug, Clone, Copy)]
pub struct GuestLimits {
    /// Guest time of one call.
    pub deadline: Duration,
    /// Bytes one instance's memories may grow to.
    pub memory: usize,
    /// Bytes one call may hand to the host.
    pub output: usize,
}

impl Sandbox {
    /// Starts the engine. Fails only when the machine refuses the address
    /// space or the engine's settings.
    pub fn new(limits: &HostLimits) -> wasmtime::Result<Self> {
        let mut config = config(OptLevel::Speed);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(limits)));
        let engine = Engine::new(&config)?;
        let quick = Engine::new(&self::config(OptLevel::None))?;

        let mut adapter = Linker::new(&engine);
        bindings::adapter::Platform::add_to_linker::<GuestState, KeysAccess>(
            &mut adapter,
            |state| state,
        )?;
        let mut with_wasi = adapter.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut with_wasi)?;

        let ticker = Ticker::start(engine.clone());
        Ok(Self {
            engine,
            quick,
            adapter: Arc::new(adapter),
            with_wasi: Arc::new(with_wasi),
            compile_pool: Arc::new(OnceLock::new()),
            limits: GuestLimits {
                deadline: limits.guest_deadline,
                memory: limits.guest_memory,
                output: limits.guest_output,
            },
            lanes: Arc::new(Lanes::new(threads())),
            _ticker: Arc::new(ticker),
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The bounds every guest gets.
    pub fn limits(&self) -> GuestLimits {
        self.limits
    }

    /// Where guests that take long go on.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// What is linked into a component.
    pub fn linker(&self, wants_wasi: bool) -> &Linker<GuestState> {
        if wants_wasi {
            &self.with_wasi
        } else {
            &self.adapter
        }
    }

    /// Compiles a component on all cores but one, so that calls being served
    /// keep that one.
    ///
    /// Adapters are compiled without Cranelift's optimisations: that takes a
    /// sixth of the time off a swap, and an adapter's calls cost 4 % more (rustc
    /// has optimised them). A script engine's would cost 20 % more.
    pub fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        if is_script_engine(bytes) {
            return self.on_compile_threads(|| Component::from_binary(&self.engine, bytes));
        }
        let code = self.on_compile_threads(|| self.quick.precompile_component(bytes))?;
        // SAFETY: the bytes come from the compiler, one line above, in an engine
        // that differs in nothing but its optimisations; wasmtime checks both.
        unsafe { Component::deserialize(&self.engine, code) }
    }

    fn on_compile_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self.compile_pool.get_or_init(|| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            rayon::ThreadPoolBuilder::new()
                .num_threads(cores.saturating_sub(1).max(1))
                .thread_name(|i| format!("compile-{i}"))
                .build()
                .map_err(|error| tracing::warn!(%error, "no separate threads for compiling"))
                .ok()
        });
        match pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// What every engine agrees on: code of one is code of the other.
fn config(optimise: OptLevel) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(optimise)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(true);
    config
}

/// Whether the bytes look like a script engine. Nothing depends on it but what
/// its code costs; what it is gets checked once it is compiled.
fn is_script_engine(bytes: &[u8]) -> bool {
    const EXPORT: &[u8] = b"crossdock:script/engine@";
    bytes.windows(EXPORT.len()).any(|window| window == EXPORT)
}

/// Threads that guests run on: those of the runtime this is called in.
fn threads() -> usize {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.metrics().num_workers(),
        Err(_) => thread::available_parallelism().map_or(1, usize::from),
    }
}

fn pooling(limits: &HostLimits) -> PoolingAllocationConfig {
    let instances = limits.guest_instances;
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_tables_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(100_000)
        .max_memory_size(limits.guest_memory)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .max_unused_warm_slots(instances.min(256))
        .pagemap_scan(Enabled::Auto);
    pooling
}

/// The thread that advances the engine's epoch; it ends when the last
/// [`Sandbox`] is dropped.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: Engine) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })
            .map_err(|error| tracing::error!(%error, "no thread for guest deadlines"))
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread does nothing that can panic, and ends within a tick.
            let _ = thread.join();
        }
    }
}
