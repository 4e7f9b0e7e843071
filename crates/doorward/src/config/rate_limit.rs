//! `[limits.NAME]`, and `limit` of a `[[route]]`: how often callers may call.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::limit::{By, Limit, Span};
use doorward_core::policy::Access;

use super::document::{Node, Origin, Value};
use super::section::{Section, parse_duration};

/// The most calls that a limit can count.
const MOST_CALLS: u64 = 1_000_000_000;
/// The longest span that is no part of the calendar.
const LONGEST: Duration = Duration::from_hours(24 * 31);
/// How to write a limit.
const EXAMPLE: &str =
    "Write limit = { calls = 100, per = \"1m\" }, or the name of a [limits.NAME].";

/// Every limit of a configuration.
#[derive(Clone, Default)]
pub struct RateLimits {
    /// `None` stands for one whose mistakes are reported.
    named: Vec<(String, Option<Arc<Limit>>)>,
    all: Vec<Arc<Limit>>,
}

impl RateLimits {
    /// All of them, in the order of their indices.
    pub fn all(&self) -> &[Arc<Limit>] {
        &self.all
    }

    /// Reads `[limits.NAME]`.
    pub(super) fn of_names(section: &mut Section<'_>) -> Self {
        let mut rates = Self::default();
        for (name, node) in section.take_tables() {
            let origin = node.origin;
            let mut table = Section::open(format!("limits.{name}"), node, section.diagnostics());
            let mut limit = rates.read(&mut table, &name, &format!("name:{name}"), By::Credential);
            if !is_name(&name) {
                let fix = "Use letters, digits, `-`, `_` and `.`: callers read it in a header.";
                table.error(
                    origin,
                    format!("`{name}` cannot be the name of a limit"),
                    fix,
                );
                limit = None;
            }
            table.finish();
            rates.named.push((name, limit));
        }
        rates
    }

    /// Reads the limits of a route; `None` when something is wrong with them.
    pub(super) fn read_of(
        &mut self,
        section: &mut Section<'_>,
        node: Option<Node>,
        access: &Access,
        place: &str,
    ) -> Option<Vec<Arc<Limit>>> {
        let nodes = match node {
            None => return Some(Vec::new()),
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(node) => vec![node],
        };
        let mut limits = Vec::with_capacity(nodes.len());
        let mut good = true;
        for (n, node) in nodes.into_iter().enumerate() {
            let origin = node.origin;
            let limit = match node.value {
                Value::Text(name) => self.find(section, &name, origin),
                Value::Table(_) => {
                    let default = match access {
                        Access::Public => By::Address,
                        Access::Guarded(_) => By::Credential,
                    };
                    let name = if n == 0 {
                        "route".into()
                    } else {
                        format!("route-{n}")
                    };
                    let key = format!("route:{n}:{place}");
                    let mut table = Section::open("route.limit", node, section.diagnostics());
                    let limit = self.read(&mut table, &name, &key, default);
                    table.finish();
                    limit
                }
                other => {
                    section.error(origin, format!("`limit` is {}", other.kind()), EXAMPLE);
                    None
                }
            };
            let limit = limit.filter(|limit| fits(section, limit, access, origin));
            good &= limit.is_some();
            limits.extend(limit);
        }
        good.then_some(limits)
    }

    fn find(&self, section: &mut Section<'_>, name: &str, origin: Origin) -> Option<Arc<Limit>> {
        let found = self.named.iter().find(|(known, _)| known == name);
        if found.is_none() {
            let known: Vec<_> = self.named.iter().map(|(name, _)| name.as_str()).collect();
            let fix = if known.is_empty() {
                format!("Add [limits.{name}] with calls = 100 and per = \"1m\".")
            } else {
                format!("Name one of: {}.", known.join(", "))
            };
            section.error(origin, format!("there is no [limits.{name}]"), fix);
        }
        found.and_then(|(_, limit)| limit.clone())
    }

    fn read(
        &mut self,
        table: &mut Section<'_>,
        name: &str,
        key: &str,
        default: By,
    ) -> Option<Arc<Limit>> {
        let origin = table.origin();
        let has_calls = table.has("calls");
        let calls = table.integer("calls", 1, 1..=MOST_CALLS);
        let span = read_span(table);
        let by = read_by(table, default);
        let wants_burst = table.has("burst");
        let burst_origin = table.origin_of("burst");
        let burst = table.integer("burst", calls, 1..=MOST_CALLS);
        if !has_calls {
            table.missing(
                &["calls"],
                origin,
                "the limit does not say how many",
                EXAMPLE,
            );
        }
        let (span, by) = (span?, by?);
        let quota = matches!(span, Span::Day | Span::Month);
        if (quota && wants_burst) || burst > calls {
            let fix = "Leave `burst` out, or give less than `calls`, with a time such as \
                       per = \"1m\".";
            table.error(burst_origin, "`burst` cannot be kept here", fix);
            return None;
        }
        if quota && by.contains(&By::Address) {
            let fix = "Count by credential or subject, or take a time such as per = \"24h\".";
            table.error(
                origin,
                "a quota of addresses would be kept for strangers",
                fix,
            );
            return None;
        }
        if !has_calls || table.diagnostics().has_errors() {
            return None;
        }
        let limit = Arc::new(Limit {
            name: name.into(),
            key: key.into(),
            index: self.all.len(),
            calls,
            span,
            burst,
            by,
        });
        self.all.push(Arc::clone(&limit));
        Some(limit)
    }
}

/// Tells whether a route can have a limit: on a public one nobody is known.
fn fits(section: &mut Section<'_>, limit: &Limit, access: &Access, origin: Origin) -> bool {
    let fits = matches!(access, Access::Guarded(_)) || limit.counts_strangers();
    if !fits {
        let message = format!(
            "`{}` counts known callers, and on a public route nobody is",
            limit.name
        );
        section.error(
            origin,
            message,
            "Count by = \"address\" or by = \"route\" there.",
        );
    }
    fits
}

fn read_span(table: &mut Section<'_>) -> Option<Span> {
    let origin = table.origin_of("per");
    let text = table.required_text("per", "\"1m\", \"day\" or \"month\"")?;
    let span = match text.as_str() {
        "day" => Some(Span::Day),
        "month" => Some(Span::Month),
        other => parse_duration(other)
            .filter(|span| !span.is_zero() && *span <= LONGEST)
            .map(Span::Every),
    };
    if span.is_none() {
        let fix = "Write a time up to 31 days such as \"10s\" or \"1h\"; or \"day\" or \"month\".";
        table.error(origin, format!("`per`: `{text}` is no span"), fix);
    }
    span
}

/// One word, or a list of words.
fn read_by(table: &mut Section<'_>, default: By) -> Option<Vec<By>> {
    let origin = table.origin_of("by");
    let words: Option<Vec<String>> = match table.take("by").map(|node| node.value) {
        None => return Some(vec![default]),
        Some(Value::Text(word)) => Some(vec![word]),
        Some(Value::List(items)) => items
            .into_iter()
            .map(|item| match item.value {
                Value::Text(word) => Some(word),
                _ => None,
            })
            .collect(),
        Some(_) => None,
    };
    let known = |word: &String| By::ALL.into_iter().find(|by| by.as_str() == word);
    let by: Option<Vec<By>> = words.and_then(|words| words.iter().map(known).collect());
    let mut by = by.unwrap_or_default();
    by.sort_by_key(|by| *by as usize);
    by.dedup();
    if by.is_empty() {
        let fix = "Write by = \"credential\", or some of \"credential\", \"subject\", \
                   \"address\" and \"route\" in a list.";
        table.error(origin, "`by` does not say what is counted", fix);
        return None;
    }
    Some(by)
}

/// What can stand in a header's string and in a record as it is.
fn is_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(good)
}
