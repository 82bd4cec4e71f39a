//! A task that is woken while it runs, and goes on by itself.
//!
//! A connection wakes its own task while that runs: the handler asks for the body, and who brings it is the same task.
//! The runtime would put such a task at the end of its queue and wake another thread to take it from there, for every
//! request: a call of the system, the waking of a core, and an answer that is computed away from what read its question.
//!
//! One that was woken stands in line until it has its turn ([`mod@line`]).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

use crate::inference::line;

/// How often it goes on before others have their turn.
const TURNS: usize = 4;

const WAITS: u8 = 0;
/// It was woken and stands in line.
const IN_LINE: u8 = 1;
const RUNS: u8 = 2;
/// It was woken while it runs.
const WOKEN: u8 = 3;

/// A future that is asked again at once where it was woken meanwhile.
pub(super) struct AtOnce<F> {
    inner: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What is rung to wake it.
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl<F> AtOnce<F> {
    pub(super) fn new(inner: F) -> Self {
        let bell = Arc::new(Bell { state: AtomicU8::new(WAITS), task: AtomicWaker::new() });
        Self { inner: Box::pin(inner), waker: bell.clone().into(), bell }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The state is written in any case: whoever takes the turn is to see all that was done before this.
        let woken = |state| match state {
            WAITS | IN_LINE => Some(IN_LINE),
            // It sees by itself that it was woken.
            _ => Some(WOKEN),
        };
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, woken) == Ok(WAITS) {
            line::join();
            self.task.wake();
        }
    }
}

impl Bell {
    /// It runs from now on, or has gone.
    fn turn(&self) {
        if self.state.swap(RUNS, Ordering::AcqRel) == IN_LINE {
            line::leave();
        }
    }
}

impl<F> Drop for AtOnce<F> {
    fn drop(&mut self) {
        self.bell.turn();
    }
}

impl<F: Future> Future for AtOnce<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { inner, bell, waker } = &mut *self;
        bell.task.register(context.waker());
        for _ in 0..TURNS {
            bell.turn();
            if let Poll::Ready(output) = inner.as_mut().poll(&mut Context::from_waker(waker)) {
                return Poll::Ready(output);
            }
            if bell.state.compare_exchange(RUNS, WAITS, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Poll::Pending;
            }
        }
        bell.state.swap(WAITS, Ordering::AcqRel);
        bell.wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Rung(AtomicUsize);

    impl Wake for Rung {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A future that wakes itself so many times before it is ready.
    fn restless(mut times: usize) -> impl Future<Output = ()> {
        std::future::poll_fn(move |context| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn poll<F: Future>(future: &mut AtOnce<F>, rung: &Arc<Rung>) -> Poll<F::Output> {
        let waker = rung.clone().into();
        Pin::new(future).poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn who_wakes_itself_goes_on_and_lets_others_have_their_turn_in_time() {
        let rung = Arc::new(Rung::default());
        assert!(poll(&mut AtOnce::new(restless(TURNS - 1)), &rung).is_ready());
        assert_eq!(rung.0.load(Ordering::SeqCst), 0);
        let mut endless = AtOnce::new(restless(usize::MAX));
        for polls in 1..=3 {
            assert!(poll(&mut endless, &rung).is_pending());
            assert_eq!(rung.0.load(Ordering::SeqCst), polls);
        }
    }

    #[test]
    fn who_waits_is_woken() {
        let rung = Arc::new(Rung::default());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut waits = AtOnce::new(receiver);
        assert!(poll(&mut waits, &rung).is_pending());
        assert_eq!(rung.0.load(Ordering::SeqCst), 0);
        sender.send(7).unwrap();
        assert_eq!(rung.0.load(Ordering::SeqCst), 1);
        assert_eq!(poll(&mut waits, &rung), Poll::Ready(Ok(7)));
    }

    /// Whenever it is woken, from wherever, it is asked again.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_waking_is_lost() {
        const MESSAGES: usize = 20_000;
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let reads = tokio::spawn(AtOnce::new(async move {
            let mut read = 0;
            while receiver.recv().await.is_some() {
                read += 1;
                if read % 3 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            read
        }));
        let writes = tokio::spawn(AtOnce::new(async move {
            for message in 0..MESSAGES {
                sender.send(message).await.unwrap();
            }
        }));
        let both = async { tokio::join!(reads, writes) };
        let (read, wrote) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
        wrote.unwrap();
        assert_eq!(read.unwrap(), MESSAGES);
    }
}
