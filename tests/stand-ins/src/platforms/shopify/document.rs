//! The body of a call: the GraphQL document and its variables.

use graphql_parser::query::{
    Definition, Document, Field as GraphqlField, OperationDefinition, Selection, Type,
    Value as Literal, parse_query,
};
use serde_json::Value;

use crate::check::{self, Breach, Field, Shape, Violation, optional, required};

/// Most entries of an input list, "for all APIs".
pub const MOST: usize = 250;

const BODY: &[Field] = &[
    required("query", Shape::Filled),
    optional("variables", Shape::Any),
    optional("operationName", Shape::Text),
];

/// `InventoryQuantityInput`.
const QUANTITY: &[Field] = &[
    required("inventoryItemId", Shape::Filled),
    required("locationId", Shape::Filled),
    required("quantity", INT),
    // Mandatory since 2026-04, and null to opt out.
    required("changeFromQuantity", Shape::Nullable(&INT)),
];

/// `InventorySetQuantitiesInput`.
const SET: &[Field] = &[
    required("name", Shape::OneOf(&["available", "on_hand"])),
    required("reason", Shape::OneOf(REASONS)),
    optional("referenceDocumentUri", Shape::Filled),
    required(
        "quantities",
        Shape::ListUpTo(&Shape::Object(QUANTITY), MOST),
    ),
];

/// `InventoryChangeInput`.
const CHANGE: &[Field] = &[
    required("inventoryItemId", Shape::Filled),
    required("locationId", Shape::Filled),
    required("delta", INT),
    optional("ledgerDocumentUri", Shape::Text),
    required("changeFromQuantity", Shape::Nullable(&INT)),
];

/// `InventoryAdjustQuantitiesInput`.
const ADJUST: &[Field] = &[
    required("name", Shape::OneOf(&["available"])),
    required("reason", Shape::OneOf(REASONS)),
    optional("referenceDocumentUri", Shape::Filled),
    required("changes", Shape::ListUpTo(&Shape::Object(CHANGE), MOST)),
];

/// GraphQL's `Int`.
const INT: Shape = Shape::IntIn(i32::MIN as i64, i32::MAX as i64);

const REASONS: &[&str] = &[
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_canceled",
    "movement_created",
    "movement_received",
    "movement_updated",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Set,
    Adjust,
}

impl Kind {
    pub fn field(self) -> &'static str {
        match self {
            Self::Set => "inventorySetQuantities",
            Self::Adjust => "inventoryAdjustQuantities",
        }
    }

    fn input_type(self) -> &'static str {
        match self {
            Self::Set => "InventorySetQuantitiesInput",
            Self::Adjust => "InventoryAdjustQuantitiesInput",
        }
    }

    pub fn list(self) -> &'static str {
        match self {
            Self::Set => "quantities",
            Self::Adjust => "changes",
        }
    }
}

/// A mutation that follows the document.
#[derive(Debug, Clone)]
pub struct Mutation {
    pub kind: Kind,
    pub key: String,
    pub input: Value,
}

fn syntax(message: impl Into<String>) -> Violation {
    Violation::new(Breach::Syntax, "/query", message)
}

/// A field of a document that owns its texts.
type Asked = GraphqlField<'static, String>;

/// A variable's name and type.
type Declared<'a> = (&'a str, &'a Type<'static, String>);

/// The only field of the only mutation, and the variables that it declares.
fn only<'a>(
    document: &'a Document<'static, String>,
) -> Result<(&'a Asked, Vec<Declared<'a>>), Violation> {
    let [Definition::Operation(OperationDefinition::Mutation(mutation))] =
        document.definitions.as_slice()
    else {
        return Err(syntax("not one mutation"));
    };
    let [Selection::Field(field)] = mutation.selection_set.items.as_slice() else {
        return Err(syntax("not one field"));
    };
    let variables = mutation.variable_definitions.iter();
    let variables = variables.map(|it| (it.name.as_str(), &it.var_type));
    Ok((field, variables.collect()))
}

fn non_null(kind: &Type<'static, String>, name: &str) -> bool {
    matches!(kind, Type::NonNullType(inner) if matches!(&**inner, Type::NamedType(named) if named == name))
}

/// The variable that is the argument's value.
fn variable<'a>(
    arguments: &'a [(String, Literal<'static, String>)],
    name: &str,
) -> Option<&'a str> {
    match arguments {
        [(found, Literal::Variable(variable))] if found == name => Some(variable),
        _ => None,
    }
}

/// What is asked for has to be what the payload has.
fn selected(field: &Asked) -> Result<(), Violation> {
    const FIELDS: [(&str, &[&str]); 2] = [
        (
            "inventoryAdjustmentGroup",
            &["id", "createdAt", "reason", "referenceDocumentUri"],
        ),
        ("userErrors", &["code", "field", "message"]),
    ];
    for selection in &field.selection_set.items {
        let Selection::Field(outer) = selection else {
            return Err(syntax("a fragment"));
        };
        let Some((_, known)) = FIELDS.iter().find(|(name, _)| *name == outer.name) else {
            return Err(syntax(format!("the payload has no {}", outer.name)));
        };
        for selection in &outer.selection_set.items {
            match selection {
                Selection::Field(inner) if known.contains(&inner.name.as_str()) => {}
                _ => return Err(syntax(format!("not in {}", outer.name))),
            }
        }
    }
    Ok(())
}

fn mutation(body: &Value, violations: &mut Vec<Violation>) -> Result<Mutation, Violation> {
    let text = body["query"].as_str().unwrap_or_default();
    let document = parse_query::<String>(text).map_err(|error| syntax(error.to_string()))?;
    let document = document.into_static();
    let (field, declared) = only(&document)?;
    let kind = [Kind::Set, Kind::Adjust]
        .into_iter()
        .find(|kind| kind.field() == field.name)
        .ok_or_else(|| syntax(format!("no mutation is called {}", field.name)))?;
    selected(field)?;
    let declares = |name: &str, wanted: &str| {
        declared
            .iter()
            .any(|(known, kind)| *known == name && non_null(kind, wanted))
    };
    let input = variable(&field.arguments, "input")
        .filter(|name| declares(name, kind.input_type()))
        .ok_or_else(|| syntax("no argument `input` by a variable of its type"))?;
    let directive = match field.directives.as_slice() {
        [directive] if directive.name == "idempotent" => directive,
        _ => return Err(syntax("@idempotent is mandatory since 2026-04")),
    };
    let key = variable(&directive.arguments, "key")
        .filter(|name| declares(name, "String"))
        .ok_or_else(|| syntax("no `key` by a variable of type String!"))?;
    let variables = &body["variables"];
    for name in variables.as_object().into_iter().flat_map(|it| it.keys()) {
        if name != input && name != key {
            let message = "the document does not declare it";
            let pointer = format!("/variables/{name}");
            violations.push(Violation::new(Breach::Unknown, pointer, message));
        }
    }
    let table = match kind {
        Kind::Set => SET,
        Kind::Adjust => ADJUST,
    };
    let at = format!("/variables/{input}");
    violations.extend(check::check(&variables[input], Shape::Object(table), &at));
    let at = format!("/variables/{key}");
    violations.extend(check::check(&variables[key], Shape::Filled, &at));
    Ok(Mutation {
        kind,
        key: variables[key].as_str().unwrap_or_default().to_owned(),
        input: variables[input].clone(),
    })
}

/// The mutation of a body; what is wrong with it is added to `violations`.
pub fn read(body: &Value, violations: &mut Vec<Violation>) -> Option<Mutation> {
    violations.extend(check::check(body, Shape::Object(BODY), ""));
    if !violations.is_empty() {
        return None;
    }
    match mutation(body, violations) {
        Ok(mutation) => Some(mutation),
        Err(violation) => {
            violations.push(violation);
            None
        }
    }
}
