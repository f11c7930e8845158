//! Records in the tenant's own words, through its script.

use crate::show::{self, heading, list, text};
use crate::stage::Stage;

/// Shows what the script makes of the records, and sends it.
pub async fn show(stage: &Stage) -> anyhow::Result<()> {
    let records = stage.read("stock.json")?;
    heading("Records in the tenant's own words, through its script mini-shop-stock.jq");
    println!("{}", records.trim_end());

    heading("What would be sent (dry run): the script's and the adapter's work, secrets masked");
    let dry = stage
        .deliver("mini-shop", "stock.update?dry_run=true", &records)
        .await?;
    for request in list(&dry["requests"]) {
        println!("{} {}", text(&request["method"]), text(&request["url"]));
        for header in list(&request["headers"]) {
            println!("{}: {}", text(&header[0]), text(&header[1]));
        }
        println!("\n{}", text(&request["body"]));
    }

    heading("Sent: what became of each item");
    let report = stage
        .accepted("mini-shop", "stock.update", &records)
        .await?;
    show::items(&report);
    println!("\nthe platform's stock now:");
    show_stock(stage);
    Ok(())
}

/// The stock that the records are about, at the platform.
pub fn show_stock(stage: &Stage) {
    let rows = [
        ("normal", "1^^^8Gú128G"),
        ("integral", "2^^^白色"),
        ("group", "2"),
    ]
    .map(|(kind, key)| {
        let stock = stage.platforms.lingzhi().stock(kind, key, "aaa");
        let quantity = stock.map_or_else(|| "none".into(), |stock| stock.stock.to_string());
        vec![kind.to_owned(), key.to_owned(), quantity]
    });
    show::table(&["type", "key", "stock"], &rows);
}
