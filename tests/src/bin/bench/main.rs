//! `cargo xtask bench`: every figure the README names, measured in one run,
//! each ratio beside what it compares. `--json FILE` writes them all.

mod calls;
mod direct;
mod figures;
mod scripts;
mod tenants;

use anyhow::{Context, bail};

use figures::Figures;

/// That of the `crossdock` command, for the native service as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut json = None;
    let mut only = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = Some(arguments.next().context("`--json` takes a file")?),
            "--only" => only = Some(arguments.next().context("`--only` takes a part")?),
            other => bail!(
                "`bench` does not know {other:?}; it takes `--json FILE` and `--only adapter|script|calls|tenants`"
            ),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut figures = Figures::default();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if wanted("adapter") {
        runtime.block_on(direct::measure(&mut figures))?;
    }
    if wanted("script") {
        runtime.block_on(scripts::measure(&mut figures))?;
    }
    drop(runtime);
    if wanted("calls") {
        calls::measure(&mut figures)?;
    }
    if wanted("tenants") {
        tenants::measure(&mut figures)?;
    }
    figures.print_goals();
    if let Some(file) = json {
        figures.write(&file)?;
        println!("\nfigures written to {file}");
    }
    Ok(())
}
