//! `cargo xtask bench`: every figure the README names, measured in one run,
//! each ratio beside what it compares. `--json FILE` writes them all.

mod calls;
mod direct;
mod figures;
mod instructions;
mod outbox;
mod scripts;
mod tenants;

use clap::{Parser, ValueEnum};

use figures::Figures;

/// That of the `crossdock` command, for the native service as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures every figure of docs/performance.md in one run.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// Measure only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// How much of the outbox's full sizes, from 0.001 to 1
    #[arg(long, value_name = "PART", default_value_t = 1.0, value_parser = part_of_one)]
    scale: f64,
}

fn part_of_one(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (0.001..=1.0).contains(&number) {
        true => Ok(number),
        false => Err("not from 0.001 to 1".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// map, sign and parse-response of one adapter
    Adapter,
    /// Mapping scripts
    Script,
    /// Whole calls through the host, and swaps under load
    Calls,
    /// Instructions of a whole call, which needs valgrind
    Instructions,
    /// Ten thousand tenants
    Tenants,
    /// Records that are queued: taken in, delivered, folded, waiting
    Outbox,
}

fn main() -> anyhow::Result<()> {
    let Arguments { json, only, scale } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut figures = Figures::default();
    let wanted = |part: Part| only.is_none_or(|only| only == part);
    if wanted(Part::Adapter) {
        runtime.block_on(direct::measure(&mut figures))?;
    }
    if wanted(Part::Script) {
        runtime.block_on(scripts::measure(&mut figures))?;
    }
    if wanted(Part::Instructions) {
        runtime.block_on(instructions::measure(&mut figures))?;
    }
    if wanted(Part::Outbox) {
        runtime.block_on(outbox::measure(&mut figures, outbox::Scale(scale)))?;
    }
    drop(runtime);
    if wanted(Part::Calls) {
        calls::measure(&mut figures)?;
    }
    if wanted(Part::Tenants) {
        tenants::measure(&mut figures)?;
    }
    figures.print_goals();
    if let Some(file) = json {
        figures.write(&file)?;
        println!("\nfigures written to {}", file.display());
    }
    Ok(())
}
