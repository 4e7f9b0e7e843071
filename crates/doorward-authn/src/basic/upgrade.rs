//! Passwords that were hashed anew with Argon2id, for the binary to write.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_core::Secret;
use doorward_store::UserName;
use parking_lot::Mutex;

/// How many may be made and wait for being written.
const MAX_UPGRADES: usize = 1024;

/// The same password under a better hash, to be stored if the old hash is still there.
pub struct Upgrade {
    /// The user.
    pub name: UserName,
    /// The hash in the store.
    pub old: Secret<String>,
    /// The hash that should take its place.
    pub new: Secret<String>,
}

/// Upgrades that are being made and that wait.
#[derive(Default)]
pub(super) struct Upgrades(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    making: HashSet<UserName>,
    made: Vec<Upgrade>,
}

/// The right to make a user's upgrade, which nobody else has meanwhile.
pub(super) struct Turn {
    upgrades: Arc<Upgrades>,
    name: UserName,
}

impl Upgrades {
    /// Takes the turn to make an upgrade, unless it is being made, waits, or too many do.
    pub(super) fn turn(self: &Arc<Self>, name: &UserName) -> Option<Turn> {
        let mut lists = self.0.lock();
        let waits = || lists.made.iter().any(|made| made.name == *name);
        let is_free = lists.making.len() + lists.made.len() < MAX_UPGRADES
            && !lists.making.contains(name)
            && !waits();
        is_free.then(|| {
            lists.making.insert(name.clone());
            Turn {
                upgrades: self.clone(),
                name: name.clone(),
            }
        })
    }

    pub(super) fn take(&self) -> Vec<Upgrade> {
        std::mem::take(&mut self.0.lock().made)
    }
}

impl Turn {
    pub(super) fn made(self, old: Secret<String>, new: Secret<String>) {
        let name = self.name.clone();
        let upgrade = Upgrade { name, old, new };
        self.upgrades.0.lock().made.push(upgrade);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.upgrades.0.lock().making.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorward_core::Secret;
    use doorward_store::UserName;

    use super::{MAX_UPGRADES, Upgrades};

    #[test]
    fn one_upgrade_per_user_and_not_too_many() {
        let upgrades = Arc::new(Upgrades::default());
        let name = |n: usize| UserName::parse(&format!("user{n}")).unwrap();
        let turn = upgrades.turn(&name(0)).unwrap();
        assert!(upgrades.turn(&name(0)).is_none(), "being made");
        turn.made(Secret::new("old".into()), Secret::new("new".into()));
        assert!(upgrades.turn(&name(0)).is_none(), "waits");
        let turns: Vec<_> = (1..MAX_UPGRADES + 10)
            .filter_map(|n| upgrades.turn(&name(n)))
            .collect();
        assert_eq!(turns.len(), MAX_UPGRADES - 1);
        drop(turns);
        assert_eq!(upgrades.take().len(), 1);
        assert!(upgrades.turn(&name(0)).is_some(), "free again");
    }
}
