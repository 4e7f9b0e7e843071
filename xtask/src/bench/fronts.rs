//! The suite `fronts`: what a decision costs behind the servers that ask us, beside an authorizer
//! that allows everything, behind the same server in the same configuration.
//!
//! Every server runs twice with its file of `examples/`: one asks Doorward, the other asks
//! `bench-authorizer`. The rounds of the two alternate. The processor time is that of the process
//! that is asked; the latency is the caller's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::gate::{Folder, member};
use super::load::{Credential, Load, Round};
use super::material::Binaries;
use super::process::Server;
use super::stand::{self, DoorFiles, Stand, free_address};
use super::{Measurement, Plan, Target};

mod servers;

/// The connections of a round for latencies: few, so that nothing waits in a queue.
const FEW: u32 = 4;
/// What our processor time may be of the other's.
const BOUND: Target = Target::AtMost(1.2);
/// Guarded, with a key.
const PATH: &str = "/api_key/answer";
/// The name of the layer in a program of others, which has no server in front.
const TOWER: &str = "tower";

/// Runs the suite.
pub(super) fn run(root: &Path, plan: &Plan) -> Result<Vec<Measurement>> {
    let programs = servers::Programs::find()?;
    let binaries = Binaries::build(root)?;
    let folder = Folder::make()?;
    let upstream = stand::upstream(&folder.0)?;
    let jwks = folder.0.join("jwks.json");
    std::fs::write(&jwks, r#"{"keys":[]}"#)?;
    let files = DoorFiles::write(&folder.0.join("door"), upstream.address, &jwks)?;
    let listeners = add_listeners(&files)?;
    let words = [
        "key", "create", "--name", "bench", "--scope", "bench", "--json",
    ];
    let key = member(&binaries.say(&files.config, &words, "")?, "key")?;
    let bench = Bench {
        root,
        plan,
        folder: &folder.0,
        door: files.serve(&binaries, &[])?,
        binaries: &binaries,
        config: &files.config,
        upstream: upstream.address,
        listeners,
        programs,
        key: format!("Bearer {key}"),
    };
    let wanted = |name: &str| plan.only.as_deref().is_none_or(|only| only == name);
    let mut found = Vec::new();
    for kind in servers::ALL.iter().filter(|kind| wanted(kind.dialect)) {
        found.extend(bench.front(kind)?);
    }
    if wanted(TOWER) {
        found.extend(bench.tower()?);
    }
    anyhow::ensure!(!found.is_empty(), "there is no such front");
    Ok(found)
}

struct Bench<'p> {
    root: &'p Path,
    plan: &'p Plan,
    folder: &'p Path,
    door: Stand,
    binaries: &'p Binaries,
    config: &'p Path,
    upstream: SocketAddr,
    listeners: BTreeMap<&'static str, SocketAddr>,
    programs: servers::Programs,
    key: String,
}

impl Bench<'_> {
    /// A server that asks us, and the same that asks the other.
    fn front(&self, kind: &servers::Kind) -> Result<Vec<Measurement>> {
        let plain = self.authorizer(&[kind.asks])?;
        let own = self.listeners.get(kind.dialect);
        let own = *own.context("a dialect without a listener")?;
        let front = |name: &str, asked| {
            let place = servers::Place {
                examples: &self.root.join("examples"),
                folder: &self.folder.join(format!("{}-{name}", kind.dialect)),
                asked,
                upstream: self.upstream,
            };
            kind.start(&self.programs, &place)
        };
        let (ours, theirs) = (front("ours", own)?, front("theirs", plain.address)?);
        self.compare(
            kind.dialect,
            (&self.load(ours.address()), &self.door.server),
            (&self.load(theirs.address()), &plain.server),
        )
    }

    /// The layer in a program of others, and the program without it.
    fn tower(&self) -> Result<Vec<Measurement>> {
        let config = self.config.to_str().context("a folder's name")?;
        let ours = self.authorizer(&["tower", config])?;
        let theirs = self.authorizer(&["tower"])?;
        self.compare(
            TOWER,
            (&self.load(ours.address), &ours.server),
            (&self.load(theirs.address), &theirs.server),
        )
    }

    /// Starts the small server: what it speaks, and what else it is told.
    fn authorizer(&self, words: &[&str]) -> Result<Stand> {
        let address = free_address()?;
        let mut command = Command::new(&self.binaries.authorizer);
        let (speaks, more) = words.split_first().context("nothing to start")?;
        command.arg(speaks).arg(address.to_string()).args(more);
        let log = self.folder.join(format!("authorizer-{speaks}.log"));
        let mut server = Server::start("bench-authorizer", &mut command, &log)?;
        server.wait_for_listener(address)?;
        Ok(Stand {
            server,
            address,
            first_answer: f64::NAN,
        })
    }

    fn load(&self, address: SocketAddr) -> Load {
        Load {
            address,
            path: PATH.to_owned(),
            credential: Credential::Fixed(self.key.clone()),
        }
    }

    fn compare(
        &self,
        name: &str,
        ours: (&Load, &Server),
        theirs: (&Load, &Server),
    ) -> Result<Vec<Measurement>> {
        for (load, server) in [ours, theirs] {
            load.run(server, 1).with_context(|| name.to_owned())?;
        }
        let mut rounds = Rounds::default();
        for nth in 1..=self.plan.rounds {
            println!("{name}, round {nth}");
            let seconds = self.plan.seconds;
            rounds.theirs.push(theirs.0.run(theirs.1, seconds)?);
            rounds.ours.push(ours.0.run(ours.1, seconds)?);
            let few = |(load, server): (&Load, &Server)| load.run_over(FEW, server, seconds);
            rounds.their_times.push(few(theirs)?);
            rounds.our_times.push(few(ours)?);
        }
        Ok(rounds.measurements(name))
    }
}

/// A time of a round.
type Quantile = fn(&Round) -> f64;

/// What the rounds of one front gave.
#[derive(Default)]
struct Rounds {
    ours: Vec<Round>,
    theirs: Vec<Round>,
    our_times: Vec<Round>,
    their_times: Vec<Round>,
}

impl Rounds {
    fn measurements(&self, name: &str) -> Vec<Measurement> {
        let named = |what: &str, unit, samples| {
            Measurement::new(&format!("fronts/{name}/{what}"), unit, samples)
        };
        let costs = |rounds: &[Round]| rounds.iter().map(|round| round.cpu_us).collect();
        let pairs = |of: Quantile, join: fn(f64, f64) -> f64| {
            let times = self.our_times.iter().zip(&self.their_times);
            times
                .map(|(ours, theirs)| join(of(ours), of(theirs)))
                .collect()
        };
        let ratios = self.ours.iter().zip(&self.theirs);
        let ratios = ratios.map(|(ours, theirs)| ours.cpu_us / theirs.cpu_us);
        let rates = self.ours.iter().map(|round| round.per_second).collect();
        let mut all = vec![
            named("cpu_per_decision", "us", costs(&self.ours)),
            named("static_cpu_per_decision", "us", costs(&self.theirs)),
            named("cpu_over_static", "ratio", ratios.collect()).target(BOUND),
            named("requests_per_second", "1/s", rates),
        ];
        let quantiles: [(&str, Quantile); 2] =
            [("p50", |round| round.p50_us), ("p99", |round| round.p99_us)];
        for (quantile, of) in quantiles {
            let added = pairs(of, |ours, theirs| ours - theirs);
            all.push(named(&format!("added_{quantile}"), "us", added));
            let over = pairs(of, |ours, theirs| ours / theirs);
            all.push(named(&format!("{quantile}_over_static"), "ratio", over));
        }
        all
    }
}

/// Writes a listener for each dialect into the door's configuration.
fn add_listeners(files: &DoorFiles) -> Result<BTreeMap<&'static str, SocketAddr>> {
    let mut text = std::fs::read_to_string(&files.config)?;
    let mut all = BTreeMap::new();
    for kind in servers::ALL {
        let (dialect, address) = (kind.dialect, free_address()?);
        text.push_str(&format!(
            "\n[listener.{dialect}]\nkind = \"forward-auth\"\ndialect = \"{dialect}\"\n\
             address = \"{address}\"\ntls = \"off\"\ntrusted_peers = [\"127.0.0.1\"]\n{}",
            kind.keys
        ));
        all.insert(dialect, address);
    }
    std::fs::write(&files.config, text)?;
    Ok(all)
}
