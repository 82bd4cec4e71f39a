//! Waiting awake for a client that asks again as soon as it is answered.
//!
//! A thread that sleeps has to be woken first, on a core that may sleep as well, and a virtual machine takes half as long for
//! that as for a short inference. So a thread that has just answered such a client looks at its socket a little longer
//! before it sleeps, as threads of one operation wait for the next (`GOMP_SPINCOUNT`), where it takes the core from nobody:
//! there is one such client alone, and nothing trains.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::ReadBuf;

use crate::clock;

/// Who asks again so soon after an answer will do so again.
const SOON: Duration = Duration::from_micros(300);

/// How long it is waited for awake.
const AWAKE: Duration = Duration::from_micros(150);

/// Where it is in vain time after time, so many requests are answered before it is tried again.
const MOST_VAIN: u32 = 1_024;

/// So long after two requests were there at once, no client is thought to be alone.
const LATELY: Duration = Duration::from_millis(20);

pub(crate) struct Attention {
    opened: Instant,
    /// Microseconds after opening at which one was answered last.
    answered: AtomicU64,
    /// And at which there were two at once.
    company: AtomicU64,
    /// Requests that are there.
    present: AtomicUsize,
    /// Who reads next waits awake.
    due: AtomicBool,
    /// After how many requests it was last tried again, having been in vain: the client may stand on this very core.
    vain: AtomicU32,
    /// Of these, how many are left.
    left_out: AtomicU32,
    /// Whether there is a core for the client as well.
    cores: bool,
}

/// A short request, until its answer is ready.
pub(crate) struct Attended<'a> {
    attention: &'a Arc<Attention>,
    soon: bool,
    /// Whether a core may be kept awake.
    free: bool,
}

impl Attention {
    pub(super) fn new() -> Arc<Self> {
        Self::of(std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1))
    }

    fn of(cores: bool) -> Arc<Self> {
        Arc::new(Self {
            opened: clock::monotonic(),
            answered: AtomicU64::new(0),
            company: AtomicU64::new(0),
            present: AtomicUsize::new(0),
            due: AtomicBool::new(false),
            vain: AtomicU32::new(0),
            left_out: AtomicU32::new(0),
            cores,
        })
    }

    fn now(&self) -> u64 {
        self.opened.elapsed().as_micros() as u64
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        Duration::from_micros(self.now().saturating_sub(moment.load(Ordering::Relaxed)))
    }

    /// A short request has come. `free` says whether nobody else wants the cores.
    pub(crate) fn attend(self: &Arc<Self>, free: bool) -> Attended<'_> {
        if self.present.fetch_add(1, Ordering::Relaxed) > 0 {
            self.company.store(self.now(), Ordering::Relaxed);
        }
        Attended { attention: self, soon: self.since(&self.answered) <= SOON, free: free && self.cores }
    }

    /// Whether the next request is to be waited for awake, by whoever asks first.
    pub(super) fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed) && self.due.swap(false, Ordering::Relaxed)
    }

    /// Looks at a socket until something comes, or has not come in time.
    pub(super) fn wait(&self, socket: &impl AsFd, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let began = clock::monotonic();
        while began.elapsed() < AWAKE {
            match recv(socket, buffer.initialize_unfilled(), RecvFlags::DONTWAIT) {
                Ok((read, _)) => {
                    buffer.advance(read);
                    self.vain.store(0, Ordering::Relaxed);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN | Errno::INTR) => std::hint::spin_loop(),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        let vain = self.vain.load(Ordering::Relaxed).saturating_mul(2).clamp(8, MOST_VAIN);
        self.vain.store(vain, Ordering::Relaxed);
        self.left_out.store(vain, Ordering::Relaxed);
        Poll::Pending
    }

    /// Whether it is not tried again yet, after it was in vain.
    fn rests(&self) -> bool {
        let left = self.left_out.load(Ordering::Relaxed);
        self.left_out.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

impl Attended<'_> {
    fn is_worth_waiting_for(&self) -> bool {
        self.free && self.soon && self.attention.since(&self.attention.company) > LATELY
    }
}

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        let attention = self.attention;
        attention.present.fetch_sub(1, Ordering::Relaxed);
        attention.answered.store(attention.now(), Ordering::Relaxed);
        attention.due.store(self.is_worth_waiting_for() && !attention.rests(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks and answers; whether the next is waited for.
    fn ask(attention: &Arc<Attention>, free: bool) -> bool {
        drop(attention.attend(free));
        attention.is_due()
    }

    #[test]
    fn a_client_that_is_alone_and_asks_again_at_once_is_waited_for() {
        let attention = Attention::of(true);
        let pause = || std::thread::sleep(2 * LATELY);
        pause();
        assert!(!ask(&attention, true), "nobody knows that it comes again");
        // Others may come between two.
        assert!((0..100).any(|_| ask(&attention, true)));
        assert!(!attention.is_due(), "one waits");
        assert!(!ask(&attention, false), "something trains");
        pause();
        assert!(!ask(&attention, true), "it did not come in time");
        let (one, other) = (attention.attend(true), attention.attend(true));
        drop((one, other));
        assert!(!ask(&attention, true), "there are two");
        let single = Attention::of(false);
        pause();
        assert!(!(0..100).any(|_| ask(&single, true)), "the client needs the core");
    }

    #[test]
    fn what_comes_is_read_and_nothing_is_waited_for_in_vain_for_long() {
        let attention = Attention::of(true);
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut space = [0; 8];
        let mut buffer = ReadBuf::new(&mut space);
        std::thread::sleep(2 * LATELY);
        ask(&attention, true);
        assert!(attention.wait(&near, &mut buffer).is_pending());
        let asked = (0..20).map(|_| ask(&attention, true)).filter(|due| *due).count();
        assert!((6..=12).contains(&asked), "{asked} of 20 are waited for, eight of them being left out");
        rustix::io::write(&far, b"question").unwrap();
        assert!(matches!(attention.wait(&near, &mut buffer), Poll::Ready(Ok(()))));
        assert_eq!(buffer.filled(), b"question");
        drop(far);
        buffer.clear();
        assert!(matches!(attention.wait(&near, &mut buffer), Poll::Ready(Ok(()))));
        assert!(buffer.filled().is_empty(), "the other end has gone");
    }
}
