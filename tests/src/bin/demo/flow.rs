//! Stock from an ERP to three shops by a flow, while everything changes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock_stand_ins::{Misbehaviour, Plan};
use crossdock_tests::platforms::TENANT;
use crossdock_tests::stock::{Scene, setting};

use crate::show::{heading, table};
use crate::stage::BOUND;

/// Articles of the ERP, and how many change in each later round.
const ARTICLES: usize = 120;
const SOME: usize = 40;

/// Draws what changes.
const SEED: u64 = 7;

/// The script with which stock is given from the middle of the demo on.
const NEW_SCRIPT: &str = "# No shop shows less than nothing.\n{sku: \"a-\\(.rec_id)\", location: \"S1\", quantity: ([.syn_stock, 0] | max)}\n";

/// Shows all of it, and compares at the end.
pub async fn show(binary: &Path, next_adapter: &Path) -> anyhow::Result<()> {
    let mut scene = Scene::new(binary, ARTICLES, SEED)?;
    heading("A tenant's flow: from the ERP, through a calculation, to three shops, and back");
    println!("{}", setting::FLOW.trim());
    for (file, text) in setting::SCRIPTS {
        println!("\n{file}\n{}", text.trim_end());
    }
    scene.start().await;

    heading(&format!(
        "The stock of all {ARTICLES} articles changes in the ERP"
    ));
    scene.change_all();
    wait(&mut scene, 0).await?;

    heading(&format!(
        "{SOME} more changes, and one shop misbehaves: every third request of fengchao fails or loses its answer"
    ));
    let mut number = 0_u32;
    scene.stand_ins.misbehave_by("fengchao", move |_| {
        number += 1;
        Some(match number % 9 {
            0 => Plan::new(Misbehaviour::Http500),
            3 => Plan::new(Misbehaviour::ResetBeforeApplying),
            6 => Plan::new(Misbehaviour::ResetAfterApplying),
            _ => return None,
        })
    });
    scene.change_some(SOME);
    wait(&mut scene, SOME / 2).await?;

    heading("While it runs: a script is edited, an adapter replaced, the host killed");
    scene.change_some(SOME);
    scene.bed.put_tenant(TENANT, "erp-to-shop.jq", NEW_SCRIPT);
    println!("erp-to-shop.jq is saved with other text");
    scene.change_some(SOME);
    let adapter = std::fs::read(next_adapter)
        .with_context(|| format!("{} cannot be read", next_adapter.display()))?;
    scene.bed.put_plugin("lingzhi", &adapter);
    println!("the next version of adapter lingzhi is renamed into place");
    wait(&mut scene, SOME / 2).await?;
    scene.change_some(SOME);
    scene.kill_after(SOME as u64).await?;
    println!("the host is killed in the middle of a run, and started again");

    heading("In the end");
    scene.stand_ins.behave("fengchao");
    scene.settle().await?;
    let found = scene.compare().await?;
    let row = |(shop, equal): (&str, usize)| {
        vec![shop.to_owned(), format!("{equal} of {ARTICLES} articles")]
    };
    let rows: Vec<Vec<String>> = scene.equal().into_iter().map(row).collect();
    table(&["shop", "has the stock of the ERP for"], &rows);
    found.hold()?;
    println!(
        "\n{} changes in the ERP, {} confirmations; {} requests met a misbehaviour, {} numbers were\nsent again since their answer was lost or not yet written down; no older number came after a newer one",
        found.changes, found.confirmations, found.misbehaved, found.sent_again
    );
    scene.stop().await;
    heading("Done");
    println!("A tour of what the host does with single calls:  cargo xtask demo --tour");
    Ok(())
}

/// Waits until no more than some articles wait for their confirmation.
async fn wait(scene: &mut Scene, most: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    while scene.pending() > most {
        ensure!(
            began.elapsed() < BOUND,
            "{} articles are not confirmed within {BOUND:?}",
            scene.pending()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let equal = scene.equal().map(|(shop, equal)| format!("{shop} {equal}"));
    println!(
        "after {:.1} s: shops have the stock of the ERP: {} of {ARTICLES}; {} articles wait for their confirmation",
        began.elapsed().as_secs_f64(),
        equal.join(", "),
        scene.pending()
    );
    Ok(())
}
