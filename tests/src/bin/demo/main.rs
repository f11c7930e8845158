//! `cargo xtask demo`: the host at its job, with stand-ins of the platforms.
//!
//! A real `crossdock serve` process, real components, real HTTP. Arguments:
//! the host's binary, a folder to work in, the next version of the lingzhi
//! adapter, `--tour` for a tour of what the host does with single calls, and
//! `--keep` with it to leave host and stand-ins running.
//!
//! * [`flow`]: stock from an ERP to three shops, while everything changes.
//! * [`stage`]: the folder, the stand-ins, the host's process.
//! * [`platforms`]: five platforms with one tenant.
//! * [`script`]: records in the tenant's own words.
//! * [`swap`]: script and adapter replaced while clients call.
//! * [`outbox`]: the host killed in the middle of a burst.
//! * [`show`]: headings and tables.

mod flow;
mod outbox;
mod platforms;
mod script;
mod show;
mod stage;
mod swap;

use std::path::Path;

use anyhow::bail;
use stage::Stage;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let keep = arguments.iter().any(|argument| argument == "--keep");
    let tour = keep || arguments.iter().any(|argument| argument == "--tour");
    arguments.retain(|argument| argument != "--keep" && argument != "--tour");
    let [binary, folder, next_adapter] = arguments.as_slice() else {
        bail!(
            "usage: demo HOST-BINARY FOLDER NEXT-ADAPTER [--tour] [--keep]; `cargo xtask demo` calls it"
        );
    };
    if !tour {
        return flow::show(Path::new(binary), Path::new(next_adapter)).await;
    }
    let mut stage = Stage::start(Path::new(binary), Path::new(folder)).await?;
    platforms::show(&stage).await?;
    script::show(&stage).await?;
    swap::show(&stage, Path::new(next_adapter)).await?;
    outbox::show(&mut stage).await?;
    if keep {
        stage.wait_for_the_user().await?;
    }
    stage.stop().await
}
