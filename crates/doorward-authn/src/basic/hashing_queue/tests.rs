use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::net::ClientAddress;
use doorward_crypto::digest::ProcessKey;
use tokio::sync::oneshot;

use super::{Checked, HashingQueue, Refusal, Seat, Work};
use crate::basic::credential::UserPass;
use crate::basic::success_cache::{SuccessCache, SuccessKey};
use crate::basic::throttle::Network;
use crate::testing::Counting;

fn key(n: usize) -> SuccessKey {
    let cache = SuccessCache::new(ProcessKey::generate(&Counting::new()), 0);
    let pair = UserPass::parse(&STANDARD.encode(format!("u:{n}"))).unwrap();
    cache.key(None, &pair)
}

struct Job {
    seat: Seat,
    work: Work,
}

impl HashingQueue {
    fn put(&self, job: Job) -> Result<oneshot::Receiver<bool>, Refusal<()>> {
        self.submit(job.seat, || Ok(job.work))
    }
}

/// A stranger's job, from a block of its own.
fn job(n: usize, from: u8, work: impl FnOnce() -> bool + Send + 'static) -> Job {
    job_at([192, 0, from, 1], n, work)
}

fn job_at(from: [u8; 4], n: usize, work: impl FnOnce() -> bool + Send + 'static) -> Job {
    Job {
        seat: Seat {
            key: key(n),
            network: Network::of(ClientAddress::new(from.into())),
            known: false,
        },
        work: Box::new(move || Checked {
            right: work(),
            afterwards: None,
        }),
    }
}

fn known(mut job: Job) -> Job {
    job.seat.known = true;
    job
}

/// Occupies the only thread until the returned sender is dropped.
fn occupy(queue: &HashingQueue) -> (mpsc::Sender<()>, oneshot::Receiver<bool>) {
    let (release, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let work = move || {
        begun.send(()).unwrap();
        wait.recv().is_err()
    };
    let answer = queue.put(job(usize::MAX, 255, work)).ok().unwrap();
    has_begun.recv().unwrap();
    (release, answer)
}

#[test]
fn a_full_queue_takes_no_more() {
    let queue = HashingQueue::start(1, 8).unwrap();
    let (release, first) = occupy(&queue);
    let waiting: Vec<_> = (0_u8..8)
        .map(|n| {
            let job = known(job(n.into(), n, move || n % 2 == 0));
            queue.put(job).ok().unwrap()
        })
        .collect();
    assert_eq!(queue.len(), 8);
    for late in [job(99, 99, || true), known(job(99, 99, || true))] {
        assert!(matches!(queue.put(late), Err(Refusal::Places)));
    }
    drop(release);
    assert_eq!(first.blocking_recv(), Ok(true));
    for (n, answer) in waiting.into_iter().enumerate() {
        assert_eq!(answer.blocking_recv(), Ok(n % 2 == 0));
    }
    assert_eq!(queue.len(), 0);
    assert!(queue.put(job(99, 99, || true)).is_ok());
}

#[test]
fn one_network_holds_a_quarter_of_what_it_shares() {
    // Capacity, share of a known network, share of a strange one.
    for (capacity, of_known, of_strange) in [(32, 8, 4), (8, 2, 1), (3, 1, 1), (1, 1, 1)] {
        let queue = HashingQueue::start(1, capacity).unwrap();
        let (_release, _first) = occupy(&queue);
        let strange: Vec<_> = (0..100)
            .map_while(|n| queue.put(job(n, 1, || true)).ok())
            .collect();
        assert_eq!(strange.len(), of_strange);
        let other = queue.put(job(0, 2, || true));
        assert_eq!(other.is_ok(), capacity > 3);

        let queue = HashingQueue::start(1, capacity).unwrap();
        let (_release, _first) = occupy(&queue);
        let of_owner: Vec<_> = (0..100)
            .map_while(|n| queue.put(known(job(n, 1, || true))).ok())
            .collect();
        assert_eq!(of_owner.len(), of_known);
    }
}

#[test]
fn one_block_holds_half_of_what_it_shares() {
    let queue = HashingQueue::start(1, 32).unwrap();
    let (_release, _first) = occupy(&queue);
    let from_block = |n: u8| job_at([198, 51, 100, n], n.into(), || true);
    let taken: Vec<_> = (0..=255)
        .filter_map(|n| queue.put(from_block(n)).ok())
        .collect();
    assert_eq!(taken.len(), 8);
    assert!(queue.put(job(1, 1, || true)).is_ok(), "another block");
    assert!(queue.put(known(from_block(99))).is_ok(), "the owner there");
}

#[test]
fn strangers_from_everywhere_leave_half_to_who_is_known() {
    let queue = HashingQueue::start(1, 32).unwrap();
    let (_release, _first) = occupy(&queue);
    let strangers: Vec<_> = (0..=255)
        .filter_map(|n| queue.put(job(n.into(), n, || true)).ok())
        .collect();
    assert_eq!(strangers.len(), 16);
    let owners: Vec<_> = (0..=255)
        .filter_map(|n| queue.put(known(job(n.into(), n, || true))).ok())
        .collect();
    // Those with a stranger's check of the same password join it.
    assert_eq!(queue.len(), 32);
    assert_eq!(owners.len(), 32);
}

#[test]
fn what_is_not_admitted_takes_no_place_and_who_joins_is_not_asked() {
    let queue = HashingQueue::start(1, 8).unwrap();
    let (_release, _first) = occupy(&queue);
    let refused = queue.submit(job(1, 1, || true).seat, || Err("no"));
    assert!(matches!(refused, Err(Refusal::NotAdmitted("no"))));
    assert_eq!(queue.len(), 0);
    let _waiting = queue.put(job(1, 1, || true)).ok().unwrap();
    let joined = queue.submit(job(1, 1, || true).seat, || Err("no"));
    assert!(joined.is_ok());
    assert_eq!(queue.len(), 1);
}

#[test]
fn the_same_check_from_one_address_is_made_once() {
    let queue = HashingQueue::start(1, 4).unwrap();
    let (release, _first) = occupy(&queue);
    let made = Arc::new(AtomicUsize::new(0));
    let same = |from| {
        let made = made.clone();
        job(1, from, move || {
            made.fetch_add(1, Ordering::Relaxed);
            true
        })
    };
    let answers: Vec<_> = (0..100).map(|_| queue.put(same(1)).ok().unwrap()).collect();
    let other = queue.put(same(2)).ok().unwrap();
    drop(release);
    for answer in answers {
        assert_eq!(answer.blocking_recv(), Ok(true));
    }
    assert_eq!(other.blocking_recv(), Ok(true));
    assert_eq!(made.load(Ordering::Relaxed), 2, "one for each address");
}

#[test]
fn callers_of_one_check_are_bounded() {
    let queue = HashingQueue::start(1, 4).unwrap();
    let (_release, _first) = occupy(&queue);
    let taken: Vec<_> = (0..1000)
        .map_while(|_| queue.put(job(1, 1, || true)).ok())
        .collect();
    assert_eq!(taken.len(), super::MAX_WAITERS);
}

#[test]
fn a_check_that_nobody_waits_for_is_not_made() {
    let queue = HashingQueue::start(1, 4).unwrap();
    let (release, _first) = occupy(&queue);
    drop(queue.put(job(1, 1, || panic!("nobody asks"))));
    let last = queue.put(job(2, 2, || true)).ok().unwrap();
    drop(release);
    assert_eq!(last.blocking_recv(), Ok(true));
}

#[test]
fn a_panic_is_no_answer_and_the_thread_goes_on() {
    let queue = HashingQueue::start(1, 4).unwrap();
    let answer = queue.put(job(1, 1, || panic!("as a test"))).ok().unwrap();
    assert!(answer.blocking_recv().is_err());
    let again = queue.put(job(1, 1, || true)).ok().unwrap();
    assert_eq!(again.blocking_recv(), Ok(true));
}

#[test]
fn work_without_a_caller_is_done_after_the_rest() {
    let queue = HashingQueue::start(1, 4).unwrap();
    let (release, _first) = occupy(&queue);
    let (tell, told) = mpsc::channel();
    let (late, early) = (tell.clone(), tell);
    let mut with_more = job(1, 1, || true);
    with_more.work = Box::new(move || Checked {
        right: true,
        afterwards: Some(Box::new(move || late.send("afterwards").unwrap())),
    });
    let answers = [
        queue.put(with_more).ok().unwrap(),
        queue
            .put(job(2, 2, move || early.send("check").is_ok()))
            .ok()
            .unwrap(),
    ];
    drop(release);
    assert_eq!(told.iter().collect::<Vec<_>>(), ["check", "afterwards"]);
    for answer in answers {
        assert_eq!(answer.blocking_recv(), Ok(true));
    }
}

#[test]
fn the_threads_end_with_the_queue_and_callers_hear_nothing() {
    let queue = HashingQueue::start(3, 4).unwrap();
    let done = queue.put(job(1, 1, || true)).ok().unwrap();
    assert_eq!(done.blocking_recv(), Ok(true));
    queue.join();

    let queue = HashingQueue::start(1, 4).unwrap();
    let (release, first) = occupy(&queue);
    let waiting = queue.put(job(1, 1, || true)).ok().unwrap();
    drop(queue);
    assert!(waiting.blocking_recv().is_err());
    drop(release);
    // What runs already is not worth waiting for either.
    assert!(first.blocking_recv().is_err());
}
