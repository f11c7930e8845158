//! `plugin check` of adapters that mistake a failure for a success, or that ask
//! for pages without end. They are JavaScript, so these tests need its runtime.

use crossdock_tests::bed::Bed;
use crossdock_tests::guests::plugin;
use crossdock_tests::process::run;

use crate::checking::findings;

/// Fewer than people get, where it is not about how many.
const FEW: &str = "20";

/// An adapter that keeps the contract.
const GOODS: &str = include_str!("goods.js");

/// What `check` finds of the adapter with one thing in it replaced.
async fn of(good: &str, bad: &str) -> (Option<i32>, Vec<String>) {
    assert!(GOODS.contains(good), "{good}");
    let bed = Bed::new();
    bed.share_compiled_code();
    // A machine that is busy is no fault of an adapter's.
    bed.configure("[limits]\nguest_deadline_ms = 20000\n");
    bed.put_plugin("runtime-js", &plugin("runtime-js"));
    std::fs::write(bed.path("goods.js"), GOODS.replace(good, bad)).expect("writing");
    let arguments = ["plugin", "check", "--json", "--documents", FEW, "goods.js"];
    let ended = run(&bed.path(""), &arguments).await;
    let checked = ended.json()[0].clone();
    assert!(checked["conformance"].is_object(), "{checked}");
    (ended.code, findings(&checked))
}

async fn is_found(good: &str, bad: &str, code: i32, expected: &[&str]) {
    let (ended, found) = of(good, bad).await;
    for expected in expected {
        let said = found.iter().any(|one| one.contains(expected));
        assert!(said, "{expected}\n{}", found.join("\n"));
    }
    assert_eq!(ended, Some(code), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_reads_the_envelope_and_ends_its_pages_has_nothing_wrong() {
    let (code, found) = of("page + 1", "page + 1").await;
    assert_eq!(code, Some(0), "{}", found.join("\n"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_ignored_is_found() {
    // As another operation's example shows a failure, and as the codes tell.
    is_found(
        "if (failed(answer)) return refused(request, answer); // put",
        "",
        1,
        &[
            "wrong goods.put answers: The failure of example `the credentials are wrong` with status 200 is read as accepted",
            "wrong goods.put answers: An example's answer with code 7 at `/code`, which the manifest's `codes` call `unauthenticated`, with status 200 is read as accepted",
        ],
    )
    .await;
    // Whoever looks for the rows alone takes them for a success, whatever the
    // code says.
    is_found(
        "if (failed(answer)) return refused(request, answer); // list",
        "if (!Array.isArray(answer.rows)) return refused(request, answer);",
        1,
        &[
            "wrong goods.list answers: An example's answer whose envelope says what it says in the failure of example `the credentials are wrong` (`/code`: 7",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_without_end_are_found() {
    is_found(
        "page + 1",
        "page",
        1,
        &["wrong goods.list answers: `next` asks for a page that was asked for already"],
    )
    .await;
    is_found(
        "page * 2 < Number(answer.total)",
        "Number(answer.total) > 2",
        0,
        &["look goods.list answers: after 500 pages with nothing in them"],
    )
    .await;
}

/// An exception is a mistake in the program wherever it is thrown, and so is a
/// value of another shape.
#[tokio::test(flavor = "multi_thread")]
async fn an_exception_or_a_wrong_shape_in_javascript_is_wrong_in_each_function() {
    // Only answers that are no success get there.
    let failure = "throw fault.invalidReply(\"\", \"the status is none of success\")";
    is_found(
        failure,
        "return respons.body",
        1,
        &[
            "wrong goods.list answers: `parse-response` fails by its own fault on ",
            ": goods.js:",
            "ReferenceError: respons is not defined",
            "mend goods.js:",
        ],
    )
    .await;
    is_found(
        failure,
        "return []",
        1,
        &[
            "what `parseResponse` returned is an array; `{ outcomes: […] }` is expected",
            "mend goods.js:",
        ],
    )
    .await;
    is_found(
        "  return [];",
        "  return setQuery(1);",
        1,
        &[
            "wrong goods.list examples: example `the first page` failed at sign: request 0: goods.js:",
            "ReferenceError: setQuery is not defined",
            "mend goods.js:",
        ],
    )
    .await;
}

/// It is met in each example, with each document and in each operation, and it is
/// one thing to mend.
#[tokio::test(flavor = "multi_thread")]
async fn one_fault_is_told_once() {
    for bad in ["  return setQuery(1);", "  return Math.random();"] {
        let (code, found) = of("  return [];", bad).await;
        assert_eq!(code, Some(1), "{bad}: {}", found.join("\n"));
        let told = found.iter().filter(|one| one.contains("goods.js:"));
        assert_eq!(told.count(), 1, "{bad}: {}", found.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hold_more_than_the_manifest_says_are_found() {
    is_found(
        "const MOST = 100;",
        "const MOST = 150;",
        1,
        &[
            "wrong goods.put documents: `map` put 150 items into request 0, the manifest allows 100, with 201 documents",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_failure_over_a_success_is_found() {
    is_found(
        "if (reply.status !== 200) throw fault.invalidReply(\"\", \"the status is none of success\");",
        "",
        1,
        &[
            "wrong goods.put answers: The answer of example `changed`, with status 500, 502, 403, 404, 429 in place of 200, is read as accepted",
            "wrong goods.list answers: The answer of example `the only page`, with status 500,",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_not_there_has_to_be_refused() {
    is_found(
        "if (![\"goods.list\", \"goods.put\"].includes(operation)) throw fault.unsupported(operation);",
        "",
        1,
        &["documents: `map` takes an operation that the manifest does not have"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_misses_deserve_a_look() {
    is_found(
        "if (answer.done && answer.done.length !== request.items.length) throw fault.invalidReply(\"/done\", \"a row is missing\");",
        "",
        0,
        &[
            "look goods.put answers: The answer of example `two changed`, which has a row for each of 2 items, is read as accepted without its rows, too",
        ],
    )
    .await;
}
