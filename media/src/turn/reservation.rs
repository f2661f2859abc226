//! Ports kept back for the next Allocate of the same user (EVEN-PORT with the
//! R bit, RFC 8656 §7.2 and §18.6): open already, and nobody's until their
//! token comes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::RelayPort;
use super::auth::Owner;

/// How long a port is kept: at least 30 s (RFC 8656 §7.2).
pub(super) const KEPT: Duration = Duration::from_secs(30);

/// Value of RESERVATION-TOKEN.
pub(super) type Token = [u8; 8];

#[derive(Debug)]
struct Reservation {
    token: Token,
    owner: Owner,
    port: RelayPort,
    until: Instant,
}

/// The ports that are kept, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    kept: VecDeque<Reservation>,
}

impl Reservations {
    pub(super) fn keep(&mut self, token: Token, owner: Owner, port: RelayPort, now: Instant) {
        self.kept.push_back(Reservation {
            token,
            owner,
            port,
            until: now + KEPT,
        });
    }

    /// Whether this token of this owner still stands for a port.
    pub(super) fn holds(&self, token: &Token, owner: &Owner, now: Instant) -> bool {
        self.find(token, owner, now).is_some()
    }

    /// Takes the port out that the token stands for.
    pub(super) fn redeem(
        &mut self,
        token: &Token,
        owner: &Owner,
        now: Instant,
    ) -> Option<RelayPort> {
        let index = self.find(token, owner, now)?;
        Some(self.kept.remove(index)?.port)
    }

    fn find(&self, token: &Token, owner: &Owner, now: Instant) -> Option<usize> {
        self.kept
            .iter()
            .position(|kept| kept.token == *token && kept.owner == *owner && now < kept.until)
    }

    /// Takes out what the token stands for, once nobody can come for it.
    pub(super) fn expire(&mut self, token: &Token, now: Instant) -> Option<(Owner, RelayPort)> {
        let is_over = |kept: &Reservation| kept.token == *token && kept.until <= now;
        let index = self.kept.iter().position(is_over)?;
        let kept = self.kept.remove(index)?;
        Some((kept.owner, kept.port))
    }

    /// Takes all ports out that are kept for `owner`.
    pub(super) fn release(&mut self, owner: &Owner) -> Vec<RelayPort> {
        let (gone, kept): (VecDeque<_>, _) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|kept| kept.owner == *owner);
        self.kept = kept;
        gone.into_iter().map(|kept| kept.port).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::test_now;

    const TOKEN: Token = *b"reserved";

    #[test]
    fn a_token_is_good_once_for_its_owner_and_30_s() {
        let (mut kept, now) = (Reservations::default(), test_now());
        let (owner, other) = (Owner::User(1), Owner::User(2));
        kept.keep(TOKEN, owner.clone(), RelayPort::v4(9), now);
        let late = now + KEPT;
        assert_eq!(kept.redeem(&TOKEN, &other, now), None);
        assert_eq!(kept.redeem(b"mistaken", &owner, now), None);
        assert_eq!(kept.redeem(&TOKEN, &owner, late), None);
        let last = late - Duration::from_millis(1);
        assert_eq!(kept.redeem(&TOKEN, &owner, last), Some(RelayPort::v4(9)));
        assert_eq!(kept.redeem(&TOKEN, &owner, last), None);
    }

    #[test]
    fn what_nobody_came_for_is_given_back_and_no_sooner() {
        let (mut kept, now) = (Reservations::default(), test_now());
        kept.keep(TOKEN, Owner::User(1), RelayPort::v4(9), now);
        kept.keep(*b"the next", Owner::User(1), RelayPort::v4(11), now + KEPT);
        let early = now + KEPT - Duration::from_millis(1);
        assert_eq!(kept.expire(&TOKEN, early), None);
        let given_back = (Owner::User(1), RelayPort::v4(9));
        assert_eq!(kept.expire(&TOKEN, now + KEPT), Some(given_back));
        assert_eq!(kept.expire(&TOKEN, now + KEPT), None);
        assert_eq!(kept.len(), 1);
    }
}
