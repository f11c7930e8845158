//! Work that is finished even when nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that goes on by itself when it is dropped half way.
///
/// A caller who hangs up drops the future of its call. A delivery must not end
/// there: a request may be on its way, and somebody has to learn what became
/// of it. While the caller waits, this costs nothing but the box; a task of its
/// own would cost a hand-over between threads for every call.
pub(super) struct Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    work: Option<Pin<Box<F>>>,
}

impl<F> Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// Wraps work that has its own time bound.
    pub fn new(work: F) -> Self {
        Self {
            work: Some(Box::pin(work)),
        }
    }
}

impl<F> Future for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else {
            // Polled after it was ready, which no executor does.
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<F> Drop for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn drop(&mut self) {
        // Work that panicked cannot go on.
        if std::thread::panicking() {
            return;
        }
        if let Some(work) = self.work.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn dropped_work_goes_on() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel::<u8>();
        let mut work = Box::pin(Finish::new(async move {
            gone.await.ok();
            done.send(7).ok();
        }));
        assert!(futures_util::poll!(work.as_mut()).is_pending());
        drop(work);
        go.send(()).unwrap();
        let result = tokio::time::timeout(Duration::from_secs(10), finished).await;
        assert_eq!(result.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn finished_work_gives_its_output() {
        assert_eq!(Finish::new(async { 7 }).await, 7);
    }
}
