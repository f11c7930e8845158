//! Every recipe of `docs/scripts.md`, in both languages.

use crossdock_tests::bed::call;
use crossdock_tests::guests;
use serde_json::Value;

use crate::{Shop, problems};

const PAGE: &str = include_str!("../../../docs/scripts.md");

/// Recipes there are on the page.
const RECIPES: usize = 10;

#[derive(Debug, Default)]
struct Recipe<'p> {
    title: &'p str,
    /// By the language after the fence, in their order.
    blocks: Vec<(&'p str, String)>,
}

impl Recipe<'_> {
    fn block(&self, language: &str, nth: usize) -> Option<&str> {
        let blocks = self.blocks.iter().filter(|(name, _)| *name == language);
        blocks.map(|(_, text)| text.as_str()).nth(nth)
    }
}

fn recipes() -> Vec<Recipe<'static>> {
    let (_, page) = PAGE.split_once("\n## Recipes\n").expect("the recipes");
    let mut recipes: Vec<Recipe> = Vec::new();
    let mut open: Option<&str> = None;
    for line in page.lines() {
        if let Some(language) = open {
            if line == "```" {
                open = None;
            } else if let Some(recipe) = recipes.last_mut() {
                match recipe.blocks.last_mut() {
                    Some((name, text)) if *name == language => {
                        text.push_str(line);
                        text.push('\n');
                    }
                    _ => unreachable!("a fence opens a block"),
                }
            }
        } else if let Some(language) = line.strip_prefix("```") {
            open = Some(language);
            if let Some(recipe) = recipes.last_mut() {
                recipe.blocks.push((language, String::new()));
            }
        } else if let Some(title) = line.strip_prefix("### ") {
            recipes.push(Recipe {
                title,
                ..Recipe::default()
            });
        } else if line.starts_with("## ") {
            break;
        }
    }
    recipes
}

/// One value per line, every digit kept.
fn lines(text: &str) -> Vec<Value> {
    let values = text.lines().map(serde_json::from_str);
    values.collect::<Result<_, _>>().expect("JSON")
}

/// The documents that the script makes of the items.
async fn documents(recipe: &Recipe<'_>, language: &str) -> Vec<Value> {
    let shop = Shop::new("").await;
    shop.bed.put_plugin(
        &format!("script-{language}"),
        &guests::plugin(&format!("script-{language}")),
    );
    let tables = recipe.block("csv", 0).map_or("", |csv| {
        shop.put("stores.csv", csv);
        "tables = { stores = \"stores.csv\" }\n"
    });
    let keys = format!(
        "settings = {{ per_request = 1000 }}\nmappings.echo = \"map.{language}\"\n{tables}"
    );
    shop.configure("", &keys);
    shop.put(
        &format!("map.{language}"),
        recipe.block(language, 0).expect("a script"),
    );
    let host = shop.host().await;
    assert_eq!(problems(&host), [""; 0], "{}", recipe.title);
    let items: Vec<&str> = recipe.block("json", 0).expect("items").lines().collect();
    let body = format!("[{}]", items.join(","));
    let dry = host.dry_run(call("acme", "shop", "echo", body)).await;
    let dry = dry.unwrap_or_else(|problem| panic!("{}: {problem}", recipe.title));
    let failed: Vec<_> = dry.items.iter().filter(|i| i.blame.is_some()).collect();
    assert!(failed.is_empty(), "{}: {failed:?}", recipe.title);
    let bodies = dry
        .requests
        .iter()
        .filter_map(|request| request.body.as_deref());
    bodies
        .flat_map(|body| serde_json::from_str::<Vec<Value>>(body).expect("an array"))
        .collect()
}

async fn run(language: &str) {
    let recipes = recipes();
    assert_eq!(recipes.len(), RECIPES);
    for recipe in &recipes {
        let expected = lines(recipe.block("json", 1).expect("documents"));
        let found = documents(recipe, language).await;
        assert_eq!(found, expected, "{} in {language}", recipe.title);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_does_in_jq_what_the_page_says() {
    run("jq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_does_in_javascript_what_the_page_says() {
    if !guests::plugin_file("script-js").exists() {
        eprintln!("script-js is not built; its recipes are left out");
        return;
    }
    run("js").await;
}
