//! The grant before a store in memory.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use doorward_core::{ScopeSet, Secret, Timestamp};
use doorward_crypto::digest::ProcessKey;
use doorward_store::faulty::{Fault, FaultyStore};
use doorward_store::{MemoryStore, RefreshFamilies, RefreshFamilyRecord, RevokedTokens};

use super::{Alarm, RefreshToken, Standing};
use crate::error::ErrorCode;
use crate::token::refresh::{NewFamily, RefreshLife, RefreshTokens};

const FAMILY: &str = "AAAAAAAAAAAAAAAAAAAAAA";

struct Anybody;

impl Standing for Anybody {
    fn of(&self, _subject: &str) -> Option<(ScopeSet, Vec<String>)> {
        Some((ScopeSet::parse("a b").unwrap(), Vec::new()))
    }
}

#[derive(Default)]
struct Heard(AtomicUsize);

#[async_trait]
impl Alarm for Heard {
    async fn stolen(&self, _family: &RefreshFamilyRecord) -> Result<(), String> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

const fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn tokens(families: Arc<dyn RefreshFamilies>) -> Arc<RefreshTokens> {
    let secret = Secret::new([7; 32]);
    Arc::new(RefreshTokens {
        families,
        key: ProcessKey::derived(&secret, "refresh-token"),
        life: RefreshLife {
            idle: Duration::from_secs(1000),
            absolute: Duration::from_secs(5000),
            grace: Duration::from_secs(5),
        },
        issuer: "https://door.example".to_owned(),
        access_token_ttl: Duration::from_secs(600),
    })
}

async fn start(tokens: &RefreshTokens) -> Secret<String> {
    let scopes = ScopeSet::parse("a b c").unwrap();
    let new = NewFamily {
        grant_id: FAMILY,
        client_id: "shop",
        subject: "alice",
        sid: None,
        scopes: &scopes,
        audiences: &[],
        dpop_jkt: None,
        auth_time: None,
        acr: None,
    };
    tokens.start(new, at(0)).await.unwrap()
}

fn grant(tokens: &Arc<RefreshTokens>) -> (Arc<RefreshToken>, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let grant = RefreshToken::new(
        Arc::clone(tokens),
        Arc::new(Anybody),
        Arc::<Heard>::clone(&heard),
    );
    (Arc::new(grant), heard)
}

#[tokio::test]
async fn i16_a_token_has_one_spelling_and_only_we_make_it() {
    let tokens = tokens(Arc::new(MemoryStore::new()));
    let first = start(&tokens).await;
    let text = first.expose().as_str();
    let shown = tokens.read(text).unwrap();
    assert_eq!((shown.family.as_str(), shown.generation), (FAMILY, 1));
    let (head, mac) = text.rsplit_once('.').unwrap();
    let (cut, _) = text.split_at(text.len() - 1);
    for wrong in [
        cut.to_owned(),
        format!("{text}A"),
        format!("{text}."),
        head.to_owned(),
        format!("{head}."),
        format!("dwrt_{FAMILY}.2.{mac}"),
        format!("dwrt_{FAMILY}.01.{mac}"),
        format!("dwrt_{FAMILY}.+1.{mac}"),
        format!("dwrt_BAAAAAAAAAAAAAAAAAAAAA.1.{mac}"),
        text.to_lowercase(),
        text.replacen("dwrt_", "", 1),
        String::new(),
        "x".repeat(1000),
    ] {
        assert_eq!(tokens.read(&wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn r051_a_retry_gets_the_same_successor_and_a_thief_ends_the_family() {
    let store = MemoryStore::new();
    let tokens = tokens(Arc::new(store.clone()));
    let first = start(&tokens).await;
    let (grant, heard) = grant(&tokens);
    let shown = tokens.read(first.expose()).unwrap();
    assert_eq!(grant.rotate(&shown, at(10)).await, Ok(2));
    assert_eq!(
        grant.rotate(&shown, at(14)).await,
        Ok(2),
        "the same successor"
    );
    let stolen = grant.rotate(&shown, at(15)).await.unwrap_err();
    assert_eq!(stolen.code, ErrorCode::InvalidGrant);
    assert_eq!(heard.0.load(Ordering::SeqCst), 1);
    let next = tokens.read(tokens.text(FAMILY, 2).expose()).unwrap();
    assert!(grant.rotate(&next, at(16)).await.is_err());
    let ended = RevokedTokens::lookup(&store, "https://door.example", FAMILY).await;
    assert!(ended.unwrap().is_some(), "its access tokens have ended too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i09_two_hundred_at_once_get_one_successor() {
    let tokens = tokens(Arc::new(MemoryStore::new()));
    let first = start(&tokens).await;
    let (grant, heard) = grant(&tokens);
    let mut shown = tokens.read(first.expose()).unwrap();
    for round in 1..20 {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let (grant, shown) = (Arc::clone(&grant), shown.clone());
                tokio::spawn(async move { grant.rotate(&shown, at(round)).await })
            })
            .collect();
        let mut given = HashSet::new();
        for call in calls {
            given.insert(call.await.unwrap().unwrap());
        }
        assert_eq!(given, HashSet::from([round + 1]));
        shown.generation = round + 1;
    }
    assert_eq!(heard.0.load(Ordering::SeqCst), 0, "nobody was logged out");
}

#[tokio::test]
async fn r126_a_store_that_fails_gives_no_token_and_logs_nobody_out() {
    let memory = MemoryStore::new();
    let first = start(&tokens(Arc::new(memory.clone()))).await;
    for fault in [Fault::AnswerLost(1), Fault::Nth(1)] {
        let broken = tokens(Arc::new(FaultyStore::new(memory.clone(), fault)));
        let (grant, heard) = grant(&broken);
        let shown = broken.read(first.expose()).unwrap();
        let refused = grant.rotate(&shown, at(10)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TemporarilyUnavailable);
        // The client tries again, also where the answer was lost.
        assert_eq!(grant.rotate(&shown, at(11)).await, Ok(2));
        assert_eq!(heard.0.load(Ordering::SeqCst), 0);
    }
}
