//! What the host keeps of a manifest, with its schemas compiled.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::plugin::generation::CompiledOperation;
use crate::plugin::manifest::{Manifest, Repeatable};
use crate::plugin::refusal::Refusal;
use crate::schema::Schema;

/// A manifest larger than this is not read.
const MANIFEST_BYTES: usize = 4 << 20;

/// What the host keeps of a manifest.
pub(super) struct Kept {
    pub manifest: Manifest,
    pub settings: Schema,
    pub operations: HashMap<String, CompiledOperation>,
    /// How its credentials are had, as an operation that the host alone calls.
    pub grant: Option<CompiledOperation>,
    pub declared: Arc<BTreeSet<String>>,
}

/// Reads a manifest and compiles its schemas. `examples` are packed beside it.
pub(super) fn read_manifest(text: &str, examples: Vec<serde_json::Value>) -> Result<Kept, Refusal> {
    if text.len() > MANIFEST_BYTES {
        return Err(Refusal::Manifest(format!(
            "it has {} bytes, more than {MANIFEST_BYTES}",
            text.len()
        )));
    }
    let mut manifest = Manifest::read(text).map_err(Refusal::Manifest)?;
    manifest.add_examples(examples).map_err(Refusal::Manifest)?;
    let compile = |schema: &serde_json::Value, what: String| {
        Schema::compile(schema).map_err(|why| Refusal::Manifest(format!("{what} {why}")))
    };
    let settings = compile(&manifest.settings, "`settings`".into())?;
    let operations = manifest
        .operations
        .iter()
        .map(|operation| {
            let name = &operation.name;
            compile(&operation.result, format!("`result` of `{name}`"))?;
            let compiled = CompiledOperation {
                document: Arc::new(compile(
                    &operation.document,
                    format!("`document` of `{name}`"),
                )?),
                repeatable: operation.repeatable,
                max_items: operation.max_items,
                order: operation.order.clone(),
            };
            Ok((name.clone(), compiled))
        })
        .collect::<Result<_, Refusal>>()?;
    let grant = manifest
        .grant
        .as_ref()
        .map(|grant| {
            Ok::<_, Refusal>(CompiledOperation {
                document: Arc::new(compile(&grant.document(), "`grant`".into())?),
                repeatable: Repeatable::Depends,
                max_items: Some(1),
                order: None,
            })
        })
        .transpose()?;
    let declared = manifest
        .secrets
        .iter()
        .map(|secret| secret.name.clone())
        .collect();
    Ok(Kept {
        settings,
        operations,
        grant,
        declared: Arc::new(declared),
        manifest,
    })
}
