//! The core of our voice rooms beside the VideoRoom of Debian's janus: what a delivered packet
//! costs, how long it is on the way, what is missing, and what a participant
//! weighs. They take turns inside each round.

pub(crate) mod bare;
mod crowd;
mod janus;
mod member;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use crate::process;
use crate::rounds::{STEADY, range, spread};
use bare::Bare;
use crowd::Crowd;
use janus::Janus;

/// How long all members may take to come in.
const PATIENCE: Duration = Duration::from_secs(60);

/// Packets in a second that a machine which is also the members can count.
const MOST: usize = 30_000;

const NAMES: [&str; 2] = ["bare", "janus"];

/// Rooms, and members of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    rooms: usize,
    members: usize,
}

impl Shape {
    /// Of `ROOMSxMEMBERS`.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let parts = name
            .split_once('x')
            .and_then(|(rooms, members)| Some((rooms.parse().ok()?, members.parse().ok()?)));
        match parts {
            Some((rooms @ 1.., members @ 2..)) => Ok(Self { rooms, members }),
            Some(_) | None => Err("rooms and their members, as 3x8".to_owned()),
        }
    }

    /// How often each member speaks: 50 times a second as calls do, or less
    /// where a server that forwards everything to all would drown.
    fn every(self) -> Duration {
        let streams = self.rooms * self.members * (self.members - 1);
        let usual = Duration::from_millis(20);
        let times = (streams * 50).div_ceil(MOST);
        usual * u32::try_from(times).unwrap()
    }
}

/// What is measured, and how long.
pub(crate) struct Plan {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) long: Duration,
    /// Ratios are printed even if the reference was not steady.
    pub(crate) anyway: bool,
}

/// What one run of one contender gave.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Packets delivered in a second.
    per_second: f64,
    /// Processor time for each of them in microseconds.
    cpu: f64,
    /// Of one processor, in percent.
    share: f64,
    /// Of what was to come, in percent.
    missing: f64,
    /// p50 and p99 in microseconds.
    delay: [f64; 2],
    /// Bytes of memory for each participant.
    weight: f64,
}

/// Who is measured: the core of our rooms in a bare shell, and janus.
enum Standing {
    Bare(Bare),
    Janus(Janus),
}

impl Standing {
    fn start(name: &str, address: IpAddr) -> Self {
        match name {
            "bare" => Self::Bare(Bare::start(address)),
            _ => Self::Janus(Janus::start(address)),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Bare(bare) => bare.pid(),
            Self::Janus(janus) => janus.pid(),
        }
    }

    /// Opens a room; how many connections its members have.
    fn fill(&mut self, room: usize, members: usize, crowd: &Crowd) -> u64 {
        match self {
            Self::Bare(bare) => bare.fill(room, members, crowd),
            Self::Janus(janus) => janus.fill(room, members, crowd),
        }
    }
}

/// Runs the plan and prints the ratios; says whether the reference was steady.
pub(crate) fn run(plan: &Plan) -> bool {
    let address = own_address();
    let mut steady = true;
    for shape in &plan.shapes {
        println!(
            "\n== {} rooms of {}, each member speaks every {} ms",
            shape.rooms,
            shape.members,
            shape.every().as_millis()
        );
        steady &= compare(plan, *shape, address);
    }
    steady
}

/// An address of this machine that is not loopback, where janus gathers no
/// candidates. What goes there does not leave the machine.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // Nothing is sent: the kernel only looks for the way.
    let way = socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9));
    way.expect("this machine has no address but loopback, where janus does not go");
    socket.local_addr().unwrap().ip()
}

fn compare(plan: &Plan, shape: Shape, address: IpAddr) -> bool {
    println!("round who     load   packets/s   cpu us  cpu %  missing %  p50/p99 us       kB each");
    let mut results: [Vec<Figures>; 2] = Default::default();
    for round in 1..=plan.rounds {
        // Who goes first changes.
        for turn in 0..2 {
            let who = (turn + round) % 2;
            let figures = once(plan, shape, NAMES[who], address, round);
            results[who].push(figures);
        }
    }
    let [bare, janus] = results;
    let moved = spread(janus.iter().map(|figures| figures.cpu));
    println!("janus moved by {:.0} %", (moved - 1.0) * 100.0);
    let steady = moved <= STEADY;
    if steady || plan.anyway {
        let ratios = |name: &str, of: fn(&Figures) -> f64| {
            let ratios = bare.iter().zip(&janus).map(|(a, b)| of(a) / of(b));
            let [min, median, max] = range(ratios.collect());
            println!("{name}, bare / janus: {min:.2} - {median:.2} - {max:.2}");
        };
        ratios("cpu per packet", |figures| figures.cpu);
        ratios("cpu of the same rooms", |figures| figures.share);
        ratios("memory per participant", |figures| figures.weight);
        ratios("delay p50", |figures| figures.delay[0]);
        ratios("delay p99", |figures| figures.delay[1]);
    }
    steady
}

fn once(plan: &Plan, shape: Shape, name: &str, address: IpAddr, round: usize) -> Figures {
    let load = process::load();
    let mut standing = Standing::start(name, address);
    let pid = standing.pid();
    let light = process::memory(pid);
    let crowd = Crowd::start(shape.every());
    let connections: u64 = (1..=shape.rooms)
        .map(|room| standing.fill(room, shape.members, &crowd))
        .sum();
    let end = Instant::now() + PATIENCE;
    while crowd.connected() < connections {
        assert!(
            Instant::now() < end,
            "{name}: {} of {connections} connections came up",
            crowd.connected()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(plan.warm);
    let cpu = || {
        let threads = process::threads(pid);
        threads.iter().map(|(_, time)| *time).sum::<f64>()
    };
    let (before, began) = (cpu(), Instant::now());
    let (counts, delays) = crowd.measure(plan.long);
    let (used, took) = (cpu() - before, began.elapsed());
    let people = (shape.rooms * shape.members) as f64;
    let at = |quantile| delays.value_at_quantile(quantile) as f64;
    let received = counts.received as f64;
    let figures = Figures {
        per_second: received / took.as_secs_f64(),
        cpu: used / received,
        share: 100.0 * used / 1e6 / took.as_secs_f64(),
        missing: 100.0 * counts.missing as f64 / (received + counts.missing as f64),
        delay: [at(0.5), at(0.99)],
        weight: (process::memory(pid) - light) / people,
    };
    println!(
        "{round:<6}{name:<8}{load:<6}{:>10.0} {:>8.2} {:>6.1} {:>10.3}  {:<15}{:>8.1}",
        figures.per_second,
        figures.cpu,
        figures.share,
        figures.missing,
        format!("{:.0}/{:.0}", figures.delay[0], figures.delay[1]),
        figures.weight / 1000.0
    );
    figures
}
