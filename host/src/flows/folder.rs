//! The files of a folder, as a source: one after the other in the order of their
//! names, each moved away once all of its records are safe.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crossdock_sources::{
    Failure, FailureKind, Finished, FolderSource, Identity, Taken, check_folder, look,
};
use crossdock_store::RunId;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::page::raw;
use super::part::Part;
use super::source::{Fetched, Source};
use super::trouble::Trouble;
use crate::problem::{Blame, Problem};

/// How far a flow has come in a folder.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    file: Identity,
    /// Rows of the file that were given, bad ones as well.
    rows: u64,
}

/// Where a page is from, for people.
#[derive(Debug, Serialize)]
struct Origin<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_line: Option<u64>,
}

/// A folder that is read by one run.
pub(super) struct Folder {
    reading: Arc<Mutex<Reading>>,
}

struct Reading {
    source: FolderSource,
    /// Tenant and flow, for the log.
    whose: (Arc<str>, Arc<str>),
    /// What the log has of files that are never read.
    left_out: Arc<Mutex<BTreeSet<String>>>,
    /// Rows and files that could not be read, and no page has counted yet.
    unreadable: u64,
    /// Nothing is moved.
    dry: bool,
    open: Option<Taken>,
    /// The open file was given whole, and is moved next time: by then its last page
    /// is on disk.
    given: bool,
}

impl Folder {
    /// Run 0 is a dry run.
    pub async fn open(source: &FolderSource, part: &Part, run: RunId) -> Result<Self, Trouble> {
        let reading = Reading {
            source: source.clone(),
            whose: (part.tenant.clone(), part.name.clone()),
            left_out: part.left_out.clone(),
            unreadable: 0,
            dry: run.0 == 0,
            open: None,
            given: false,
        };
        let source = source.clone();
        let checked = tokio::task::spawn_blocking(move || check_folder(&source)).await;
        checked.map_err(|_| cut_short())?.map_err(trouble)?;
        Ok(Self {
            reading: Arc::new(Mutex::new(reading)),
        })
    }
}

impl Source for Folder {
    fn next<'a>(
        &'a mut self,
        cursor: Option<&'a [u8]>,
        _number: u32,
        most: usize,
    ) -> BoxFuture<'a, Result<Fetched, Trouble>> {
        let reading = self.reading.clone();
        // One that cannot be read is of another source: the folder is begun anew.
        let place: Option<Place> = cursor.and_then(|cursor| serde_json::from_slice(cursor).ok());
        Box::pin(async move {
            let work = move || {
                let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
                reading.next(place.as_ref(), most)
            };
            let fetched = tokio::task::spawn_blocking(work).await;
            fetched.map_err(|_| cut_short())?.map_err(trouble)
        })
    }
}

impl Reading {
    fn next(&mut self, place: Option<&Place>, most: usize) -> Result<Fetched, Failure> {
        if self.given {
            self.given = false;
            if let Some(open) = self.open.take() {
                self.finish(open)?;
            }
        }
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.begin(place)? {
                    Some(open) => open,
                    None => {
                        return Ok(Fetched {
                            last: true,
                            unreadable: std::mem::take(&mut self.unreadable),
                            ..Fetched::default()
                        });
                    }
                },
            };
            let page = match open.page(most) {
                Ok(page) => page,
                Err(why) if why.kind == FailureKind::Content && !self.dry => {
                    self.moved(open.fail(&why)?, Some(&why));
                    continue;
                }
                Err(why) => return Err(why),
            };
            if page.records.is_empty() && page.last && !self.dry {
                // Everything before is on disk already.
                self.finish(open)?;
                continue;
            }
            let lines = |record: Option<&crossdock_sources::Record>| record.map(|it| it.line);
            let origin = Origin {
                file: &open.identity().name,
                from_line: lines(page.records.first()),
                to_line: lines(page.records.last()),
            };
            let place = Place {
                file: open.identity().clone(),
                rows: page.rows,
            };
            let text = |what: Result<Vec<u8>, serde_json::Error>| {
                let unwritten = |_| Failure::new(FailureKind::Setting, "the place is no JSON");
                what.map_err(unwritten)
            };
            let fetched = Fetched {
                origin: text(serde_json::to_vec(&origin))?,
                cursor: Some(text(serde_json::to_vec(&place))?),
                records: page
                    .records
                    .into_iter()
                    .filter_map(|it| raw(it.json))
                    .collect(),
                last: false,
                unreadable: std::mem::take(&mut self.unreadable),
                ..Fetched::default()
            };
            self.given = page.last;
            self.open = Some(open);
            return Ok(fetched);
        }
    }

    /// Opens the file that was begun, or else the first one that is ready.
    fn begin(&mut self, place: Option<&Place>) -> Result<Option<Taken>, Failure> {
        loop {
            let looked = look(&self.source, SystemTime::now())?;
            self.left_out(&looked.refused);
            let begun = place.filter(|place| looked.ready.contains(&place.file.name));
            let begun = match begun {
                Some(place) => {
                    let now = Taken::identify(&self.source, &place.file.name)?;
                    (now == place.file).then_some(place)
                }
                None => None,
            };
            let name = match (begun, looked.ready.first()) {
                (Some(place), _) => &place.file.name,
                (None, Some(first)) => first,
                (None, None) => return Ok(None),
            };
            let opened = match self.dry {
                true => Taken::open_dry(&self.source, name),
                false => Taken::open(&self.source, name),
            };
            let opened = opened.and_then(|mut open| {
                open.skip(begun.map_or(0, |place| place.rows))?;
                Ok(open)
            });
            match opened {
                Ok(open) => return Ok(Some(open)),
                Err(why) if why.kind == FailureKind::Content && !self.dry => {
                    let finished = Taken::refuse(&self.source, name, &why)?;
                    self.moved(finished, Some(&why));
                }
                Err(why) => return Err(why),
            }
        }
    }

    /// Tells whoever reads the log of what is never read: once, and not at each look.
    fn left_out(&self, refused: &[(String, &'static str)]) {
        let (tenant, flow) = (&*self.whose.0, &*self.whose.1);
        let mut told = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, why) in news(&mut told, refused) {
            tracing::warn!(
                target: "crossdock::flows", tenant, flow, name, why,
                "a file is left in the folder and not read"
            );
        }
    }

    fn finish(&mut self, open: Taken) -> Result<(), Failure> {
        if !self.dry {
            self.moved(open.finish()?, None);
        }
        Ok(())
    }

    /// Tells whoever reads the log of rows and files that are not sent.
    fn moved(&mut self, finished: Finished, why: Option<&Failure>) {
        self.unreadable += finished.bad + u64::from(why.is_some());
        let (tenant, flow) = (&*self.whose.0, &*self.whose.1);
        let file = finished.file.display();
        let list = finished
            .rejected
            .as_ref()
            .map(|list| list.display().to_string());
        let list = list.unwrap_or_default();
        match why {
            Some(why) => tracing::warn!(
                target: "crossdock::flows", tenant, flow, %file, list, problem = %why,
                "a file could not be read to its end"
            ),
            None if finished.bad > 0 => tracing::warn!(
                target: "crossdock::flows", tenant, flow, %file, list, rows = finished.bad,
                "rows of a file were refused"
            ),
            None => {
                tracing::info!(target: "crossdock::flows", tenant, flow, %file, "a file was read")
            }
        }
    }
}

/// What was not told yet. What is not there any more is forgotten: it is told again
/// if it comes back.
fn news<'l>(
    told: &mut BTreeSet<String>,
    refused: &'l [(String, &'static str)],
) -> Vec<&'l (String, &'static str)> {
    told.retain(|name| refused.iter().any(|(there, _)| there == name));
    refused
        .iter()
        .filter(|(name, _)| told.insert(name.clone()))
        .collect()
}

fn cut_short() -> Trouble {
    Trouble::Later(Problem::host("flow-source", "reading a file was cut short"))
}

/// What follows from a failure of a source.
pub(super) fn trouble(failure: Failure) -> Trouble {
    let (blame, code) = match failure.kind {
        FailureKind::Content | FailureKind::Setting => (Blame::Caller, "flow-source-unusable"),
        FailureKind::Changed | FailureKind::Unavailable => {
            (Blame::Platform, "flow-source-unavailable")
        }
    };
    Trouble::of(Problem::new(blame, code, failure.sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_read_is_told_once_while_it_is_there() {
        let mut told = BTreeSet::new();
        let (a, b) = (("a".to_owned(), "why"), ("b".to_owned(), "why"));
        let mut names = |refused: &[(String, &'static str)]| -> Vec<String> {
            let news = news(&mut told, refused);
            news.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(std::slice::from_ref(&a)), ["a"]);
        assert_eq!(names(&[a.clone(), b.clone()]), ["b"]);
        assert_eq!(names(&[a.clone(), b.clone()]), [""; 0]);
        assert_eq!(names(std::slice::from_ref(&b)), [""; 0]);
        assert_eq!(names(&[a, b]), ["a"]);
    }
}
