//! What every store does with sessions.

use super::sample::{at, session, user_name};
use super::{CALLERS, Handles};
use crate::SessionRecord;

/// What is stored comes back, every field of it, until it ends.
pub async fn start_keeps_every_field_until_the_end(on: &Handles) {
    let one = session(1);
    assert!(on.first.sessions().start(one.clone(), None).await.unwrap());
    let other = on.second.sessions();
    assert_eq!(
        other.lookup(&one.digest, at(0)).await.unwrap(),
        Some(one.clone())
    );
    let unknown = other.lookup(&session(2).digest, at(0)).await.unwrap();
    assert_eq!(unknown, None);
    let just = one.idle_expires_at;
    assert_eq!(other.lookup(&one.digest, just).await.unwrap(), None);
    assert!(!other.touch(&one.digest, just, at(9000)).await.unwrap());
}

/// A new session ends the one it replaces; a digest that is taken changes nothing.
pub async fn r080_start_ends_what_it_replaces(on: &Handles) {
    let sessions = on.first.sessions();
    let (old, new) = (session(1), session(2));
    assert!(sessions.start(old.clone(), None).await.unwrap());
    let foreign = SessionRecord {
        user: user_name(9),
        ..old.clone()
    };
    assert!(!sessions.start(foreign, None).await.unwrap());
    assert!(sessions.start(new.clone(), Some(old.digest)).await.unwrap());
    let listed = on.second.sessions().list(&old.user, at(0)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&new));
    assert!(!sessions.start(new.clone(), Some(new.digest)).await.unwrap());
    let listed = on.second.sessions().list(&old.user, at(0)).await.unwrap();
    assert_eq!(listed, [new]);
}

/// Use moves the idle end on and never back, and never beyond the end.
pub async fn r081_touch_moves_the_idle_end_forward_only(on: &Handles) {
    let sessions = on.first.sessions();
    let one = session(1);
    sessions.start(one.clone(), None).await.unwrap();
    for (idle, expected) in [(200, 200), (150, 200), (99_999, 99_999)] {
        assert!(sessions.touch(&one.digest, at(10), at(idle)).await.unwrap());
        let found = on.second.sessions().lookup(&one.digest, at(0)).await;
        let found = found.unwrap().unwrap();
        assert_eq!(found.idle_expires_at, at(expected));
        assert_eq!(found.last_used_at, at(10));
    }
    let end = one.expires_at;
    assert_eq!(sessions.lookup(&one.digest, end).await.unwrap(), None);
    assert_eq!(sessions.sweep(end, 10).await.unwrap(), 1);
}

/// A session is ended by its user only, and by name.
pub async fn r081_end_takes_the_users_own_only(on: &Handles) {
    let sessions = on.first.sessions();
    let one = session(1);
    sessions.start(one.clone(), None).await.unwrap();
    sessions.start(session(2), None).await.unwrap();
    assert!(!sessions.end(&user_name(9), &one.sid).await.unwrap());
    assert!(sessions.end(&one.user, &one.sid).await.unwrap());
    assert!(!sessions.end(&one.user, &one.sid).await.unwrap());
    assert_eq!(sessions.end_all(&user_name(9)).await.unwrap(), 0);
    assert_eq!(on.second.sessions().end_all(&one.user).await.unwrap(), 1);
    assert!(sessions.list(&one.user, at(0)).await.unwrap().is_empty());
}

/// The sweep takes what is over, in portions, and nothing else.
pub async fn sweep_takes_portions_of_what_is_over(on: &Handles) {
    let sessions = on.first.sessions();
    for n in 0..10 {
        sessions.start(session(n), None).await.unwrap();
    }
    let late = SessionRecord {
        idle_expires_at: at(5000),
        ..session(11)
    };
    sessions.start(late.clone(), None).await.unwrap();
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(sessions.sweep(at(999), 4).await.unwrap());
    }
    assert_eq!(swept, [4, 4, 2, 0]);
    let left = on.second.sessions().list(&late.user, at(0)).await.unwrap();
    assert_eq!(left, [late]);
}

/// Of many starts that replace one session each leaves its own, and the old one is gone.
pub async fn r080_parallel_starts_leave_no_old_session(on: &Handles) {
    let old = session(1000);
    on.first.sessions().start(old.clone(), None).await.unwrap();
    let started = on
        .race(move |n, store| async move {
            let new = session(u64::from(n));
            let old = session(1000).digest;
            store.sessions().start(new, Some(old)).await.unwrap()
        })
        .await;
    assert!(started.iter().all(|done| *done));
    let other = on.second.sessions();
    assert_eq!(other.lookup(&old.digest, at(0)).await.unwrap(), None);
    let listed = other.list(&old.user, at(0)).await.unwrap();
    assert_eq!(listed.len(), usize::from(CALLERS));
}
