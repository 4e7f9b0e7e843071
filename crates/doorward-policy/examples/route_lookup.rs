//! Prints what one look-up costs with few and with many routes.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use doorward_core::policy::{Access, Binding, Forwarding};
use doorward_policy::{Methods, PathTemplate, Roles, Route, RouteTable};
use http::Method;

const LOOKUPS: usize = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    for count in [10, 100, 1000, 10_000] {
        let table = table(count)?;
        let paths: Vec<String> = (0..1024)
            .map(|n| n * 7919 % count)
            .map(|n| match n % 3 {
                0 => format!("/service-{n}/orders/81723"),
                1 => format!("/service-{n}/orders/81723/items/4"),
                _ => format!("/service-{n}/orders"),
            })
            .collect();
        let start = Instant::now();
        let mut found = 0;
        for path in paths.iter().cycle().take(LOOKUPS) {
            let rule = table.rule_of("api.example.com", black_box(path), &Method::GET)?;
            found += usize::from(rule.is_some());
        }
        let nanos = start.elapsed().as_nanos() / LOOKUPS as u128;
        println!("{count:>6} routes: {nanos:>4} ns per look-up ({found} of {LOOKUPS} found)");
    }
    Ok(())
}

fn table(count: usize) -> Result<RouteTable, Box<dyn Error>> {
    let mut routes = Vec::with_capacity(count);
    for n in 0..count {
        let path = match n % 3 {
            0 => format!("/service-{n}/orders/{{id}}"),
            1 => format!("/service-{n}/orders/{{id}}/items/{{*rest}}"),
            _ => format!("/service-{n}/orders"),
        };
        routes.push(Route {
            label: format!("route {n}"),
            hosts: Vec::new(),
            path: PathTemplate::parse(&path)?,
            methods: Methods::List(vec![Method::GET]),
            access: Access::Public,
            binding: Binding::default(),
            forwarding: Forwarding {
                upstream: "upstream".into(),
                pass_credential: false,
                max_body: None,
                websocket: doorward_core::policy::WebSocketBounds::NONE,
                timeout: Duration::from_secs(30),
            },
            cors: None,
            limits: Vec::new(),
        });
    }
    RouteTable::build(routes, Roles::default()).map_err(|errors| format!("{errors:?}").into())
}
