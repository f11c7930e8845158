//! What the types of a component's interface are, beside those of the contract:
//! for whoever built it against another `wit/`. Only asked where they differ.

use std::collections::BTreeMap;

use wasmparser::component_types::{
    ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType, ComponentInstanceType,
    ComponentValType,
};
use wasmparser::types::TypesRef;
use wasmparser::{Validator, WasmFeatures};

use super::verify::ADAPTER_EXPORT;

/// Bytes of a type that are written out.
const TYPE_BYTES: usize = 4 << 10;

/// An interface of the contract: its types, each after those it is made of, and
/// its functions. As in `wit/adapter/adapter.wit`; a test holds them together.
struct Interface {
    name: &'static str,
    types: &'static [(&'static str, &'static str)],
    functions: &'static [(&'static str, &'static str)],
}

const ADAPTER: Interface = Interface {
    name: ADAPTER_EXPORT,
    types: &[
        ("body", "variant { empty, text(string), bytes(list<u8>) }"),
        ("pair", "tuple<string, string>"),
        (
            "context",
            "record { now-ms: u64, nonce: string, settings: string }",
        ),
        (
            "draft",
            "record { method: string, path: string, query: list<pair>, headers: list<pair>, body: body }",
        ),
        ("detail", "record { pointer: string, message: string }"),
        (
            "fault",
            "variant { invalid-input(detail), invalid-settings(detail), invalid-reply(detail), unsupported(string), other(string) }",
        ),
        ("item", "record { key: string, document: string }"),
        (
            "request",
            "record { draft: draft, items: list<u32>, repeatable: bool }",
        ),
        ("failure", "record { item: u32, fault: fault }"),
        (
            "mapped",
            "record { requests: list<request>, failures: list<failure> }",
        ),
        (
            "edit",
            "variant { set-query(pair), set-header(pair), replace-body(body), secret-query(pair), secret-header(pair) }",
        ),
        (
            "reply",
            "record { status: u16, headers: list<pair>, body: body }",
        ),
        (
            "refusal",
            "record { code: string, message: string, details: list<detail> }",
        ),
        (
            "pause",
            "record { after-ms: option<u32>, code: string, message: string }",
        ),
        (
            "outcome",
            "variant { accepted(string), duplicate(string), rejected(refusal), retry(pause), throttled(pause), unauthenticated(refusal), unknown(refusal) }",
        ),
        (
            "parsed",
            "record { outcomes: list<outcome>, next: option<draft> }",
        ),
    ],
    functions: &[
        ("describe", "func() -> string"),
        (
            "map",
            "func(ctx: context, operation: string, items: list<item>) -> result<mapped, fault>",
        ),
        (
            "sign",
            "func(ctx: context, operation: string, draft: draft) -> result<list<edit>, fault>",
        ),
        (
            "parse-response",
            "func(ctx: context, operation: string, request: request, reply: reply) -> result<parsed, fault>",
        ),
    ],
};

const KEYS: Interface = Interface {
    name: "crossdock:adapter/keys@0.1.0",
    types: &[
        ("digest", "enum { md5, sha1, sha256, sha512 }"),
        (
            "chunk",
            "variant { text(string), bytes(list<u8>), secret(string) }",
        ),
        (
            "key-error",
            "variant { not-found(string), not-permitted, other(string) }",
        ),
    ],
    functions: &[
        (
            "hash",
            "func(alg: digest, message: list<chunk>) -> result<list<u8>, key-error>",
        ),
        (
            "hmac",
            "func(alg: digest, key: list<chunk>, messages: list<list<chunk>>) -> result<list<u8>, key-error>",
        ),
    ],
};

const LOG: Interface = Interface {
    name: "crossdock:adapter/log@0.1.0",
    types: &[("level", "enum { debug, info, warn, error }")],
    functions: &[("write", "func(level: level, message: string)")],
};

/// The first thing in which a component's interface differs from the adapter's
/// contract, with what each of the two has; nothing where none is found.
pub(super) fn difference(bytes: &[u8]) -> Option<String> {
    let features = WasmFeatures::default() | WasmFeatures::COMPONENT_MODEL;
    let types = Validator::new_with_features(features)
        .validate_all(bytes)
        .ok()?;
    let types = types.as_ref();
    let instance = |item: Option<&ComponentEntityType>| match item {
        Some(ComponentEntityType::Instance(id)) => Some(&types[*id]),
        _ => None,
    };
    let exported = types.component_item_for_export(ADAPTER.name);
    let Some(exported) = instance(exported.map(|item| &item.ty)) else {
        return Some(format!("`{}` is no instance of an interface", ADAPTER.name));
    };
    if let Some(found) = differs(types, exported, &ADAPTER, true) {
        return Some(found);
    }
    [KEYS, LOG].iter().find_map(|interface| {
        let imported = types.component_item_for_import(interface.name);
        let imported = instance(imported.map(|item| &item.ty))?;
        differs(types, imported, interface, false)
    })
}

fn differs(
    types: TypesRef<'_>,
    instance: &ComponentInstanceType,
    contract: &Interface,
    whole: bool,
) -> Option<String> {
    let mut shown = Shown {
        types,
        names: BTreeMap::new(),
    };
    for (name, expected) in contract.types {
        let Some(ComponentEntityType::Type { created, .. }) =
            instance.exports.get(*name).map(|item| &item.ty)
        else {
            continue;
        };
        let wasmparser::component_types::ComponentAnyTypeId::Defined(id) = created else {
            return Some(format!(
                "`{name}` should be `{expected}`, and is a resource"
            ));
        };
        let came = shown.defined(*id);
        if came != *expected {
            return Some(format!(
                "`{name}` is `{came}`, and the contract has `{expected}`"
            ));
        }
        shown.names.insert(came, name);
    }
    for (name, expected) in contract.functions {
        match instance.exports.get(*name).map(|item| &item.ty) {
            Some(ComponentEntityType::Func(id)) => {
                let came = shown.function(*id);
                if came != *expected {
                    return Some(format!(
                        "`{name}` is `{came}`, and the contract has `{expected}`"
                    ));
                }
            }
            // What is imported may be less than what there is.
            None if !whole => {}
            _ => {
                return Some(format!(
                    "it has no `{name}`, and the contract has `{name}: {expected}`"
                ));
            }
        }
    }
    if whole {
        return None;
    }
    let functions = instance
        .exports
        .iter()
        .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)));
    let mut unknown = functions
        .map(|(name, _)| name)
        .filter(|name| !contract.functions.iter().any(|(known, _)| known == name));
    unknown.next().map(|name| {
        format!(
            "it imports `{name}` of `{}`, which is not there",
            contract.name
        )
    })
}

/// Types as WIT writes them, with the contract's names for those that are known
/// to be the contract's.
struct Shown<'t> {
    types: TypesRef<'t>,
    names: BTreeMap<String, &'static str>,
}

impl Shown<'_> {
    fn function(&self, id: wasmparser::component_types::ComponentFuncTypeId) -> String {
        let function = &self.types[id];
        let params = function
            .params
            .iter()
            .map(|(name, ty)| format!("{name}: {}", self.value(*ty)));
        let params = params.collect::<Vec<_>>().join(", ");
        let result = function
            .result
            .map(|ty| format!(" -> {}", self.value(ty)))
            .unwrap_or_default();
        let is_async = if function.async_ { "async " } else { "" };
        bounded(format!("{is_async}func({params}){result}"))
    }

    /// A type by its name, if it has one, or written out.
    fn value(&self, ty: ComponentValType) -> String {
        match ty {
            ComponentValType::Primitive(primitive) => primitive.to_string(),
            ComponentValType::Type(id) => {
                let text = self.defined(id);
                match self.names.get(&text) {
                    Some(name) => (*name).to_owned(),
                    None => text,
                }
            }
        }
    }

    fn defined(&self, id: ComponentDefinedTypeId) -> String {
        let value = |ty: &ComponentValType| self.value(*ty);
        let payload = |name: &dyn std::fmt::Display, ty: &Option<ComponentValType>| match ty {
            Some(ty) => format!("{name}({})", value(ty)),
            None => name.to_string(),
        };
        let half =
            |ty: &Option<ComponentValType>| ty.as_ref().map_or_else(|| "_".to_owned(), value);
        let text = match &self.types[id] {
            ComponentDefinedType::Primitive(primitive) => primitive.to_string(),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter();
                let fields = fields.map(|(name, ty)| format!("{name}: {}", value(ty)));
                format!("record {{ {} }}", joined(fields))
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter();
                let cases = cases.map(|(name, case)| payload(name, &case.ty));
                format!("variant {{ {} }}", joined(cases))
            }
            ComponentDefinedType::List { element, .. } => format!("list<{}>", value(element)),
            ComponentDefinedType::Tuple(tuple) => {
                format!("tuple<{}>", joined(tuple.types.iter().map(value)))
            }
            ComponentDefinedType::Flags(names) => {
                format!(
                    "flags {{ {} }}",
                    joined(names.iter().map(ToString::to_string))
                )
            }
            ComponentDefinedType::Enum(names) => {
                format!(
                    "enum {{ {} }}",
                    joined(names.iter().map(ToString::to_string))
                )
            }
            ComponentDefinedType::Option { ty, .. } => format!("option<{}>", value(ty)),
            ComponentDefinedType::Result { ok, err, .. } => match (ok, err) {
                (None, None) => "result".to_owned(),
                (ok, None) => format!("result<{}>", half(ok)),
                (ok, err) => format!("result<{}, {}>", half(ok), half(err)),
            },
            _ => "a type that no contract here has".to_owned(),
        };
        bounded(text)
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn bounded(mut text: String) -> String {
    crate::text::truncate(&mut text, TYPE_BYTES);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_of_the_first_release_is_the_contract() {
        let bytes = include_bytes!("../../../tests/fixtures/contract-0.1.0/adapter.wasm");
        assert_eq!(difference(bytes), None);
    }
}
