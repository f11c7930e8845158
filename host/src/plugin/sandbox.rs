//! What every guest shares: one wasmtime engine, its linkers and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use super::bindings;
use super::lanes::Lanes;
use super::room::Rooms;
use super::state::{GuestState, KeysAccess};
use super::ticker::{ClockStopped, Ticker};
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
    /// For adapters and language runtimes, without WASI.
    adapter: Arc<Linker<GuestState>>,
    /// For components whose toolchain wants WASI: the empty deterministic one.
    with_wasi: Arc<Linker<GuestState>>,
    limits: GuestLimits,
    lanes: Arc<Lanes>,
    rooms: Arc<Rooms>,
    ticker: Arc<Ticker>,
    /// Ticks that guests have spent.
    spent: Arc<AtomicU64>,
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
    /// space, the engine's settings, or the thread that bounds guests in time.
    pub fn new(limits: &HostLimits) -> wasmtime::Result<Self> {
        let mut config = config(OptLevel::Speed);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(limits)));
        let engine = Engine::new(&config)?;

        let mut adapter = Linker::new(&engine);
        bindings::adapter::Platform::add_to_linker::<GuestState, KeysAccess>(
            &mut adapter,
            |state| state,
        )?;
        // Who may import it, the outline decides.
        bindings::source::LanguageRuntime::add_to_linker::<GuestState, KeysAccess>(
            &mut adapter,
            |state| state,
        )?;
        // The interface alone: its world has `keys` once more.
        bindings::inbound::crossdock::adapter0_1_1::verify::add_to_linker::<GuestState, KeysAccess>(
            &mut adapter,
            |state| state,
        )?;
        bindings::tables::LookingUp::add_to_linker::<GuestState, KeysAccess>(
            &mut adapter,
            |state| state,
        )?;
        let mut with_wasi = adapter.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut with_wasi)?;

        let ticker = Ticker::start(engine.clone()).map_err(|error| {
            wasmtime::Error::from(error).context("no thread that counts guest time")
        })?;
        Ok(Self {
            engine,
            adapter: Arc::new(adapter),
            with_wasi: Arc::new(with_wasi),
            limits: GuestLimits {
                deadline: limits.guest_deadline,
                memory: limits.guest_memory,
                output: limits.guest_output,
            },
            lanes: Arc::new(Lanes::new(threads())),
            rooms: Arc::default(),
            ticker: Arc::new(ticker),
            spent: Arc::default(),
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the thread still runs that lets guests' deadlines pass.
    pub fn is_ticking(&self) -> bool {
        self.ticker.check().is_ok()
    }

    /// The bounds every guest gets.
    pub fn limits(&self) -> GuestLimits {
        self.limits
    }

    /// Where guests that take long go on.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// Who makes room for one more instance.
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// Guest time of a call that has ended.
    pub(super) fn spent(&self, time: Duration) {
        let ticks = time.as_millis() / TICK.as_millis();
        self.spent.fetch_add(ticks as u64, Ordering::Relaxed);
    }

    /// Guest time of all calls so far.
    pub fn guest_time(&self) -> Duration {
        let ticks = self.spent.load(Ordering::Relaxed);
        Duration::from_millis(ticks.saturating_mul(TICK.as_millis() as u64))
    }

    /// Whether guests are interrupted when their time is over. None may run
    /// otherwise.
    pub fn check_clock(&self) -> Result<(), ClockStopped> {
        self.ticker.check()
    }

    /// The same, for a guest that runs to look at.
    pub(super) fn clock_runs(&self) -> Arc<AtomicBool> {
        self.ticker.runs()
    }

    /// What is linked into a component.
    pub fn linker(&self, wants_wasi: bool) -> &Linker<GuestState> {
        if wants_wasi {
            &self.with_wasi
        } else {
            &self.adapter
        }
    }

    /// A component from what the compiler made of it: of this process, or of the
    /// one that runs this same binary.
    pub(super) fn component(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the code comes from `compile` and from nowhere else: the compiler
        // of this very binary, in an engine that differs in nothing but its
        // optimisations and how it gets memory, and whole, as its seal shows. No
        // guest can have made it; wasmtime checks version and settings.
        unsafe { Component::deserialize(&self.engine, code) }
    }
}

/// What every engine agrees on: code of one is code of the other.
pub(super) fn config(optimise: OptLevel) -> Config {
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
