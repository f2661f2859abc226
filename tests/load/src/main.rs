//! Load for a running server: what `scripts/bench` measures with. Every figure
//! is taken beside a bare server in the same run, see [`floor`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and is printed"
)]

mod clients;
mod floor;
mod messages;
mod process;
mod promise;
mod relay;
mod rooms;
mod rounds;
mod start;
mod target;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};

use clients::Role;
use messages::Plan;
use rounds::{Figure, Side, compare};
use target::Template;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let files = nix::sys::resource::Resource::RLIMIT_NOFILE;
    if let Ok((_, hard)) = nix::sys::resource::getrlimit(files) {
        let _ = nix::sys::resource::setrlimit(files, hard, hard);
    }
    let steady = match matches.subcommand() {
        Some(("floor", of)) => {
            let database: &PathBuf = of.get_one("database").unwrap();
            floor::run(*of.get_one("port").unwrap(), database);
            true
        }
        Some(("messages", of)) => run_messages(of),
        Some(("relay", of)) => run_relay(of),
        Some(("rooms", of)) => run_rooms(of),
        Some(("forwarder", of)) => {
            let peer: &SocketAddr = of.get_one("peer").unwrap();
            relay::forwarder::run(*of.get_one("port").unwrap(), *peer);
            true
        }
        Some(("bare-rooms", of)) => {
            rooms::bare::run(*of.get_one("at").unwrap());
            true
        }
        Some(("idle", of)) => {
            run_idle(of);
            true
        }
        Some(("start", of)) => {
            let (binary, messages) = (binary(of), number(of, "messages"));
            let template = Template::seed(&binary, 1_000, messages);
            start::run(&binary, &template, number(of, "rounds"));
            true
        }
        Some(("promise", of)) => {
            let template = Template::seed(&binary(of), 1_000, number(of, "messages"));
            promise::run(&template, seconds(of, "seconds"));
            true
        }
        Some(_) | None => unreachable!("a subcommand is required"),
    };
    if steady {
        return ExitCode::SUCCESS;
    }
    println!(
        "The reference was not steady: these ratios say nothing. Try again on a quieter machine."
    );
    ExitCode::FAILURE
}

fn command() -> Command {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_parser(value_parser!(u64))
            .default_value(default)
            .help(help)
    };
    let path = |name: &'static str| {
        Arg::new(name)
            .long(name)
            .value_parser(value_parser!(PathBuf))
    };
    let binary = || path("binary").default_value("target/release/payambar");
    Command::new("payambar-load")
        .about("Measures a server under load, beside a bare one")
        .subcommand_required(true)
        .subcommand(
            Command::new("messages")
                .about("Durable messages, in alternation with the floor or with a run without the trouble")
                .arg(
                    Arg::new("shape")
                        .default_value("saturated")
                        .value_parser(["saturated", "paced", "resent", "deaf"])
                        .help("What the crowd does"),
                )
                .arg(binary())
                .arg(path("beside").help("Another build, to be compared with instead of the floor"))
                .arg(number("sockets", "500", "How many sockets"))
                .arg(number("in-flight", "4", "Messages on the way from each, unless paced"))
                .arg(number("rate", "20000", "Messages a second of all together, if paced"))
                .arg(number("slow-sync", "0", "Milliseconds that each sync of the disk takes longer"))
                .arg(number("rounds", "5", "How often each is measured"))
                .arg(number("warm", "2", "Seconds before each measurement"))
                .arg(number("seconds", "6", "Seconds of each measurement")),
        )
        .subcommand(
            Command::new("idle")
                .about("Memory of sockets that say nothing")
                .arg(binary())
                .arg(number("sockets", "10000", "How many sockets")),
        )
        .subcommand(
            Command::new("promise")
                .about("1,000 connected and 500 messages a second, with calls of the API beside them")
                .arg(binary())
                .arg(number("messages", "1000000", "Messages in the database before"))
                .arg(number("seconds", "60", "How long")),
        )
        .subcommand(
            Command::new("start")
                .about("From start to serving")
                .arg(binary())
                .arg(number("messages", "1000000", "Messages in the database"))
                .arg(number("rounds", "5", "How often")),
        )
        .subcommand(
            Command::new("relay")
                .about("What a relayed packet costs, in alternation with coturn and a bare forwarder")
                .arg(
                    Arg::new("shape")
                        .value_parser(relay::Shape::NAMES)
                        .num_args(0..)
                        .help("What the callers do; all of it when nothing is named"),
                )
                .arg(
                    Arg::new("over")
                        .long("over")
                        .value_parser(relay::Over::NAMES)
                        .num_args(1..)
                        .default_value("udp")
                        .help("What the callers speak to the relay over"),
                )
                .arg(binary())
                .arg(path("beside").help("Another build, measured beside"))
                .arg(
                    Arg::new("set")
                        .long("set")
                        .action(clap::ArgAction::Append)
                        .value_name("NAME=VALUE")
                        .help("A setting of the relay"),
                )
                .arg(number("allocations", "200", "How many allocations"))
                .arg(number("rounds", "5", "How often each is measured"))
                .arg(number("warm", "1", "Seconds before each measurement"))
                .arg(number("seconds", "4", "Seconds of each measurement"))
                .arg(
                    Arg::new("anyway")
                        .long("anyway")
                        .action(clap::ArgAction::SetTrue)
                        .help("Print ratios even if the reference was not steady"),
                ),
        )
        .subcommand(rooms_command(number))
        .subcommand(
            Command::new("bare-rooms")
                .about("The core of the rooms in a bare shell itself")
                .arg(
                    Arg::new("at")
                        .long("at")
                        .required(true)
                        .value_parser(value_parser!(SocketAddr)),
                ),
        )
        .subcommand(
            Command::new("forwarder")
                .about("The bare forwarder itself")
                .arg(
                    Arg::new("port")
                        .long("port")
                        .required(true)
                        .value_parser(value_parser!(u16)),
                )
                .arg(
                    Arg::new("peer")
                        .long("peer")
                        .required(true)
                        .value_parser(value_parser!(SocketAddr)),
                ),
        )
        .subcommand(
            Command::new("floor")
                .about("The bare server itself")
                .arg(path("database").required(true))
                .arg(
                    Arg::new("port")
                        .long("port")
                        .required(true)
                        .value_parser(value_parser!(u16)),
                ),
        )
}

/// How voice rooms are measured.
fn rooms_command(number: impl Fn(&'static str, &'static str, &'static str) -> Arg) -> Command {
    Command::new("rooms")
        .about(
            "What a delivered packet of a voice room costs, in alternation with janus' VideoRoom",
        )
        .arg(
            Arg::new("shape")
                .value_parser(rooms::Shape::named)
                .num_args(0..)
                .default_values(["3x8", "6x8", "1x20", "1x50"])
                .help("Rooms and their members"),
        )
        .arg(number("rounds", "5", "How often each is measured"))
        .arg(number("warm", "3", "Seconds before each measurement"))
        .arg(number("seconds", "6", "Seconds of each measurement"))
        .arg(
            Arg::new("anyway")
                .long("anyway")
                .action(clap::ArgAction::SetTrue)
                .help("Print ratios even if the reference was not steady"),
        )
}

fn binary(of: &ArgMatches) -> PathBuf {
    let path: &PathBuf = of.get_one("binary").unwrap();
    let path = path.canonicalize();
    path.expect("there is no binary; build it with cargo build --release")
}

fn number(of: &ArgMatches, name: &str) -> usize {
    usize::try_from(*of.get_one::<u64>(name).unwrap()).unwrap()
}

fn seconds(of: &ArgMatches, name: &str) -> Duration {
    Duration::from_secs(*of.get_one(name).unwrap())
}

fn run_relay(of: &ArgMatches) -> bool {
    let named: Vec<&String> = of.get_many("shape").unwrap_or_default().collect();
    let all = named.is_empty();
    let wanted = |name: &&str| all || named.iter().any(|wanted| wanted == name);
    let shapes = relay::Shape::NAMES.into_iter().filter(wanted);
    let over = of.get_many::<String>("over").unwrap_or_default();
    let set: Vec<&String> = of.get_many("set").unwrap_or_default().collect();
    let setting = |pair: &String| {
        let (name, value) = pair.split_once('=').expect("--set takes NAME=VALUE");
        (name.to_owned(), value.to_owned())
    };
    relay::run(&relay::Plan {
        binary: binary(of),
        beside: of.get_one("beside").cloned(),
        settings: set.into_iter().map(setting).collect(),
        shapes: shapes.map(relay::Shape::named).collect(),
        over: over.map(|name| relay::Over::named(name)).collect(),
        allocations: number(of, "allocations") & !1,
        rounds: number(of, "rounds"),
        warm: seconds(of, "warm"),
        long: seconds(of, "seconds"),
        anyway: of.get_flag("anyway"),
    })
}

fn run_rooms(of: &ArgMatches) -> bool {
    let shapes = of.get_many::<rooms::Shape>("shape").unwrap_or_default();
    rooms::run(&rooms::Plan {
        shapes: shapes.copied().collect(),
        rounds: number(of, "rounds"),
        warm: seconds(of, "warm"),
        long: seconds(of, "seconds"),
        anyway: of.get_flag("anyway"),
    })
}

/// Runs the clients, all in this thread.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

fn run_messages(of: &ArgMatches) -> bool {
    let sockets = number(of, "sockets") & !1;
    let build = binary(of);
    let other: Option<PathBuf> = of.get_one("beside").cloned();
    // By the other, which may be the older one: it knows no newer database.
    let seeds = other.as_ref().unwrap_or(&build);
    let mut template = Template::seed(seeds, sockets + 2, sockets * 20);
    template.binary = build;
    template.other = other;
    let slow_sync = number(of, "slow-sync");
    template.slow_sync = Duration::from_millis(u64::try_from(slow_sync).unwrap());
    let shape = of.get_one::<String>("shape").unwrap().as_str();
    let busy = Role::Busy(number(of, "in-flight"));
    let every = Duration::from_secs_f64(sockets as f64 / number(of, "rate").max(1) as f64);
    let plan = Plan {
        sockets,
        role: if ["paced", "deaf"].contains(&shape) {
            Role::Paced(every)
        } else {
            busy
        },
        resent: 0,
        deaf: false,
        warm: seconds(of, "warm"),
        long: seconds(of, "seconds"),
    };
    let side = |name, plan, start| Side { name, plan, start };
    let plain = side("server", plan, Template::server);
    let reference = if template.other.is_some() {
        side("beside", plan, Template::beside)
    } else {
        side("floor", plan, Template::floor)
    };
    let throughput = || Figure {
        name: "messages a second",
        of: |figures| figures.per_second,
    };
    let cpu = || Figure {
        name: "cpu per message",
        of: |figures| figures.cpu_us,
    };
    let disk = || Figure {
        name: "disk per message",
        of: |figures| figures.written,
    };
    let late = || Figure {
        name: "delivery p99",
        of: |figures| figures.delivery[1],
    };
    let rounds = number(of, "rounds");
    let (sides, figures) = match shape {
        "paced" => ([&plain, &reference], vec![cpu(), disk(), late()]),
        "resent" => {
            let resent = Plan { resent: 5, ..plan };
            (
                [&side("resent", resent, Template::server), &plain],
                vec![
                    throughput(),
                    cpu(),
                    Figure {
                        name: "answered again",
                        of: |figures| figures.repeated as f64,
                    },
                ],
            )
        }
        "deaf" => {
            let deaf = Plan { deaf: true, ..plan };
            (
                [&side("deaf", deaf, Template::server), &plain],
                vec![cpu(), late()],
            )
        }
        _ => ([&plain, &reference], vec![throughput(), cpu(), disk()]),
    };
    compare(&template, sides, &figures, rounds)
}

fn run_idle(of: &ArgMatches) {
    let sockets = number(of, "sockets") & !1;
    let template = Template::seed(&binary(of), sockets, 0);
    for count in [100, 1_000, sockets]
        .into_iter()
        .filter(|&count| count <= sockets)
    {
        let target = template.server();
        let (before, each) = block_on(messages::idle(&target, &template.people[..count]));
        println!(
            "{count} idle sockets: {:.1} MB before, {:.1} MB after, {:.2} kB each",
            before / 1e6,
            (before + each * count as f64) / 1e6,
            each / 1000.0
        );
    }
}
