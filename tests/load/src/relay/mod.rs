//! The relay beside coturn and a bare forwarder: what one relayed packet costs
//! each of them, how long it is on the way, and what an allocation weighs.
//! They take turns inside each round, so that whatever else the machine does
//! meets them all.

pub(crate) mod batch;
pub(crate) mod forwarder;
mod generator;
mod link;
mod stage;
mod turn;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::process;
use crate::rounds::{STEADY, range, spread};
use generator::{Caller, Delays};
pub(crate) use link::{Identity, Over};
use stage::{Contender, Program, Standing};
use turn::{Allocation, Frame};

/// Allocations at which memory is looked at once more.
const MANY: usize = 2_000;

/// What the callers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Voice to a peer and back, in channels.
    Channels,
    /// The same in Send and Data indications.
    Indications,
    /// From one allocation to another, in channels.
    Between,
    /// As much as goes through, in channels.
    Saturated,
    /// Nothing; what allocations weigh.
    Memory,
}

impl Shape {
    pub(crate) const NAMES: [&str; 5] =
        ["channels", "indications", "between", "saturated", "memory"];

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "channels" => Self::Channels,
            "indications" => Self::Indications,
            "between" => Self::Between,
            "saturated" => Self::Saturated,
            "memory" => Self::Memory,
            _ => panic!("there is no shape {name}"),
        }
    }
}

/// What is measured, and how long.
pub(crate) struct Plan {
    pub(crate) binary: PathBuf,
    /// Another build, measured beside.
    pub(crate) beside: Option<PathBuf>,
    /// Settings of both builds besides those that loopback needs.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) shapes: Vec<Shape>,
    /// What the callers speak to the relay over, each by itself.
    pub(crate) over: Vec<Over>,
    pub(crate) allocations: usize,
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) long: Duration,
    /// Ratios are printed even if the reference was not steady.
    pub(crate) anyway: bool,
}

/// What one run of one contender gave.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Packets at their far ends in a second.
    per_second: f64,
    /// Processor time for each of them in microseconds: of the whole process,
    /// and of its media threads alone.
    cpu: f64,
    media: f64,
    /// In percent.
    lost: f64,
    /// p50 and p99 in microseconds, up and down.
    up: [f64; 2],
    down: [f64; 2],
}

/// Runs the plan and prints the ratios; says whether the reference was steady.
pub(crate) fn run(plan: &Plan) -> bool {
    let mut steady = true;
    for (over, shape) in plan
        .over
        .iter()
        .flat_map(|over| plan.shapes.iter().map(move |shape| (*over, *shape)))
    {
        println!(
            "\n== {shape:?} over {over:?}, {} allocations",
            plan.allocations
        );
        if shape == Shape::Memory {
            weigh(plan, over);
        } else {
            steady &= compare(plan, shape, over);
        }
    }
    steady
}

/// Who takes part. The last one is the reference by which steadiness is known.
fn contenders(plan: &Plan, shape: Shape, over: Over) -> Vec<Contender> {
    let ours = |name, binary: &PathBuf, extra: &[(&str, &str)]| {
        let extra = extra
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let settings = extra.chain(plan.settings.iter().cloned()).collect();
        Contender {
            name,
            program: Program::Ours(binary.clone(), settings),
        }
    };
    let mut all = vec![
        ours("plain", &plan.binary, &[("MEDIA_COALESCE_US", "0")]),
        ours("coalesced", &plan.binary, &[]),
    ];
    if let Some(beside) = &plan.beside {
        all.push(ours("beside", beside, &[]));
    }
    let others = [
        ("coturn", Program::Coturn),
        ("forwarder", Program::Forwarder),
    ];
    // It knows no allocations, so nothing can go between them, and no streams.
    let forwards = shape_has_peer(shape) && over == Over::Udp;
    let fits = |name: &str| name != "forwarder" || forwards;
    let others = others.into_iter().filter(|(name, _)| fits(name));
    all.extend(others.map(|(name, program)| Contender { name, program }));
    all
}

fn shape_has_peer(shape: Shape) -> bool {
    shape != Shape::Between
}

fn compare(plan: &Plan, shape: Shape, over: Over) -> bool {
    println!(
        "round who        load   packets/s   cpu us media us  lost %   up p50/p99 us  down p50/p99 us"
    );
    if shape_has_peer(shape) {
        // What the way costs when nobody stands in it.
        let nobody = Contender {
            name: "nobody",
            program: Program::Nobody,
        };
        once(plan, (shape, over), &nobody, 0);
    }
    let all = contenders(plan, shape, over);
    let mut results: Vec<Vec<Figures>> = vec![Vec::new(); all.len()];
    for round in 1..=plan.rounds {
        // Who goes first changes.
        for turn in 0..all.len() {
            let who = (turn + round) % all.len();
            let figures = once(plan, (shape, over), &all[who], round);
            results[who].push(figures);
        }
    }
    let moved = spread(results[all.len() - 1].iter().map(|figures| figures.cpu));
    println!(
        "{} moved by {:.0} %",
        all[all.len() - 1].name,
        (moved - 1.0) * 100.0
    );
    let steady = moved <= STEADY;
    if steady || plan.anyway {
        print_ratios(&all, &results);
    }
    steady
}

fn print_ratios(all: &[Contender], results: &[Vec<Figures>]) {
    let is_ours = |contender: &Contender| matches!(contender.program, Program::Ours(..));
    let (ours, others): (Vec<_>, Vec<_>) = (0..all.len()).partition(|who| is_ours(&all[*who]));
    for who in &ours {
        for other in &others {
            let ratios = results[*who].iter().zip(&results[*other]);
            let [min, median, max] = range(ratios.map(|(a, b)| a.cpu / b.cpu).collect());
            println!(
                "cpu per packet, {} / {}: {min:.2} - {median:.2} - {max:.2}",
                all[*who].name, all[*other].name
            );
        }
    }
}

fn once(plan: &Plan, (shape, over): (Shape, Over), contender: &Contender, round: usize) -> Figures {
    let load = process::load();
    let peer = generator::peer();
    let at = peer.local_addr().unwrap();
    let standing = contender.start(at, over);
    let frame = match (&contender.program, shape) {
        (Program::Forwarder | Program::Nobody, _) => Frame::Bare,
        (_, Shape::Indications) => Frame::Indication,
        (_, _) => Frame::Channel,
    };
    let callers = callers(&standing, frame, shape, plan.allocations, at);
    let running = generator::start(callers, peer, frame, shape == Shape::Saturated);
    std::thread::sleep(plan.warm);
    running.measure();
    let cpu = || standing.pid().map_or([0.0; 2], used);
    let (began, cpu_before, before) = (Instant::now(), cpu(), running.counts());
    std::thread::sleep(plan.long);
    let (cpu_after, after, took) = (cpu(), running.counts(), began.elapsed());
    let delays = running.stop();
    let received = (after.at_clients - before.at_clients) + (after.at_peer - before.at_peer);
    let expected = (after.sent - before.sent) + (after.at_peer - before.at_peer);
    let each = |which: usize| (cpu_after[which] - cpu_before[which]) / received as f64;
    let Delays { up, down } = delays;
    let quantiles = |delays: hdrhistogram::Histogram<u64>| {
        [0.5, 0.99].map(|at| delays.value_at_quantile(at) as f64 / 1000.0)
    };
    let figures = Figures {
        per_second: received as f64 / took.as_secs_f64(),
        cpu: each(0),
        media: each(1),
        lost: 100.0 * (1.0 - received as f64 / expected as f64).max(0.0),
        up: quantiles(up),
        down: quantiles(down),
    };
    println!(
        "{round:<6}{:<11}{load:<6}{:>10.0} {:>8.2} {:>8.2} {:>7.2}   {:<15}{:.0}/{:.0}",
        contender.name,
        figures.per_second,
        figures.cpu,
        figures.media,
        figures.lost,
        format!("{:.0}/{:.0}", figures.up[0], figures.up[1]),
        figures.down[0],
        figures.down[1]
    );
    figures
}

/// Processor time of a process in microseconds, and of its media threads.
fn used(pid: u32) -> [f64; 2] {
    let threads = process::threads(pid);
    let media = threads
        .iter()
        .filter(|(name, _)| name.starts_with("relay-"));
    let sum = |times: Vec<f64>| times.iter().sum();
    [
        sum(threads.iter().map(|(_, time)| *time).collect()),
        sum(media.map(|(_, time)| *time).collect()),
    ]
}

/// Callers, each with an allocation where there is somebody to give it.
fn callers(
    standing: &Standing,
    frame: Frame,
    shape: Shape,
    count: usize,
    peer: SocketAddr,
) -> Vec<Caller> {
    if frame == Frame::Bare {
        return (0..count).map(|_| Caller::bare(standing.address)).collect();
    }
    let allocations: Vec<_> = (0..count)
        .map(|_| Allocation::make(standing.connect()))
        .collect();
    let relayed: Vec<_> = allocations.iter().map(|each| each.relayed).collect();
    let peer_of = |number: usize| match shape {
        // Pairs: 0 and 1, 2 and 3.
        Shape::Between => relayed.get(number ^ 1).copied().unwrap_or(peer),
        Shape::Channels | Shape::Indications | Shape::Saturated | Shape::Memory => peer,
    };
    let callers = allocations.into_iter().enumerate();
    callers
        .map(|(number, allocation)| {
            let peer = peer_of(number);
            if frame == Frame::Channel {
                allocation.bind(peer);
            } else {
                allocation.permit(peer);
            }
            Caller::relayed(allocation, frame, peer)
        })
        .collect()
}

/// What allocations weigh, each with a channel.
fn weigh(plan: &Plan, over: Over) {
    for contender in contenders(plan, Shape::Between, over) {
        if contender.name == "plain" {
            continue;
        }
        let peer = generator::peer().local_addr().unwrap();
        let standing = contender.start(peer, over);
        let Some(pid) = standing.pid() else {
            continue;
        };
        let more = |count| callers(&standing, Frame::Channel, Shape::Memory, count, peer);
        // What the first one brings into memory is not its own.
        let mut all = more(1);
        let first = process::memory(pid);
        let mut said = Vec::new();
        for count in [plan.allocations, MANY] {
            all.extend(more(count + 1 - all.len()));
            let each = (process::memory(pid) - first) / count as f64;
            said.push(format!("{:.2} kB each at {count}", each / 1000.0));
        }
        println!(
            "{}: {:.1} MB with one allocation, {}",
            contender.name,
            first / 1e6,
            said.join(", ")
        );
    }
}
