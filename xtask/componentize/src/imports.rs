//! What a component wants from its host.

use crate::Failure;
use wasmparser::{Parser, Payload};

/// Checks that a guest's component imports nothing but what it may.
pub fn only(allowed: &[String], guest: &str, component: &[u8]) -> Result<(), Failure> {
    let mut names =
        of(component).map_err(|error| format!("the component of {guest} is damaged: {error}"))?;
    names.retain(|name| !allowed.contains(name));
    match names.as_slice() {
        [] => Ok(()),
        names => Err(format!(
            "{guest} may import {}, yet its component imports {}",
            match allowed {
                [] => "nothing".to_owned(),
                allowed => format!("only {}", allowed.join(", ")),
            },
            names.join(", ")
        )),
    }
}

/// The names that a component imports itself; not what is inside of it, whose
/// parts import from one another.
fn of(component: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    names.push(import?.name.name.to_owned());
                }
            }
            // A core module that is no component at all.
            Payload::ImportSection(imports) if depth == 0 => {
                names.push(format!("{} core functions", imports.count()));
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{of, only};
    use wasm_encoder::{Component, ComponentImportSection, ComponentTypeRef, InstanceType};

    fn component(imports: &[&str]) -> Vec<u8> {
        let mut types = wasm_encoder::ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut section = ComponentImportSection::new();
        for name in imports {
            section.import(*name, ComponentTypeRef::Instance(0));
        }
        let mut component = Component::new();
        component.section(&types).section(&section);
        component.finish()
    }

    #[test]
    fn imports_are_named() {
        assert_eq!(of(&component(&[])).ok(), Some(Vec::new()));
        let found = of(&component(&["wasi:clocks/wall-clock@0.2.0"]));
        assert_eq!(
            found.ok(),
            Some(vec!["wasi:clocks/wall-clock@0.2.0".into()])
        );
    }

    #[test]
    fn what_is_imported_has_to_be_allowed() {
        let guest = component(&["a:b/c@1.0.0"]);
        assert!(only(&["a:b/c@1.0.0".into()], "x", &guest).is_ok());
        assert!(only(&[], "x", &component(&[])).is_ok());
        let refused = only(&[], "x", &guest).unwrap_err();
        assert!(refused.contains("may import nothing"), "{refused}");
    }
}
