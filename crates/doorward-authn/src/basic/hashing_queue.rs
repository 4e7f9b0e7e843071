//! Threads that check passwords, and the short queue before them.
//!
//! A hash takes tens of milliseconds and much memory: so few at a time, and few waiting. Half of
//! the places are kept for names at networks where they succeeded in the last day; strangers
//! share the other half. Of what strangers share one network (an IPv4 address, an IPv6 /64) holds
//! a quarter at most, and one block (IPv4 /24, IPv6 /48) a half; who is known may hold as much of
//! the whole. So strangers from four networks in two blocks can keep other strangers out, for as
//! long as the tokens of their addresses last, but never whom we know.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::success_cache::SuccessKey;
use super::throttle::Network;

/// How many callers may wait for one and the same check.
const MAX_WAITERS: usize = 256;
/// How many pieces of work without a caller may wait.
const MAX_BACKGROUND: usize = 64;

/// Work that nobody waits for.
pub(super) type Background = Box<dyn FnOnce() + Send>;

/// What a check found.
pub(super) struct Checked {
    /// Whether the password is right.
    pub(super) right: bool,
    /// What is to be done when no caller is waiting.
    pub(super) afterwards: Option<Background>,
}

/// A check.
pub(super) type Work = Box<dyn FnOnce() -> Checked + Send>;

/// Who asks for a check.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    /// What is checked.
    pub(super) key: SuccessKey,
    /// For whom.
    pub(super) network: Network,
    /// Whether the name succeeded at this network lately.
    pub(super) known: bool,
}

/// Why a check is not made.
pub(super) enum Refusal<E> {
    /// Too many wait for the same one already.
    Callers,
    /// There is no place for it.
    Places,
    /// It may not be made at all.
    NotAdmitted(E),
}

struct Job {
    seat: Seat,
    work: Work,
}

/// The threads and their queue. Dropping it ends the threads; whoever waits hears nothing more.
pub(super) struct HashingQueue {
    shared: Arc<Shared>,
    #[cfg(test)]
    threads: Vec<std::thread::JoinHandle<()>>,
}

struct Shared {
    capacity: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Who waits for each check, whether it waits or runs. SECURITY: shared only by callers
    /// from one address, so that nobody hears from another's attempts.
    callers: HashMap<Ask, Vec<oneshot::Sender<bool>>>,
    background: VecDeque<Background>,
    closed: bool,
}

type Ask = (SuccessKey, Network);

enum Task {
    Check(Job),
    Background(Background),
}

impl HashingQueue {
    /// Starts `workers` threads, at least one, with `capacity` places before them.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(workers: usize, capacity: usize) -> io::Result<Self> {
        let mut queue = Self {
            shared: Arc::new(Shared {
                capacity: capacity.max(1),
                state: Mutex::default(),
                ready: Condvar::new(),
            }),
            #[cfg(test)]
            threads: Vec::new(),
        };
        for n in 0..workers.max(1) {
            let shared = queue.shared.clone();
            let name = format!("password-{n}");
            let thread = Builder::new().name(name).spawn(move || shared.work())?;
            queue.keep(thread);
        }
        Ok(queue)
    }

    /// Puts a check in the queue, or joins the same one from the same network. Only what does not
    /// join needs to be admitted, which is asked while nobody else can enter.
    ///
    /// # Errors
    /// [`Refusal`] when it is not admitted, or there is no place for this caller.
    pub(super) fn submit<E>(
        &self,
        seat: Seat,
        admit: impl FnOnce() -> Result<Work, E>,
    ) -> Result<oneshot::Receiver<bool>, Refusal<E>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.shared.state.lock();
        let ask = seat.ask();
        if let Some(callers) = state.callers.get_mut(&ask) {
            callers.retain(|caller| !caller.is_closed());
            if callers.len() >= MAX_WAITERS {
                return Err(Refusal::Callers);
            }
            callers.push(sender);
            drop(state);
            return Ok(receiver);
        }
        let work = admit().map_err(Refusal::NotAdmitted)?;
        if !state.has_place(&seat, self.shared.capacity) {
            return Err(Refusal::Places);
        }
        state.callers.insert(ask, vec![sender]);
        state.waiting.push_back(Job { seat, work });
        drop(state);
        self.shared.ready.notify_one();
        Ok(receiver)
    }

    /// How many checks wait.
    pub(super) fn len(&self) -> usize {
        self.shared.state.lock().waiting.len()
    }

    #[cfg(test)]
    fn keep(&mut self, thread: std::thread::JoinHandle<()>) {
        self.threads.push(thread);
    }

    /// The threads end by themselves.
    #[cfg(not(test))]
    fn keep(&mut self, thread: std::thread::JoinHandle<()>) {
        drop(thread);
    }
}

impl Drop for HashingQueue {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let left = State {
            closed: true,
            ..State::default()
        };
        let left = std::mem::replace(&mut *state, left);
        drop(state);
        self.shared.ready.notify_all();
        drop(left);
    }
}

impl Seat {
    const fn ask(&self) -> Ask {
        (self.key, self.network)
    }
}

impl State {
    fn has_place(&self, seat: &Seat, capacity: usize) -> bool {
        let shared = if seat.known { capacity } else { capacity / 2 };
        let held = |same: &dyn Fn(&Seat) -> bool| {
            let seats = self.waiting.iter().map(|job| &job.seat);
            let alike = seats.filter(|other| other.known == seat.known);
            alike.filter(|other| same(other)).count()
        };
        let block = seat.network.block();
        self.waiting.len() < capacity
            && held(&|_| true) < shared.max(1)
            && held(&|other| other.network == seat.network) < (shared / 4).max(1)
            && held(&|other| other.network.block() == block) < (shared / 2).max(1)
    }

    fn next(&mut self) -> Option<Task> {
        let job = self.waiting.pop_front().map(Task::Check);
        job.or_else(|| self.background.pop_front().map(Task::Background))
    }

    fn is_wanted(&self, ask: &Ask) -> bool {
        let callers = self.callers.get(ask);
        callers.is_some_and(|callers| callers.iter().any(|caller| !caller.is_closed()))
    }
}

impl Shared {
    fn work(&self) {
        while let Some(task) = self.wait() {
            match task {
                Task::Check(job) => self.check(job),
                Task::Background(work) => {
                    // A panic ends the work, not the thread.
                    let _done = catch_unwind(AssertUnwindSafe(work));
                }
            }
        }
    }

    fn wait(&self) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            match state.next() {
                None => self.ready.wait(&mut state),
                task => return task,
            }
        }
    }

    fn check(&self, job: Job) {
        let ask = job.seat.ask();
        {
            let mut state = self.state.lock();
            if !state.is_wanted(&ask) {
                state.callers.remove(&ask);
                drop(state);
                return;
            }
        }
        let checked = catch_unwind(AssertUnwindSafe(job.work)).ok();
        let mut state = self.state.lock();
        let callers = state.callers.remove(&ask).unwrap_or_default();
        let (right, afterwards) = checked.map_or((None, None), |checked| {
            (Some(checked.right), checked.afterwards)
        });
        let mut left_over = afterwards;
        if state.background.len() < MAX_BACKGROUND
            && !state.closed
            && let Some(work) = left_over.take()
        {
            state.background.push_back(work);
            self.ready.notify_one();
        }
        drop(state);
        // After a panic the callers hear nothing, which is not a yes.
        for caller in callers {
            if let Some(right) = right {
                // The caller may have gone.
                let _gone = caller.send(right);
            }
        }
    }
}

#[cfg(test)]
impl HashingQueue {
    /// Drops the queue and waits for its threads to end.
    pub(super) fn join(mut self) {
        let threads = std::mem::take(&mut self.threads);
        drop(self);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[cfg(test)]
mod tests;
