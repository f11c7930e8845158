//! What the manager has others do meanwhile. A task that panics is a failure of
//! what it was about, never a silence.

use std::collections::HashMap;

use tokio::task::{Id, JoinSet};

/// Tasks, and what each is about.
pub(super) struct Tasks<A, D> {
    set: JoinSet<D>,
    about: HashMap<Id, A>,
}

impl<A, D: Send + 'static> Tasks<A, D> {
    /// None.
    pub fn new() -> Self {
        Self {
            set: JoinSet::new(),
            about: HashMap::new(),
        }
    }

    /// One more.
    pub fn spawn(&mut self, about: A, task: impl Future<Output = D> + Send + 'static) {
        let id = self.set.spawn(task).id();
        self.about.insert(id, about);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.about.len()
    }

    /// What those that go on are about.
    pub fn all(&self) -> impl Iterator<Item = &A> {
        self.about.values()
    }

    /// The next that ended, and what it gave; nothing where it panicked. `None`
    /// when there is none to wait for.
    pub async fn next(&mut self) -> Option<(A, Option<D>)> {
        let ended = self.set.join_next_with_id().await?;
        self.ended(ended)
    }

    /// The next that has ended already.
    pub fn try_next(&mut self) -> Option<(A, Option<D>)> {
        let ended = self.set.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, D), tokio::task::JoinError>) -> Option<(A, Option<D>)> {
        let (id, done) = match ended {
            Ok((id, done)) => (id, Some(done)),
            Err(error) => (error.id(), None),
        };
        Some((self.about.remove(&id)?, done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_known_by_what_it_was_about() {
        let mut tasks = Tasks::new();
        tasks.spawn("fine", async { 7 });
        tasks.spawn("broken", async { panic!("on purpose") });
        let mut ended = Vec::new();
        while let Some(next) = tasks.next().await {
            ended.push(next);
        }
        ended.sort();
        assert_eq!(ended, [("broken", None), ("fine", Some(7))]);
        assert_eq!((tasks.len(), tasks.all().count()), (0, 0));
    }
}
