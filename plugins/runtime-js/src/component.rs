//! The component's exports: the contract's functions over the one file that an
//! instance runs.

#![cfg(target_arch = "wasm32")]

use crate::adapter::Adapter;
use crate::bindings::exports::crossdock::adapter0_1_0::adapter::Guest as AdapterGuest;
use crate::bindings::exports::crossdock::adapter0_1_1::inbound::Guest as InboundGuest;
use crate::bindings::exports::crossdock::source::language::{
    Diagnostic as Said, Guest as LanguageGuest,
};
use crate::contract::{
    Context, Draft, Edit, Fault, Item, Mapped, Parsed, Push, Received, Reply, Request,
};
use crate::faults::sentence;
use crate::host;
use crossdock_js_engine::Diagnostic;
use std::cell::OnceCell;

thread_local! {
    /// The file's name, and the adapter that it is, or why it is none.
    static FILE: OnceCell<(String, Result<Adapter, Diagnostic>)> = const { OnceCell::new() };
}

struct Component;

/// Works with the file, which is read and run the first time.
fn with<T>(work: impl FnOnce(&str, &Result<Adapter, Diagnostic>) -> T) -> T {
    FILE.with(|file| {
        let (name, adapter) = file.get_or_init(|| {
            let (name, text) = host::read();
            let adapter = Adapter::load(&name, &text);
            (name, adapter)
        });
        work(name, adapter)
    })
}

fn call<T>(work: impl FnOnce(&Adapter) -> Result<T, Fault>) -> Result<T, Fault> {
    with(|name, adapter| match adapter {
        Ok(adapter) => work(adapter),
        Err(diagnostic) => Err(Fault::Other(sentence(name, diagnostic))),
    })
}

impl LanguageGuest for Component {
    fn describe() -> String {
        r#"{"language":"javascript","extensions":["js","mjs"]}"#.into()
    }

    fn check() -> Result<(), Said> {
        with(|_, adapter| match adapter {
            Ok(_) => Ok(()),
            Err(diagnostic) => Err(Said {
                line: diagnostic.line,
                column: diagnostic.column,
                message: diagnostic.message.clone(),
            }),
        })
    }
}

impl AdapterGuest for Component {
    fn describe() -> String {
        with(|name, adapter| match adapter {
            Ok(adapter) => adapter.describe().to_owned(),
            // No manifest: whoever did not ask `check` is told here.
            Err(diagnostic) => sentence(name, diagnostic),
        })
    }

    fn map(context: Context, operation: String, items: Vec<Item>) -> Result<Mapped, Fault> {
        call(|adapter| adapter.map(&context, &operation, &items))
    }

    fn sign(context: Context, operation: String, draft: Draft) -> Result<Vec<Edit>, Fault> {
        call(|adapter| adapter.sign(&context, &operation, &draft))
    }

    fn parse_response(
        context: Context,
        operation: String,
        request: Request,
        reply: Reply,
    ) -> Result<Parsed, Fault> {
        call(|adapter| adapter.parse_response(&context, &operation, &request, &reply))
    }
}

impl InboundGuest for Component {
    fn receive(context: Context, push: Push) -> Result<Received, Fault> {
        call(|adapter| adapter.receive(&context, &push))
    }
}

crate::bindings::export!(Component with_types_in crate::bindings);
