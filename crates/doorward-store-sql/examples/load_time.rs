//! Prints how long a start with many API keys takes.
//!
//! `cargo run --release -p doorward-store-sql --example load_time -- 1000000 /tmp/load.db`; the
//! file is made on the first run and used again by the next.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use doorward_store::conformance::sample;
use doorward_store::{ChangeFeed, Store};
use doorward_store_sql::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().ok_or("how many keys?")?.parse()?;
    let path = arguments.next().ok_or("which file?")?;
    let started = Instant::now();
    let store = SqliteStore::open(Path::new(&path))?;
    println!("open: {:?}", started.elapsed());

    let present = u64::try_from(store.head().await?)?;
    let started = Instant::now();
    for first in (present..rows).step_by(512) {
        let creates: Vec<_> = (first..rows.min(first + 512))
            .map(|n| {
                let store = store.clone();
                // Scattered, as random identifiers are.
                let key = sample::api_key(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10_u64.pow(16));
                tokio::spawn(async move { store.api_keys().create(key).await })
            })
            .collect();
        for create in creates {
            create.await??;
        }
    }
    println!(
        "create {} keys: {:?}",
        rows.saturating_sub(present),
        started.elapsed()
    );

    for _ in 0..3 {
        let started = Instant::now();
        let mut count = 0_u64;
        store.api_keys().for_each(&mut |_| count += 1).await?;
        println!("load {count} keys: {:?}", started.elapsed());
    }
    Ok(())
}
