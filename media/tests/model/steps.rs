//! The random things that happen to a relay.

use payambar_media::Kick;
use payambar_media::turn::Family;
use payambar_media::turn::auth::{Owner, Revoked};
use payambar_media::turn::server::RelayFailure;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// How many callers there are; the last one sits on the first one's 5-tuple.
pub(crate) const CALLERS: usize = 7;

/// Peers that are neither ours nor closed, and one that is closed.
pub(crate) const PEERS: [(&str, bool); 6] = [
    ("9.9.9.9:1000", true),
    ("9.9.9.9:1001", true),
    ("1.1.1.1:53", true),
    ("[2606:4700::1]:1000", true),
    ("[2606:4700::1]:1001", true),
    ("10.0.0.1:9", false),
];

/// Whom data is for, or from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// One of [`PEERS`].
    Known(usize),
    /// The relayed address of a caller, if there is one.
    Relayed(usize, Family),
}

/// What an Allocate asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) family: Option<Family>,
    pub(crate) additional: bool,
    pub(crate) even: Option<bool>,
    /// The n-th token that was ever given.
    pub(crate) token: Option<usize>,
    pub(crate) lifetime: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The failures are those of the first relay sockets, unless they all open
    /// later.
    Allocate {
        who: usize,
        wish: Wish,
        failures: Vec<RelayFailure>,
        later: bool,
    },
    /// The last Allocate of a caller once more.
    Repeat(usize),
    /// What was to open later opens.
    Open,
    Refresh {
        who: usize,
        lifetime: Option<u32>,
        family: Option<Family>,
    },
    Permit(usize, Vec<Peer>),
    Bind(usize, u16, Peer),
    /// The last ChannelBind of a caller, as one that renews.
    BindAgain(usize),
    Send {
        who: usize,
        peer: Peer,
        whole: bool,
    },
    Channel(usize, u16),
    Hear(usize, Family, Peer),
    /// Seconds; and whether the clock alone is told to the relay.
    Wait(u64, bool),
    /// Until the next thing ends, or until a second before.
    WaitForEnd {
        before: bool,
    },
    Mint(usize),
    Operate(Deed),
}

/// What an operator does, or the network.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Revoke(Revoked),
    Kick(Kick),
    /// The connection of a caller ends.
    Disconnect(usize),
    RemoveStatic,
    AddStatic,
    Drain,
}

fn who() -> impl Strategy<Value = usize> {
    // Mostly the first ones, so that things meet.
    prop_oneof![5 => Just(0_usize), 3 => 0..3_usize, 3 => 0..CALLERS]
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![3 => Just(Family::V4), 2 => Just(Family::V6)]
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        9 => (0..PEERS.len() - 1).prop_map(Peer::Known),
        1 => Just(Peer::Known(PEERS.len() - 1)),
        4 => (who(), family()).prop_map(|(who, family)| Peer::Relayed(who, family)),
    ]
}

fn lifetime() -> impl Strategy<Value = Option<u32>> {
    // Mostly long, so that what an allocation has ends before it.
    option::weighted(
        0.8,
        prop_oneof![
            2 => Just(0_u32),
            1 => Just(1),
            1 => Just(601),
            1 => Just(3599),
            6 => Just(7200),
            1 => 0..4000_u32
        ],
    )
}

fn wish() -> impl Strategy<Value = Wish> {
    let even = prop_oneof![7 => Just(None), 1 => Just(Some(false)), 3 => Just(Some(true))];
    let parts = (
        option::weighted(0.2, family()),
        prop::bool::weighted(0.4),
        even,
        option::weighted(0.15, 0..4_usize),
        lifetime(),
    );
    parts.prop_map(|(family, additional, even, token, lifetime)| match token {
        // Mostly a token alone, as it must be.
        Some(n) if n < 3 => Wish {
            family: None,
            additional: false,
            even: None,
            token,
            lifetime,
        },
        Some(_) | None => Wish {
            family,
            additional,
            even,
            token,
            lifetime,
        },
    })
}

fn number() -> impl Strategy<Value = u16> {
    prop_oneof![12 => 0x4000..0x4002_u16, 1 => Just(0x4FFF), 1 => Just(0x5000), 1 => any::<u16>()]
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(1_u64),
        29..32_u64,
        119..122_u64,
        299..302_u64,
        599..602_u64,
        3599..3602_u64,
        Just(7200),
        1..900_u64
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let owners = [
        Owner::User(1),
        Owner::User(2),
        Owner::Static("static".to_owned()),
    ];
    let whom = prop::sample::select(vec![
        Revoked::User(1),
        Revoked::User(2),
        Revoked::Session(1, 1),
        Revoked::Session(2, 3),
    ]);
    let session = |session| Kick::Session { user: 1, session };
    prop_oneof![
        3 => whom.prop_map(Deed::Revoke),
        2 => prop::sample::select(owners.to_vec()).prop_map(|owner| Deed::Kick(Kick::Owner(owner))),
        1 => (1..3_i64).prop_map(move |id| Deed::Kick(session(id))),
        1 => (1..20_u64).prop_map(|id| Deed::Kick(Kick::Allocation(id))),
        1 => Just(Deed::Kick(Kick::All)),
        2 => who().prop_map(Deed::Disconnect),
        2 => Just(Deed::RemoveStatic),
        3 => Just(Deed::AddStatic),
    ]
}

/// What chance alone seldom puts together: a channel, time, and the channel
/// once more or another on its number.
fn story() -> impl Strategy<Value = Vec<Step>> {
    let peers = (0..PEERS.len() - 1, 0..PEERS.len() - 1);
    let parts = (who(), peers, any::<bool>(), 1..300_u64, 595..905_u64);
    parts.prop_map(|(who, (one, other), renews, soon, late)| {
        let wish = Wish {
            family: None,
            additional: true,
            even: None,
            token: None,
            lifetime: Some(7200),
        };
        let allocate = Step::Allocate {
            who,
            wish,
            failures: vec![],
            later: false,
        };
        let bind = |peer| Step::Bind(who, 0x4000, Peer::Known(peer));
        let wait = |seconds| Step::Wait(seconds, true);
        if renews {
            let rest = wait(301 - soon);
            vec![allocate, bind(one), wait(soon), Step::BindAgain(who), rest]
        } else {
            vec![allocate, bind(one), wait(late), bind(other)]
        }
    })
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let failure = prop_oneof![3 => Just(RelayFailure::PortTaken), 1 => Just(RelayFailure::Other)];
    let failures = prop_oneof![4 => Just(vec![]), 1 => vec(failure, 1..4)];
    let allocate = (who(), wish(), failures, prop::bool::weighted(0.15)).prop_map(
        |(who, wish, failures, later)| Step::Allocate {
            who,
            wish,
            failures,
            later,
        },
    );
    let refresh = (who(), lifetime(), option::weighted(0.4, family()));
    let refresh = refresh.prop_map(|(who, lifetime, family)| Step::Refresh {
        who,
        lifetime,
        family,
    });
    let send = (who(), peer(), any::<bool>());
    let step = prop_oneof![
        160 => allocate,
        30 => who().prop_map(Step::Repeat),
        30 => Just(Step::Open),
        70 => refresh,
        90 => (who(), vec(peer(), 0..4)).prop_map(|(who, peers)| Step::Permit(who, peers)),
        90 => (who(), number(), peer()).prop_map(|(who, number, peer)| Step::Bind(who, number, peer)),
        50 => who().prop_map(Step::BindAgain),
        80 => send.prop_map(|(who, peer, whole)| Step::Send { who, peer, whole }),
        60 => (who(), 0x4000..0x4002_u16).prop_map(|(who, number)| Step::Channel(who, number)),
        80 => (who(), family(), peer()).prop_map(|(who, family, peer)| Step::Hear(who, family, peer)),
        70 => (seconds(), any::<bool>()).prop_map(|(seconds, told)| Step::Wait(seconds, told)),
        120 => any::<bool>().prop_map(|before| Step::WaitForEnd { before }),
        30 => who().prop_map(Step::Mint),
        30 => deed().prop_map(Step::Operate),
        1 => Just(Step::Operate(Deed::Drain)),
    ];
    let steps = prop_oneof![40 => step.prop_map(|step| vec![step]), 1 => story()];
    vec(steps, 1..60).prop_map(|steps| steps.concat())
}
