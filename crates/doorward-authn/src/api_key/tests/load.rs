//! A load fills the index as single inserts do, whatever came before and between.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Timestamp};
use doorward_crypto::api_key::{Environment, KeyKind};
use doorward_crypto::hash::KeyDigest;
use doorward_store::{ApiKeyId, ApiKeyRecord, KeyTerms, KeyVisitor};
use proptest::prelude::*;

use crate::api_key::KeyIndex;

/// Identifiers and digests are few, so that they meet often. Some digests differ only in what
/// decides the part of the index, some only in the rest.
const IDS: u8 = 12;
const DIGESTS: u8 = 16;

fn id(n: u8) -> ApiKeyId {
    ApiKeyId::parse(&format!("key_{n:016}{}", "x".repeat(usize::from(n % 4)))).unwrap()
}

fn digest(n: u8) -> [u8; 32] {
    let mut digest = [0; 32];
    (digest[0], digest[31]) = (n % 4, n / 4);
    digest
}

prop_compose! {
    fn record()(
        (n, d) in (0..IDS, 0..DIGESTS),
        owner in prop::sample::select(vec!["", "alice", "bob", "Zoë"]),
        scope in prop::sample::select(vec!["", "a", "a b"]),
        role in prop::sample::select(vec!["", "clerk"]),
        moments in prop::array::uniform5(prop::option::of(-3_i64..3)),
        (local, agent) in any::<(bool, bool)>(),
    ) -> ApiKeyRecord {
        let [not_before, expires_at, revoked_at, last_used_at, exposed_at] =
            moments.map(|at| at.map(Timestamp::from_millis));
        ApiKeyRecord {
            id: id(n),
            name: String::new(),
            owner: owner.to_owned(),
            kind: if agent { KeyKind::Agent } else { KeyKind::Secret },
            environment: Environment::Live,
            digest: digest(d),
            pepper_id: "p".to_owned(),
            hint: String::new(),
            scopes: ScopeSet::parse(scope).unwrap(),
            roles: Some(role.to_owned()).filter(|role| !role.is_empty()).into_iter().collect(),
            allowed_cidrs: Cidrs::parse(local.then_some("10.0.0.0/8")).unwrap(),
            not_before,
            expires_at,
            revoked_at,
            created_at: Timestamp::from_millis(0),
            last_used_at,
            exposed_at,
            replaced_by: None,
        }
    }
}

/// No two have an identifier or a digest in common, as in a table.
fn table() -> impl Strategy<Value = Vec<ApiKeyRecord>> {
    prop::collection::vec(record(), 0..20).prop_map(|records| {
        let mut by_digest = BTreeMap::new();
        for record in records {
            by_digest.insert(record.digest, record);
        }
        let mut by_id = BTreeMap::new();
        for record in by_digest.into_values() {
            by_id.insert(record.id.clone(), record);
        }
        by_id.into_values().collect()
    })
}

/// What a caller with each of the digests would be told.
fn seen(index: &KeyIndex) -> Vec<Option<String>> {
    let now = Timestamp::from_millis(0);
    (0..DIGESTS)
        .map(|n| {
            index.see(&KeyDigest::from_bytes(digest(n)), |entry| {
                let (terms, local) = (entry.terms(), "10.0.0.1".parse().unwrap());
                let local = doorward_core::net::ClientAddress::new(local);
                let abroad = "192.0.2.1".parse().unwrap();
                let abroad = doorward_core::net::ClientAddress::new(abroad);
                format!(
                    "{:?} {:?} {:?} {:?} {:?} {} {}",
                    entry.identity(),
                    entry.validity(now),
                    terms.kind(),
                    terms.environment(),
                    entry.use_is_due(Timestamp::from_millis(i64::MAX)),
                    terms.admit_address(local),
                    terms.admit_address(abroad),
                )
            })
        })
        .collect()
}

/// Lends equal terms as one copy, as the scan of a database does.
fn load(index: &KeyIndex, records: &[ApiKeyRecord], hint: usize) -> usize {
    let mut lent: Vec<Arc<KeyTerms>> = Vec::new();
    let mut reload = index.reload();
    reload.expect(hint);
    for record in records {
        let terms = record.terms();
        let known = lent.iter().position(|known| **known == terms);
        let place = known.unwrap_or_else(|| {
            lent.push(Arc::new(terms));
            lent.len() - 1
        });
        reload.visit(&record.view(&lent[place]));
    }
    reload.finish()
}

proptest! {
    #[test]
    fn a_loaded_index_equals_one_built_by_single_inserts(
        records in table(),
        hint in prop::sample::select(vec![0, 5, 5000, usize::MAX]),
    ) {
        let (loaded, single) = (KeyIndex::default(), KeyIndex::default());
        load(&loaded, &records, hint);
        records.iter().for_each(|record| single.insert(record));
        prop_assert_eq!(seen(&loaded), seen(&single));
        prop_assert_eq!(loaded.len(), single.len());
        prop_assert_eq!(loaded.len(), records.len());
    }

    #[test]
    fn a_second_load_forgets_what_is_gone_and_revives_nothing(
        before in table(),
        after in table(),
    ) {
        let (reloaded, fresh) = (KeyIndex::default(), KeyIndex::default());
        load(&reloaded, &before, 9);
        let gone = load(&reloaded, &after, 9);
        let kept = |old: &&ApiKeyRecord| after.iter().any(|new| new.id == old.id);
        prop_assert_eq!(gone, before.len() - before.iter().filter(kept).count());
        // What is known of a key before it is read again: its revocation, use and exposure.
        let inherits = after.iter().map(|new| {
            let old = before.iter().find(|old| old.id == new.id);
            let old_revoked = old.and_then(|old| old.revoked_at);
            ApiKeyRecord {
                revoked_at: new.revoked_at.into_iter().chain(old_revoked).min(),
                last_used_at: old.and_then(|old| old.last_used_at).max(new.last_used_at),
                ..new.clone()
            }
        });
        inherits.for_each(|record| fresh.insert(&record));
        prop_assert_eq!(reloaded.len(), after.len());
        prop_assert_eq!(seen(&reloaded), seen(&fresh));
    }

    #[test]
    fn inserts_and_removals_in_any_order_leave_what_the_last_one_said(
        steps in prop::collection::vec((record(), any::<bool>()), 0..60),
    ) {
        let index = KeyIndex::default();
        let mut model: BTreeMap<ApiKeyId, [u8; 32]> = BTreeMap::new();
        let mut holder: BTreeMap<[u8; 32], ApiKeyId> = BTreeMap::new();
        for (record, remove) in steps {
            let old = model.remove(&record.id);
            if let Some(old) = old
                && holder.get(&old) == Some(&record.id)
            {
                holder.remove(&old);
            }
            if remove {
                index.remove(&record.id);
                continue;
            }
            index.insert(&record);
            model.insert(record.id.clone(), record.digest);
            holder.insert(record.digest, record.id);
        }
        prop_assert_eq!(index.len(), model.len());
        for n in 0..DIGESTS {
            let found = index.see(&KeyDigest::from_bytes(digest(n)), |entry| {
                entry.identity().credential_id.as_str().to_owned()
            });
            let expected = holder.get(&digest(n)).map(|id| id.as_str().to_owned());
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_load_of_many_keys_shares_owners_and_finds_every_key() {
    let index = KeyIndex::default();
    let (mut reload, template) = (index.reload(), sample());
    reload.expect(20_000);
    let digest = |n: u32| {
        let mut digest = [7; 32];
        let spread = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        digest[..8].copy_from_slice(&spread.to_be_bytes());
        digest[28..].copy_from_slice(&n.to_be_bytes());
        digest
    };
    for n in 0..20_000_u32 {
        reload.insert(&ApiKeyRecord {
            id: ApiKeyId::parse(&format!("key_{n:016}")).unwrap(),
            digest: digest(n),
            owner: format!("owner-{}", n % 10),
            ..template.clone()
        });
    }
    assert_eq!(reload.finish(), 0);
    assert_eq!(index.len(), 20_000);
    let subject = |n| {
        let found = index.see(&KeyDigest::from_bytes(digest(n)), |entry| {
            (entry.identity().subject, entry.identity().credential_id)
        });
        let (subject, id) = found.unwrap();
        assert_eq!(id.as_str(), format!("key_{n:016}"));
        assert_eq!(*subject, *format!("owner-{}", n % 10));
        subject
    };
    for n in 0..20_000 {
        subject(n);
    }
    assert!(Arc::ptr_eq(&subject(5), &subject(15)));
}

fn sample() -> ApiKeyRecord {
    ApiKeyRecord {
        id: id(0),
        name: String::new(),
        owner: String::new(),
        kind: KeyKind::Secret,
        environment: Environment::Live,
        digest: [0; 32],
        pepper_id: "p".to_owned(),
        hint: String::new(),
        scopes: ScopeSet::EMPTY,
        roles: Vec::new(),
        allowed_cidrs: Cidrs::default(),
        not_before: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp::from_millis(0),
        last_used_at: None,
        exposed_at: None,
        replaced_by: None,
    }
}
