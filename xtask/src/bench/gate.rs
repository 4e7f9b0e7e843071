//! The suite `gate`: what each method costs over bare proxying, and bare proxying over nginx.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::load::{Credential, Load, Round};
use super::material::Binaries;
use super::stand::{self, DoorFiles, OPEN_PATH, Stand};
use super::{Measurement, Plan, Target};
use crate::command;

const TOKENS: u32 = 2000;
const FEW_KEYS: u32 = 1000;
const STARTS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

/// Runs the suite.
pub(super) fn run(root: &Path, plan: &Plan) -> Result<Vec<Measurement>> {
    for program in ["wrk", "nginx"] {
        command::find(program).with_context(|| format!("{program} is not installed: no number"))?;
    }
    let binaries = Binaries::build(root)?;
    let folder = Folder::make()?;
    let bench = Bench {
        upstream: stand::upstream(&folder.0)?,
        binaries,
        plan,
        folder: &folder.0,
        jwks: folder.0.join("tokens/jwks.json"),
    };
    println!("making tokens");
    std::fs::create_dir_all(folder.0.join("tokens"))?;
    bench
        .binaries
        .make_tokens(&folder.0.join("tokens"), TOKENS)?;
    let mut measurements = bench.methods()?;
    measurements.extend(bench.uncached()?);
    measurements.extend(bench.start_and_idle()?);
    measurements.extend(bench.many_keys()?);
    Ok(measurements)
}

struct Bench<'p> {
    upstream: Stand,
    binaries: Binaries,
    plan: &'p Plan,
    folder: &'p Path,
    jwks: PathBuf,
}

impl Bench<'_> {
    fn door(&self, name: &str) -> Result<DoorFiles> {
        DoorFiles::write(&self.folder.join(name), self.upstream.address, &self.jwks)
    }

    fn load(&self, address: std::net::SocketAddr, path: &str, credential: Credential) -> Load {
        Load {
            address,
            path: path.to_owned(),
            credential,
        }
    }

    /// Bare proxying, API key, cached JWT, Basic, and nginx, in alternating rounds.
    fn methods(&self) -> Result<Vec<Measurement>> {
        let files = self.door("methods")?;
        let say = |words: &[&str], input| self.binaries.say(&files.config, words, input);
        let key = say(
            &[
                "key", "create", "--name", "bench", "--scope", "bench", "--json",
            ],
            "",
        )?;
        let key = member(&key, "key")?;
        let password = "a long password for the benchmark";
        say(
            &["user", "add", "bench", "--scope", "bench"],
            &format!("{password}\n"),
        )?;
        let door = files.serve(&self.binaries, &[])?;
        let proxy = stand::plain_proxy(self.folder, self.upstream.address)?;
        let one_token = std::fs::read_to_string(self.folder.join("tokens/es256.txt"))?;
        let one_token = one_token.lines().next().unwrap_or_default().to_owned();
        let basic = format!("Basic {}", base64(format!("bench:{password}").as_bytes()));
        let at = door.address;
        let loads = [
            ("bare", self.load(at, OPEN_PATH, Credential::None)),
            (
                "api_key",
                self.load(
                    at,
                    "/api_key/answer",
                    Credential::Fixed(format!("Bearer {key}")),
                ),
            ),
            (
                "jwt_cached",
                self.load(at, "/jwt/answer", Credential::Fixed(one_token)),
            ),
            (
                "basic",
                self.load(at, "/basic/answer", Credential::Fixed(basic)),
            ),
        ];
        let nginx = self.load(proxy.address, OPEN_PATH, Credential::None);
        let mut rounds: Vec<Vec<Round>> = loads.iter().map(|_| Vec::new()).collect();
        let mut plain = Vec::new();
        self.warm_up(&loads, &door)?;
        for nth in 1..=self.plan.rounds {
            println!("methods, round {nth}");
            plain.push(nginx.run(&proxy.server, self.plan.seconds)?);
            for ((_, load), rounds) in loads.iter().zip(&mut rounds) {
                rounds.push(load.run(&door.server, self.plan.seconds)?);
            }
        }
        Ok(compare(
            &plain,
            loads.iter().map(|(name, _)| *name).zip(&rounds),
        ))
    }

    /// A second of each, so that pools, caches and the branch predictor are no part of round one.
    fn warm_up(&self, loads: &[(&str, Load)], door: &Stand) -> Result<()> {
        for (_, load) in loads {
            load.run(&door.server, 1)?;
        }
        Ok(())
    }

    /// Tokens with the cache switched off: every call verifies a signature.
    fn uncached(&self) -> Result<Vec<Measurement>> {
        let door = self
            .door("uncached")?
            .serve(&self.binaries, &["jwt.cache=0"])?;
        let at = door.address;
        let tokens = |name| Credential::Lines(self.folder.join(format!("tokens/{name}.txt")));
        let loads = [
            ("bare", self.load(at, OPEN_PATH, Credential::None)),
            (
                "jwt_uncached_rs256",
                self.load(at, "/jwt/answer", tokens("rs256")),
            ),
            (
                "jwt_uncached_es256",
                self.load(at, "/jwt/answer", tokens("es256")),
            ),
            (
                "jwt_uncached_eddsa",
                self.load(at, "/jwt/answer", tokens("eddsa")),
            ),
        ];
        self.warm_up(&loads, &door)?;
        let mut rounds: Vec<Vec<Round>> = loads.iter().map(|_| Vec::new()).collect();
        for nth in 1..=self.plan.rounds {
            println!("uncached tokens, round {nth}");
            for ((_, load), rounds) in loads.iter().zip(&mut rounds) {
                rounds.push(load.run(&door.server, self.plan.seconds)?);
            }
        }
        let Some((bare, others)) = rounds.split_first() else {
            return Ok(Vec::new());
        };
        let names = loads.iter().map(|(name, _)| *name).skip(1);
        Ok(names
            .zip(others)
            .flat_map(|(name, rounds)| {
                let mut found = costs(name, rounds);
                found.push(cost_ratio(name, rounds, bare));
                found
            })
            .collect())
    }

    /// Time to the first answer of a second start, and memory before any load.
    fn start_and_idle(&self) -> Result<Vec<Measurement>> {
        println!("starts");
        let files = self.door("start")?;
        drop(files.serve(&self.binaries, &[])?);
        let (mut times, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let door = files.serve(&self.binaries, &[])?;
            times.push(door.first_answer * 1e3);
            memory.push(door.server.resident_bytes()? / MIB);
        }
        Ok(vec![
            Measurement::new("gate/cold_start/first_answer", "ms", times)
                .target(Target::AtMost(150.0)),
            Measurement::new("gate/idle/memory", "MiB", memory).target(Target::AtMost(30.0)),
        ])
    }

    /// A million keys against a thousand: start, memory for each key, cost of a call.
    fn many_keys(&self) -> Result<Vec<Measurement>> {
        let mut doors = Vec::new();
        for (name, count) in [("few", FEW_KEYS), ("many", self.plan.keys)] {
            println!("making {count} keys");
            let files = self.door(name)?;
            self.binaries
                .say(&files.config, &["key", "list", "--json"], "")?;
            let sample = self.folder.join(format!("{name}.txt"));
            self.binaries.make_keys(&files.state, count, &sample)?;
            doors.push((files, sample));
        }
        let (Some((few_files, few_keys)), Some((many_files, many_keys))) =
            (doors.first(), doors.last())
        else {
            return Ok(Vec::new());
        };
        let extra = f64::from(self.plan.keys - FEW_KEYS);
        let (mut starts, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            let few = few_files.serve(&self.binaries, &[])?;
            let many = many_files.serve(&self.binaries, &[])?;
            starts.push(many.first_answer);
            memory.push((many.server.resident_bytes()? - few.server.resident_bytes()?) / extra);
        }
        let few = few_files.serve(&self.binaries, &[])?;
        let many = many_files.serve(&self.binaries, &[])?;
        let path = "/api_key/answer";
        let few_load = self.load(few.address, path, Credential::Lines(few_keys.clone()));
        let many_load = self.load(many.address, path, Credential::Lines(many_keys.clone()));
        let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
        few_load.run(&few.server, 1)?;
        many_load.run(&many.server, 1)?;
        for nth in 1..=self.plan.rounds {
            println!("many keys, round {nth}");
            of_few.push(few_load.run(&few.server, self.plan.seconds)?);
            of_many.push(many_load.run(&many.server, self.plan.seconds)?);
        }
        let name = format!("gate/keys_{}", self.plan.keys);
        let named =
            |what: &str, unit, samples| Measurement::new(&format!("{name}/{what}"), unit, samples);
        Ok(vec![
            named("start", "s", starts).target(Target::AtMost(3.0)),
            named("memory_per_key", "bytes", memory).target(Target::AtMost(250.0)),
            named(
                "cpu_over_a_thousand_keys",
                "ratio",
                ratios(&of_many, &of_few),
            )
            .target(Target::AtMost(1.10)),
        ])
    }
}

/// What each load costs beside bare proxying, which comes first, and that beside nginx.
fn compare<'r>(
    plain: &[Round],
    loads: impl Iterator<Item = (&'static str, &'r Vec<Round>)>,
) -> Vec<Measurement> {
    let mut found = costs("nginx", plain);
    let mut bare = None;
    for (name, rounds) in loads {
        found.extend(costs(name, rounds));
        let Some(bare) = bare else {
            let name = "gate/bare/requests_per_cpu_second_over_nginx";
            let ratio = Measurement::new(name, "ratio", ratios(plain, rounds));
            found.push(ratio.target(Target::AtLeast(0.8)));
            bare = Some(rounds);
            continue;
        };
        let ratio = cost_ratio(name, rounds, bare);
        let bound = (name != "basic").then_some(Target::AtMost(1.05));
        found.push(bound.into_iter().fold(ratio, Measurement::target));
    }
    found
}

/// Cost and rate of a load.
fn costs(name: &str, rounds: &[Round]) -> Vec<Measurement> {
    let cpu = rounds.iter().map(|round| round.cpu_us).collect();
    let rate = rounds.iter().map(|round| round.per_second).collect();
    vec![
        Measurement::new(&format!("gate/{name}/cpu_per_request"), "us", cpu),
        Measurement::new(&format!("gate/{name}/requests_per_second"), "1/s", rate),
    ]
}

fn cost_ratio(name: &str, of: &[Round], to: &[Round]) -> Measurement {
    Measurement::new(&format!("gate/{name}/cpu_ratio"), "ratio", ratios(of, to))
}

/// Ratios of the cost, round by round.
fn ratios(of: &[Round], to: &[Round]) -> Vec<f64> {
    of.iter()
        .zip(to)
        .map(|(of, to)| of.cpu_us / to.cpu_us)
        .collect()
}

/// A member of a JSON object.
pub(super) fn member(json: &str, name: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let text = value.get(name).and_then(serde_json::Value::as_str);
    Ok(text
        .with_context(|| format!("no `{name}` in {json}"))?
        .to_owned())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0, |group, n| {
            group << 8 | usize::from(chunk.get(n).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let sextet = ALPHABET.get(group >> (18 - 6 * place) & 63);
            let absent = place > chunk.len();
            text.push(if absent {
                '='
            } else {
                sextet.map_or('=', |c| char::from(*c))
            });
        }
    }
    text
}

/// A folder that goes away.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// Makes one.
    pub(super) fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("doorward-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_padded() {
        assert_eq!(base64(b"a:b"), "YTpi");
        assert_eq!(base64(b"a:bc"), "YTpiYw==");
        assert_eq!(base64(b"a:bcd"), "YTpiY2Q=");
    }
}
