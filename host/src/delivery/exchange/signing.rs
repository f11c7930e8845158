//! A draft with what the adapter adds to it and what the connection's own scheme
//! does.

use super::{guest, scripted};
use crate::delivery::outcome;
use crate::delivery::trace::Trace;
use crate::plugin::contract::{Context, Draft, Edit};
use crate::plugin::edits::{EditError, SignedDraft, apply_auth, apply_edits};
use crate::problem::Problem;
use crate::serving::credentials::Armed;
use crate::serving::route::Route;
use crate::telemetry::meters::Phase;

/// Signs a draft: the adapter's edits, then the connection's own scheme.
pub async fn sign(
    route: &Route,
    armed: &Armed,
    context: &Context,
    draft: &Draft,
    trace: &Trace,
    place: usize,
) -> Result<SignedDraft, Problem> {
    let Route {
        connection,
        adapter,
        ..
    } = route;
    let secrets = &armed.secrets;
    let edits = match adapter.manifest.signs {
        true => edits(route, armed, context, draft, trace, place).await?,
        false => Vec::new(),
    };
    let mut signed = apply_edits(draft.clone(), edits, secrets, &adapter.declared)
        .map_err(|error| edit_problem(error, trace))?;
    if let Some(auth) = &connection.config.auth {
        apply_auth(&mut signed, auth, secrets)
            .map_err(|error| Problem::host("secret-missing", error.to_string()))?;
    }
    Ok(signed)
}

/// What the adapter adds to a draft.
async fn edits(
    route: &Route,
    armed: &Armed,
    context: &Context,
    draft: &Draft,
    trace: &Trace,
    place: usize,
) -> Result<Vec<Edit>, Problem> {
    let failed = |failure| guest(route, "sign", &failure, trace);
    let lease = route.adapter.lease(&route.tenant.config.name).await;
    let mut lease = lease.map_err(failed)?;
    let secrets = armed.secrets.clone();
    let declared = route.adapter.declared.clone();
    let step = route.observed.step(Phase::Sign);
    let signed = lease
        .sign(context, &route.operation, draft, secrets, declared)
        .await;
    drop(step);
    for digest in &signed.derived {
        if trace.redaction.derive("signature", digest).is_err() {
            return Err(Problem::adapter(
                "too-many-signatures",
                "the delivery used more signatures than can be kept out of its report; send fewer items",
            ));
        }
    }
    trace.take_log(place, &mut lease);
    let answer = signed.answer.map_err(failed)?;
    answer.map_err(|fault| match signed.undeclared {
        Some(name) => edit_problem(EditError::Undeclared(name), trace),
        None => outcome::fault_problem(fault, scripted(route), &trace.redaction),
    })
}

/// A secret that `sign` named and cannot have. The name is the adapter's text.
fn edit_problem(error: EditError, trace: &Trace) -> Problem {
    let why = trace.redaction.redact(&error.to_string()).into_owned();
    match error {
        EditError::Undeclared(_) | EditError::TooMuch(_) => Problem::adapter("adapter-fault", why),
        EditError::Unset(_) => Problem::host("secret-missing", why),
    }
}
