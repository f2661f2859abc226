use proptest::prelude::*;

use super::*;
use crate::turn::test_now;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn peer(last: u8) -> PeerAddr {
    PeerAddr(([1, 1, 1, last], 1000).into())
}

fn channel(last: u8) -> ChannelNumber {
    ChannelNumber::new(0x4000 + u16::from(last)).unwrap()
}

#[test]
fn lifetimes_lie_between_600_and_3600_s() {
    let granted = |requested| granted_lifetime(Some(seconds(requested))).as_secs();
    assert_eq!(granted_lifetime(None), seconds(600));
    assert_eq!(
        [granted(1), granted(600), granted(3600), granted(7200)],
        [600, 600, 3600, 3600]
    );
}

#[test]
fn a_full_table_renews_but_does_not_grow() {
    let (mut grants, now) = (Grants::default(), test_now());
    let peers: Vec<IpAddr> = (0..512_u32)
        .map(|n| std::net::Ipv4Addr::from_bits(0x0101_0000 + n).into())
        .collect();
    assert_eq!(grants.permit(&peers, now), Ok(()));
    assert_eq!(grants.permit(&peers[..3], now), Ok(()));
    assert_eq!(
        grants.permit(&["9.9.9.9".parse().unwrap()], now),
        Err(GrantError::Full)
    );
}

/// What may be done to [`Grants`].
#[derive(Clone, Debug)]
enum Step {
    Permit(u8),
    Bind(u8, u8),
    Wait(u64),
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u8).prop_map(Step::Permit),
        (0..3_u8, 0..3_u8).prop_map(|(number, peer)| Step::Bind(number, peer)),
        prop_oneof![1..20_u64, 290..310_u64, 590..610_u64, 890..910_u64].prop_map(Step::Wait),
        Just(Step::Purge),
    ]
}

/// The same, as two lists of everything that was ever granted.
#[derive(Default)]
struct Model {
    clock: u64,
    permitted: Vec<(u8, u64)>,
    bound: Vec<(u8, u8, u64)>,
}

impl Model {
    fn is_permitted(&self, peer: u8) -> bool {
        self.permitted
            .iter()
            .any(|(who, at)| *who == peer && self.clock < at + 300)
    }

    fn is_bound(&self, number: u8, peer: u8) -> bool {
        let same = |(n, p, at): &(u8, u8, u64)| (*n, *p) == (number, peer) && self.clock < at + 600;
        self.bound.iter().any(same)
    }

    fn bind(&mut self, number: u8, peer: u8) -> bool {
        let clashes =
            |(n, p, at): &(u8, u8, u64)| (*n == number) != (*p == peer) && self.clock < at + 900;
        if self.bound.iter().any(clashes) {
            return false;
        }
        self.bound.push((number, peer, self.clock));
        self.permitted.push((peer, self.clock));
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn grants_agree_with_lists_of_everything_granted(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let start = test_now();
        let (mut grants, mut model) = (Grants::default(), Model::default());
        for step in steps {
            let now = start + seconds(model.clock);
            match step {
                Step::Permit(who) => {
                    grants.permit(&[peer(who).0.ip()], now).unwrap();
                    model.permitted.push((who, model.clock));
                }
                Step::Bind(number, who) => {
                    let bound = grants.bind(channel(number), peer(who), now).is_ok();
                    prop_assert_eq!(bound, model.bind(number, who));
                }
                Step::Wait(by) => model.clock += by,
                Step::Purge => grants.purge(now),
            }
            let now = start + seconds(model.clock);
            for who in 0..3 {
                let permitted = grants.is_permitted(peer(who).0.ip(), now);
                prop_assert_eq!(permitted, model.is_permitted(who));
                for number in 0..3 {
                    let bound = model.is_bound(number, who);
                    prop_assert_eq!(grants.peer_of(channel(number), now) == Some(peer(who)), bound);
                    prop_assert_eq!(
                        grants.channel_of(peer(who), now) == Some(channel(number)),
                        bound
                    );
                }
            }
        }
    }

    #[test]
    fn a_purge_is_due_exactly_when_something_is_over(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let (mut grants, mut now) = (Grants::default(), test_now());
        for step in steps {
            match step {
                Step::Permit(who) => grants.permit(&[peer(who).0.ip()], now).unwrap(),
                Step::Bind(number, who) => {
                    let _ = grants.bind(channel(number), peer(who), now);
                }
                Step::Wait(by) => now += seconds(by),
                Step::Purge => {
                    grants.purge(now);
                    prop_assert!(grants.next_purge().is_none_or(|next| next > now));
                }
            }
        }
    }
}
