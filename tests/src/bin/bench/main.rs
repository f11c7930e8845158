//! `cargo xtask bench`: every figure the README names, measured in one run,
//! each ratio beside what it compares. `--json FILE` writes them all.

mod calls;
mod direct;
mod figures;
mod scripts;

use anyhow::{Context, bail};

use figures::Figures;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut json = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = Some(arguments.next().context("`--json` takes a file")?),
            other => bail!("`bench` does not know {other:?}; it takes `--json FILE`"),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut figures = Figures::default();
    runtime.block_on(direct::measure(&mut figures))?;
    runtime.block_on(scripts::measure(&mut figures))?;
    drop(runtime);
    calls::measure(&mut figures)?;
    figures.print_goals();
    if let Some(file) = json {
        figures.write(&file)?;
        println!("\nfigures written to {file}");
    }
    Ok(())
}
