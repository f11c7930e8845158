//! A row of the table: one example of a document and what becomes of it.

use crossdock::report::ItemStatus;
use crossdock_stand_ins::platforms::dingliyun::{
    Entity, Inventory, Lock, Order, OrderState, Place,
};
use crossdock_stand_ins::{Misbehaviour, Plan, StandIns, decimal::Decimal};
use serde_json::{Map, Value, json};

/// The documents that have examples, with these.
pub const DOCUMENTS: [(&str, &str); 5] = [
    (
        LINGZHI,
        include_str!("../../fixtures/seeds/000-lingzhi.json"),
    ),
    (
        FENGCHAO,
        include_str!("../../fixtures/seeds/001-fengchao.json"),
    ),
    (
        WANGDIAN_CALC,
        include_str!("../../fixtures/seeds/002-wangdian.json"),
    ),
    (
        WANGDIAN_PUSH,
        include_str!("../../fixtures/seeds/003-wangdian.json"),
    ),
    (
        DINGLIYUN,
        include_str!("../../fixtures/seeds/004-dingliyun.json"),
    ),
];

pub const LINGZHI: &str = "000 小程序商品更新库存(批量)";
pub const FENGCHAO: &str = "001 全量/增量更新商品sku库存";
pub const WANGDIAN_CALC: &str = "002 sales.StockSync.calcStock";
pub const WANGDIAN_PUSH: &str = "003 goods.Goods.batchPush";
pub const DINGLIYUN: &str = "004 鼎力云 invc";

/// A body.
#[derive(Debug, Clone)]
pub enum Payload {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
}

/// What is reported of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Becomes {
    pub status: ItemStatus,
    pub code: String,
    pub message: String,
    pub data: Value,
}

impl Becomes {
    pub fn accepted(data: Value) -> Self {
        Self {
            status: ItemStatus::Accepted,
            code: String::new(),
            message: String::new(),
            data,
        }
    }

    pub fn not(status: ItemStatus, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            data: Value::Null,
        }
    }
}

/// An answer of the document and the outcomes that it means.
struct Answered {
    title: &'static str,
    body: Value,
    becomes: Vec<Becomes>,
}

/// One example.
pub struct Case {
    pub document: &'static str,
    pub section: String,
    pub platform: &'static str,
    pub operation: &'static str,
    /// Beside the stand-in's account; TOML.
    pub settings: Vec<(&'static str, &'static str)>,
    /// What the tenant puts in: the example itself, where it is an object.
    pub record: Value,
    /// From the record to the operation's documents; jq.
    pub script: Option<String>,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in query or form that are the account's and the signature's.
    pub public: &'static [&'static str],
    pub payload: Payload,
    /// What the stand-in itself makes of the request.
    stand_in: Vec<Becomes>,
    answered: Vec<Answered>,
    /// Which side, where the document contradicts itself or leaves open.
    pub followed: Option<&'static str>,
    /// The document's example.
    example: Value,
}

impl Case {
    /// The example of a document's section.
    pub fn of(document: &'static str, section: &str) -> Self {
        let (_, text) = DOCUMENTS
            .into_iter()
            .find(|(name, _)| *name == document)
            .expect("a document");
        let examples: Vec<Value> = serde_json::from_str(text).expect("a list of examples");
        let example = examples
            .into_iter()
            .find(|example| example["section"] == section)
            .unwrap_or_else(|| panic!("{document} has no example {section}"));
        Self::from_example(document, example)
    }

    /// An example that is in no seed document: the facts name its source.
    pub fn from_example(document: &'static str, example: Value) -> Self {
        let text = |name: &str| example[name].as_str().unwrap_or_default().to_owned();
        let url = text("path");
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let payload = match (&example["form"], &example["body"]) {
            (Value::Object(fields), _) => Payload::Form(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), as_text(value)))
                    .collect(),
            ),
            (_, Value::Null) => Payload::None,
            (_, body) => Payload::Json(body.clone()),
        };
        let record = match &payload {
            Payload::Form(_) => example["form"].clone(),
            _ => example["body"].clone(),
        };
        Self {
            document,
            section: text("section"),
            platform: "",
            operation: "",
            settings: Vec::new(),
            record,
            script: None,
            method: text("method"),
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            public: &[],
            payload,
            stand_in: Vec::new(),
            answered: Vec::new(),
            followed: None,
            example,
        }
    }

    pub fn operation(mut self, platform: &'static str, operation: &'static str) -> Self {
        self.platform = platform;
        self.operation = operation;
        self
    }

    pub fn setting(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// The document's example as it is.
    pub fn example(&self) -> &Value {
        &self.example
    }

    /// Another record than the example's body.
    pub fn record(mut self, record: Value) -> Self {
        self.record = record;
        self
    }

    pub fn script(mut self, source: &str) -> Self {
        self.script = Some(source.to_owned());
        self
    }

    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Another body than the example's.
    pub fn body(mut self, body: Value) -> Self {
        self.payload = Payload::Json(body);
        self
    }

    /// A query parameter with another value than the example's.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A form field that is not sent.
    pub fn without(mut self, name: &str) -> Self {
        if let Payload::Form(fields) = &mut self.payload {
            fields.retain(|(known, _)| known != name);
        }
        self
    }

    pub fn public(mut self, names: &'static [&'static str]) -> Self {
        self.public = names;
        self
    }

    pub fn followed(mut self, what: &'static str) -> Self {
        self.followed = Some(what);
        self
    }

    /// What the stand-in's own answer becomes.
    pub fn stand_in(mut self, becomes: Vec<Becomes>) -> Self {
        self.stand_in = becomes;
        self
    }

    /// What the document's answer becomes.
    pub fn answer(self, becomes: impl FnOnce(&Value) -> Vec<Becomes>) -> Self {
        self.scripted("the document's answer", "answer", becomes)
    }

    /// What the document's example of a failure becomes.
    pub fn failure(self, becomes: impl FnOnce(&Value) -> Vec<Becomes>) -> Self {
        self.scripted("the document's failure", "failure", becomes)
    }

    fn scripted(
        mut self,
        title: &'static str,
        member: &str,
        becomes: impl FnOnce(&Value) -> Vec<Becomes>,
    ) -> Self {
        let body = self.example[member].clone();
        assert!(!body.is_null(), "{} has no {member}", self.section);
        let becomes = becomes(&body);
        self.answered.push(Answered {
            title,
            body,
            becomes,
        });
        self
    }

    /// What the facts say of another answer.
    pub fn other(mut self, title: &'static str, body: Value, becomes: Vec<Becomes>) -> Self {
        self.answered.push(Answered {
            title,
            body,
            becomes,
        });
        self
    }

    /// Title, scripted answer, outcomes: the stand-in's own answer first.
    pub fn rounds(&self) -> impl Iterator<Item = (&str, Option<&Value>, &[Becomes])> {
        let own = ("the stand-in's answer", None, self.stand_in.as_slice());
        let scripted = self
            .answered
            .iter()
            .map(|answered| (answered.title, Some(&answered.body), &*answered.becomes));
        std::iter::once(own).chain(scripted)
    }
}

/// A scalar where everything is text.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Exactly this answer.
pub fn scripted(answer: &Value) -> Plan {
    Plan::new(Misbehaviour::Answer {
        status: 200,
        content_type: "application/json;charset=UTF-8".into(),
        body: answer.to_string(),
    })
}

/// The state that the examples of document 004 speak of: a sku `string`, an
/// order `string` that holds stock, and stock for another order.
pub fn prepare(stand_ins: &StandIns) {
    stand_ins.dingliyun().change(|state| {
        let mut sku = Entity::default();
        sku.fields.insert("id".into(), json!("string"));
        state.skus.insert("string".into(), sku);
        let stock = Inventory {
            available: Decimal::parse("100").expect("a decimal"),
            ..Inventory::default()
        };
        let place = Place::Store("43435545".into());
        state.inventories.insert((place, "12".into()), stock);
        let quantity = Decimal::parse("32").expect("a decimal");
        let order = Order {
            platform_id: "string".into(),
            shop_id: "string".into(),
            store_id: "43435545".into(),
            state: OrderState::Locked,
            locks: vec![Lock {
                lock_id: "string".into(),
                request_id: "3232323".into(),
                lock_type: "lock".into(),
                items: vec![("12".into(), quantity, quantity)],
            }],
            lock_requests: 1,
        };
        state.orders.insert("string".into(), order);
    });
}

/// An object's members but for some.
pub fn but(value: &Value, names: &[&str]) -> Value {
    let members: Map<String, Value> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(members)
}
