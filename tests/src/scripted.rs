//! A host with one tenant for each of some scripts.

use crossdock::host::Host;
use crossdock::problem::{Blame, Problem};
use crossdock::report::{ItemReport, ItemStatus, Report};

use crate::bed::{Bed, call, deliver};
use crate::echo::Echo;
use crate::guests::test_adapter;
use crate::live::base_config;

/// The script is to blame that an item failed.
///
/// # Panics
/// When it is not so.
pub fn blamed(item: &ItemReport, code: &str) {
    assert_eq!(item.status, ItemStatus::Failed, "{item:?}");
    assert_eq!(item.blame, Some(Blame::Script), "{item:?}");
    assert_eq!(item.code.as_deref(), Some(code), "{item:?}");
}

/// The running host.
pub struct Scripted {
    /// Its folder.
    pub bed: Bed,
    /// Where its tenants send to.
    pub echo: Echo,
    /// The host.
    pub host: Host,
}

impl Scripted {
    /// Starts a host with these tenants, each with its jq script for the
    /// operation `echo`; `config` goes to the end of `crossdock.toml`.
    pub async fn start<'a>(
        config: &str,
        scripts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self::in_language("jq", config, scripts).await
    }

    /// The same in the language of the bundled engine `script-{extension}`.
    pub async fn in_language<'a>(
        extension: &str,
        config: &str,
        scripts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let bed = Bed::with_plugins(&[&format!("script-{extension}")]);
        let echo = Echo::start_apart().expect("an echo server");
        bed.configure(&(base_config() + config));
        bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
        for (tenant, script) in scripts {
            bed.put_tenant(tenant, &format!("map.{extension}"), script);
            let text = format!(
                r#"[connections.shop]
adapter = "test-adapter"
base_url = "{}"
allow_private = true
settings = {{ per_request = 1000 }}
mappings = {{ echo = "map.{extension}" }}
limits = {{ concurrency = 64 }}
"#,
                echo.base_url()
            );
            bed.put_tenant(tenant, "tenant.toml", &text);
        }
        let host = Host::start(bed.config(), false)
            .await
            .unwrap_or_else(|problem| panic!("{problem}"));
        Self { bed, echo, host }
    }

    /// Why a tenant's script does not compile: the only problem of a tenant that
    /// does not serve.
    ///
    /// # Panics
    /// When it compiles, or something else is wrong.
    pub fn uncompiled(&self, tenant: &str) -> Problem {
        let statuses = self.host.tenants();
        let status = statuses.into_iter().find(|status| status.name == tenant);
        let mut status = status.expect("the tenant");
        assert_eq!(status.generation, None);
        assert_eq!(status.problems.len(), 1, "{:?}", status.problems);
        let problem = status.problems.remove(0);
        let found = (problem.blame, &*problem.code);
        assert_eq!(found, (Blame::Script, "script-compile"));
        problem
    }

    /// One call of a tenant.
    pub async fn call(&self, tenant: &str, body: &str) -> Report {
        deliver(&self.host, call(tenant, "shop", "echo", body)).await
    }

    /// The body a call would send, byte for byte, of one request.
    ///
    /// # Panics
    /// When it would send nothing, or an item fails.
    pub async fn sends(&self, tenant: &str, body: &str) -> String {
        let call = call(tenant, "shop", "echo", body);
        let dry = self.host.dry_run(call).await;
        let mut dry = dry.unwrap_or_else(|problem| panic!("{problem}"));
        assert!(dry.items.is_empty(), "{:?}", dry.items);
        assert_eq!(dry.requests.len(), 1, "{:?}", dry.requests);
        dry.requests.remove(0).body.expect("a body of text")
    }
}
