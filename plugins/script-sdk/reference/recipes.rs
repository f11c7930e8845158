//! The recipes of `docs/scripts.md` beyond their one example: every engine
//! takes this file into its tests.

const PAGE: &str = include_str!("../../../docs/scripts.md");
const CASES: &str = include_str!("recipes.txt");

const CONTEXT: &str = r#"{"tables":{"stores":{"北京":{"code":"0010","region":"north"},"7":{"code":"0021","region":"east"}}}}"#;

/// A recipe's script, or a block of another language.
fn block(title: &str, language: &str) -> Option<&'static str> {
    let (_, recipe) = PAGE.split_once(&format!("\n### {title}\n"))?;
    let recipe = recipe.split("\n### ").next()?;
    let (_, block) = recipe.split_once(&format!("```{language}\n"))?;
    block.split("\n```").next()
}

/// Applies each recipe in a language to the items of `recipes.txt`. `run` is
/// given script, context and item, and gives the documents or nothing.
pub fn hold(language: &str, run: impl Fn(&str, &str, &str) -> Option<Vec<String>>) {
    let (mut script, mut wrong, mut checked, mut recipes) = ("", Vec::new(), 0, 0);
    for line in CASES.lines().filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            script = block(title, language).unwrap_or_else(|| panic!("no recipe {title}"));
            recipes += 1;
            continue;
        }
        let (item, expected) = line.split_once(" → ").expect("an item and its documents");
        // Where the languages differ: `jq: … | js: …`.
        let own = expected.split(" | ").find_map(|part| {
            let (name, documents) = part.split_once(": ")?;
            (name == language).then_some(documents)
        });
        let expected = own.unwrap_or(expected);
        let found = match run(script, CONTEXT, item) {
            None => "error".to_owned(),
            Some(documents) if documents.is_empty() => "nothing".to_owned(),
            Some(documents) => documents.join(" "),
        };
        checked += 1;
        if found != expected {
            wrong.push(format!("{item}\n  gives {found}\n  not   {expected}"));
        }
    }
    assert!(wrong.is_empty(), "in {language}:\n{}", wrong.join("\n"));
    assert_eq!(recipes, PAGE.matches("\n```js\n").count() - 3, "recipes");
    assert!(checked > 100, "{checked}");
}
