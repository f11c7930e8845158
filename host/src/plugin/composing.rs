//! A `sign` that may name secrets within a body: `crossdock:adapter/composing`, which
//! an adapter may export besides, and what is called where it does not.

use wasmtime::Store;

use super::bindings::adapter::exports::crossdock::adapter::adapter::Edit as PlainEdit;
use super::bindings::adapter::{Platform, PlatformIndices, PlatformPre};
use super::bindings::composing::{Composer, ComposerIndices};
use super::contract::{Context, Draft, Edit, Fault};
use super::state::GuestState;

/// Where the exports of an adapter that composes bodies are found.
#[derive(Clone)]
pub(super) struct Composing {
    platform: PlatformIndices,
    composer: ComposerIndices,
}

impl Composing {
    /// Looks for them.
    pub fn new(pre: &wasmtime::component::InstancePre<GuestState>) -> wasmtime::Result<Self> {
        Ok(Self {
            platform: PlatformIndices::new(pre)?,
            composer: ComposerIndices::new(pre)?,
        })
    }
}

/// What is called of one instance.
pub struct Exports {
    pub(super) platform: Platform,
    /// Called for `sign` in the place of the platform's, where it is there.
    pub(super) composer: Option<Composer>,
}

impl Exports {
    pub(super) async fn instantiate(
        pre: &PlatformPre<GuestState>,
        composing: Option<&Composing>,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Self> {
        let Some(composing) = composing else {
            return Ok(Self {
                platform: pre.instantiate_async(store).await?,
                composer: None,
            });
        };
        let instance = pre.instance_pre().instantiate_async(&mut *store).await?;
        Ok(Self {
            platform: composing.platform.load(&mut *store, &instance)?,
            composer: Some(composing.composer.load(&mut *store, &instance)?),
        })
    }

    /// `sign` with bodies of pieces.
    pub(super) async fn composed(
        &self,
        store: &mut Store<GuestState>,
        context: &Context,
        operation: &str,
        draft: &Draft,
    ) -> wasmtime::Result<Result<Vec<Edit>, Fault>> {
        let Some(composer) = &self.composer else {
            return Err(wasmtime::Error::msg("the adapter composes no bodies"));
        };
        let exports = composer.crossdock_adapter0_1_2_composing();
        exports.call_sign(store, context, operation, draft).await
    }
}

impl From<PlainEdit> for Edit {
    fn from(edit: PlainEdit) -> Self {
        match edit {
            PlainEdit::SetQuery(pair) => Self::SetQuery(pair),
            PlainEdit::SetHeader(pair) => Self::SetHeader(pair),
            PlainEdit::ReplaceBody(body) => Self::ReplaceBody(body),
            PlainEdit::SecretQuery(pair) => Self::SecretQuery(pair),
            PlainEdit::SecretHeader(pair) => Self::SecretHeader(pair),
        }
    }
}
