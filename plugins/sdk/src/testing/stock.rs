//! The stock core in an adapter's manifest.

use crate::Adapter;
use crate::stock::CORE_SCHEMA;
use serde_json::Value;

/// What a platform may add to a field of the core: its own words for it.
const WORDS: [&str; 3] = ["title", "description", "examples"];

/// Checks that `stock.update` has the core that every platform has, with the
/// platform's own words, and that every field has a title and a description. It
/// may demand less than the core does, where its platform can do with less, but
/// nothing more: what the core allows goes to every platform.
///
/// # Panics
/// With the first difference.
pub fn share_the_stock_core<A: Adapter>() {
    let manifest: Value = serde_json::from_str(&A::describe()).expect("the manifest is JSON");
    let core: Value = serde_json::from_str(CORE_SCHEMA).expect("the core's schema is JSON");
    let operations = manifest["operations"].as_array();
    let stock = operations
        .into_iter()
        .flatten()
        .find(|operation| operation["name"] == "stock.update")
        .expect("the adapter has the operation stock.update");
    let document = &stock["document"];
    for keyword in ["type", "additionalProperties"] {
        assert_eq!(
            document[keyword], core[keyword],
            "{keyword} of the document"
        );
    }
    let required = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    for field in required(document) {
        assert!(
            required(&core).contains(&field),
            "the document demands {field}, which the core does not"
        );
    }
    let fields = core["properties"].as_object().expect("the core has fields");
    for (name, expected) in fields {
        let mut field = document["properties"][name].clone();
        let Some(keywords) = field.as_object_mut() else {
            panic!("the document has no field {name}");
        };
        for word in WORDS {
            keywords.remove(word);
        }
        assert_eq!(field, *expected, "field {name}");
    }
    for (name, field) in document["properties"].as_object().into_iter().flatten() {
        for word in ["title", "description"] {
            assert!(field[word].is_string(), "field {name} has no {word}");
        }
    }
}
