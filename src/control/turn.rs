//! The relay's part of the desk: credentials and allocations. Everything that
//! changes is written down before the relay is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use payambar_media::{
    AllocationInfo, Kick, Owner, RelayHandle, Subject, Transport, long_term_key, mint_credential,
};
use payambar_signaling::account::State;
use payambar_signaling::ids::{Timestamp, UserId};
use serde_json::{Value, json};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

use super::protocol::{
    Drained, Issued, Kicked, Pair, PairAdded, PairState, Pairs, Refusal, Relayed, Sessions,
    TurnRequest, Whom,
};
use super::value;
use crate::config::{Redacted, TurnConfig};
use crate::secrets;
use crate::store::{self, StaticPair, Store, turn, users};

/// A credential that lives shorter is of no use for a call.
const SHORTEST: u64 = 60;

/// The longest name and password of a static pair, in bytes.
const MAX_TEXT: usize = 128;

/// The shortest password an operator may choose: whoever sees a request can
/// try passwords at home.
const PASSWORD_MIN: usize = 12;

/// The relay answers within milliseconds, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Credentials and allocations of the relay.
pub struct TurnDesk {
    realm: String,
    ttl: Duration,
    secret: Redacted<String>,
    /// The static pair of the environment.
    environment: Option<String>,
    /// What callers are told about the relay.
    urls: Vec<String>,
    /// The relay, where it runs.
    relay: Option<Arc<RelayHandle>>,
    /// Keeps the order in which pairs are written and the relay is told.
    order: Mutex<()>,
}

impl TurnDesk {
    /// For the relay of this configuration. `secret` is what time-limited
    /// credentials are made with, `urls` what callers are told.
    pub fn new(
        config: &TurnConfig,
        secret: Redacted<String>,
        urls: Vec<String>,
        relay: Option<Arc<RelayHandle>>,
    ) -> Self {
        Self {
            realm: config.realm.clone(),
            ttl: config.credential_ttl,
            secret,
            environment: config.static_pair.as_ref().map(|(name, _)| name.clone()),
            urls,
            relay,
            order: Mutex::new(()),
        }
    }

    /// Does one thing and says how it went.
    pub(super) async fn answer(
        &self,
        store: &Store,
        request: TurnRequest,
    ) -> Result<Value, Refusal> {
        match request {
            TurnRequest::CredIssue { user, ttl_s } => value(self.issue(store, &user, ttl_s).await?),
            TurnRequest::CredAdd { name, password } => {
                value(self.add(store, name, password).await?)
            }
            TurnRequest::CredList => value(self.list(store).await?),
            TurnRequest::CredRevoke { name } => self.revoke(store, name).await,
            TurnRequest::CredRevokeUser { user } => self.revoke_user(store, &user).await,
            TurnRequest::Sessions => value(self.sessions(store).await?),
            TurnRequest::Kick(whom) => value(self.kick(store, whom).await?),
            TurnRequest::Drain => value(self.drain().await?),
        }
    }

    async fn issue(
        &self,
        store: &Store,
        user: &str,
        ttl_s: Option<u64>,
    ) -> Result<Issued, Refusal> {
        let longest = self.ttl.as_secs();
        let ttl = ttl_s.unwrap_or(longest);
        if !(SHORTEST..=longest).contains(&ttl) {
            let message =
                format!("--ttl must be from {SHORTEST} to {longest} seconds (TURN_CREDENTIAL_TTL)");
            return Err(Refusal::new("bad_ttl", message));
        }
        let (id, active) = person(store, user).await?;
        if !active {
            let message = format!("the account {user} is suspended");
            return Err(Refusal::new("account_suspended", message));
        }
        let now = now_s();
        let expires = now.saturating_add(ttl);
        let until = store.read(move |connection| turn::revoked_until(connection, id));
        if let Some(until) = until.await? {
            check_after_revocation(user, now, expires, until, longest)?;
        }
        // Session 0 is nobody's: no log-out takes it back.
        let (username, credential) =
            mint_credential(self.secret.expose().as_bytes(), expires, id.0, 0);
        Ok(Issued {
            username,
            credential,
            expires_at: rfc3339(expires),
            urls: self.urls.clone(),
        })
    }

    async fn add(
        &self,
        store: &Store,
        name: String,
        password: Option<String>,
    ) -> Result<PairAdded, Refusal> {
        self.check_name(&name)?;
        let made = match &password {
            Some(password) => {
                check_password(password)?;
                None
            }
            None => Some(
                secrets::random_hex::<16>()
                    .map_err(|error| Refusal::new("internal", error.to_string()))?,
            ),
        };
        let secret = password.as_ref().or(made.as_ref());
        let key = secret.and_then(|secret| long_term_key(&name, &self.realm, secret));
        let key = key.ok_or_else(|| Refusal::new("internal", "no key can be made"))?;
        let _order = self.order.lock().await;
        let pair = StaticPair {
            name: name.clone(),
            realm: self.realm.clone(),
            key: key.0,
            created_at: store::now(),
        };
        let added = store.write(move |connection| turn::add_static(connection, &pair));
        if !added.await? {
            let message = format!("there is a static pair named {name}; revoke it first");
            return Err(Refusal::new("name_taken", message));
        }
        if let Some(relay) = &self.relay {
            relay.add_static(name.clone(), key);
            settle(relay).await?;
        }
        Ok(PairAdded {
            username: name,
            credential: made,
            realm: self.realm.clone(),
            urls: self.urls.clone(),
        })
    }

    async fn list(&self, store: &Store) -> Result<Pairs, Refusal> {
        let environment = self.environment.iter().map(|name| Pair {
            username: name.clone(),
            realm: self.realm.clone(),
            created_at: None,
            from_environment: true,
            state: PairState::Usable,
        });
        let kept = store.read(turn::static_pairs).await?;
        let state = |pair: &StaticPair| {
            if pair.realm != self.realm {
                PairState::OtherRealm
            } else if self.environment.as_ref() == Some(&pair.name) {
                PairState::Shadowed
            } else {
                PairState::Usable
            }
        };
        let kept = kept.into_iter().map(|pair| Pair {
            state: state(&pair),
            username: pair.name,
            realm: pair.realm,
            created_at: Some(pair.created_at.to_string()),
            from_environment: false,
        });
        Ok(Pairs {
            pairs: environment.chain(kept).collect(),
        })
    }

    async fn revoke(&self, store: &Store, name: String) -> Result<Value, Refusal> {
        let _order = self.order.lock().await;
        let wanted = name.clone();
        let removed = store.write(move |connection| turn::remove_static(connection, &wanted));
        let is_environments = self.environment.as_ref() == Some(&name);
        if !removed.await? {
            return Err(if is_environments {
                let message = format!(
                    "{name} is the pair of TURN_USERNAME; remove TURN_USERNAME and TURN_PASSWORD and restart"
                );
                Refusal::new("set_by_environment", message)
            } else {
                Refusal::new("not_found", format!("there is no static pair named {name}"))
            });
        }
        // A pair that the environment's stood before was never let in.
        if let Some(relay) = self.relay.as_ref().filter(|_| !is_environments) {
            relay.remove_static(name.clone());
            settle(relay).await?;
        }
        Ok(json!({ "revoked": name }))
    }

    async fn revoke_user(&self, store: &Store, user: &str) -> Result<Value, Refusal> {
        let (id, _) = person(store, user).await?;
        let until = now_s().saturating_add(self.ttl.as_secs());
        store
            .write(move |connection| turn::revoke_person(connection, id, until))
            .await?;
        if let Some(relay) = &self.relay {
            relay.revoke_user(id.0);
            settle(relay).await?;
        }
        Ok(json!({ "revoked_user": user }))
    }

    async fn sessions(&self, store: &Store) -> Result<Sessions, Refusal> {
        let infos = allocations(self.relay()?).await?;
        let people: BTreeSet<UserId> = infos
            .iter()
            .filter_map(|info| match info.subject {
                Subject::Session { user, .. } => Some(UserId(user)),
                Subject::Static(_) => None,
            })
            .collect();
        let names = store
            .read(move |connection| {
                let mut names = BTreeMap::new();
                for id in people {
                    if let Some(user) = users::by_id(connection, id)? {
                        names.insert(id, user.username);
                    }
                }
                Ok(names)
            })
            .await?;
        let sessions = infos.into_iter().map(|info| relayed(info, &names));
        Ok(Sessions {
            sessions: sessions.collect(),
        })
    }

    async fn kick(&self, store: &Store, whom: Whom) -> Result<Kicked, Refusal> {
        let relay = self.relay()?;
        let one = matches!(whom, Whom::Id(_));
        let whom = match whom {
            Whom::Id(id) => Kick::Allocation(id),
            Whom::User(name) => Kick::Owner(Owner::User(person(store, &name).await?.0.0)),
            Whom::Static(name) => {
                let pairs = self.list(store).await?.pairs;
                if pairs.iter().all(|pair| pair.username != name) {
                    let message = format!("there is no static pair named {name}");
                    return Err(Refusal::new("not_found", message));
                }
                Kick::Owner(Owner::Static(name))
            }
            Whom::All => Kick::All,
        };
        let (reply, answer) = oneshot::channel();
        relay.kick(whom, move |ended| {
            // Who asked may have gone away meanwhile.
            let _ = reply.send(ended);
        });
        let ended = within(answer).await?;
        if one && ended == 0 {
            let message = "there is no allocation of that id; `payambar turn sessions` lists them";
            return Err(Refusal::new("not_found", message));
        }
        Ok(Kicked { ended })
    }

    async fn drain(&self) -> Result<Drained, Refusal> {
        let relay = self.relay()?;
        relay.drain();
        let left = allocations(relay).await?.len();
        Ok(Drained {
            allocations: u64::try_from(left).unwrap_or(u64::MAX),
        })
    }

    fn relay(&self) -> Result<&RelayHandle, Refusal> {
        let relay = self.relay.as_deref();
        relay.ok_or_else(|| Refusal::new("no_server", "no server is running"))
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let refused = |message: String| Err(Refusal::new("bad_name", message));
        if !(1..=MAX_TEXT).contains(&name.len())
            || name.contains(|c: char| c.is_control() || c.is_whitespace())
        {
            return refused(format!(
                "the name must have 1 to {MAX_TEXT} bytes without blanks and control characters"
            ));
        }
        if name.contains(':') {
            return refused(
                "the name must have no colon: it would look like a time-limited one".to_owned(),
            );
        }
        if self.environment.as_deref() == Some(name) {
            return refused(format!("{name} is the name of the pair of TURN_USERNAME"));
        }
        Ok(())
    }
}

/// The relay refuses what expires by `until`, which is how it tells a credential
/// that was made before a revocation from a later one with the full life.
fn check_after_revocation(
    user: &str,
    now: u64,
    expires: u64,
    until: u64,
    longest: u64,
) -> Result<(), Refusal> {
    // The relay's clock may have been a second further.
    let first_good = until.saturating_add(2);
    if expires >= first_good {
        return Ok(());
    }
    let least = first_good.saturating_sub(now);
    let what = if least <= longest {
        format!("until they have expired a new one needs --ttl {least} or more")
    } else {
        "try again in a few seconds".to_owned()
    };
    let message = format!("the credentials of {user} were taken back; {what}");
    Err(Refusal::new("revoked", message))
}

/// The id of a person, and whether the account may be used.
async fn person(store: &Store, name: &str) -> Result<(UserId, bool), Refusal> {
    let wanted = name.to_owned();
    let found = store.read(move |connection| users::by_name(connection, &wanted));
    let found = found.await?.ok_or_else(|| {
        Refusal::new(
            "user_not_found",
            format!("there is no account named {name}"),
        )
    })?;
    Ok((found.user.id, found.state == State::Active))
}

fn check_password(password: &str) -> Result<(), Refusal> {
    if (PASSWORD_MIN..=MAX_TEXT).contains(&password.len()) && !password.contains(char::is_control) {
        return Ok(());
    }
    let message = format!(
        "the password must have {PASSWORD_MIN} to {MAX_TEXT} bytes without control characters"
    );
    Err(Refusal::new("bad_password", message))
}

async fn allocations(relay: &RelayHandle) -> Result<Vec<AllocationInfo>, Refusal> {
    let (reply, answer) = oneshot::channel();
    relay.allocations(move |infos| drop(reply.send(infos)));
    within(answer).await
}

/// Waits until the relay has done everything it was told so far.
async fn settle(relay: &RelayHandle) -> Result<(), Refusal> {
    allocations(relay).await.map(drop)
}

async fn within<T>(answer: oneshot::Receiver<T>) -> Result<T, Refusal> {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Refusal::new("stopping", "the relay has ended")),
        Err(_) => Err(Refusal::new("relay_busy", "the relay does not answer")),
    }
}

fn relayed(info: AllocationInfo, names: &BTreeMap<UserId, String>) -> Relayed {
    let (user_id, session_id, static_name) = match info.subject {
        Subject::Session { user, session } => (Some(user), Some(session), None),
        Subject::Static(name) => (None, None, Some(name)),
    };
    Relayed {
        id: info.id,
        user_id,
        username: user_id.and_then(|id| names.get(&UserId(id)).cloned()),
        session_id,
        static_name,
        client: info.client,
        transport: match info.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
        .to_owned(),
        relayed: info.relayed,
        age_s: info.age.as_secs(),
        expires_in_s: info.expires_in.as_secs(),
        permissions: info.permissions,
        channels: info.channels,
        packets_to_peers: info.traffic.packets_to_peers,
        bytes_to_peers: info.traffic.bytes_to_peers,
        packets_to_client: info.traffic.packets_to_client,
        bytes_to_client: info.traffic.bytes_to_client,
    }
}

fn now_s() -> u64 {
    u64::try_from(store::now().0 / 1000).unwrap_or(0)
}

fn rfc3339(unix: u64) -> String {
    Timestamp(i64::try_from(unix.saturating_mul(1000)).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_revocation_only_what_outlives_it_is_issued() {
        let check = |now, expires| check_after_revocation("sara", now, expires, 4600, 3600);
        let words = |now, expires| check(now, expires).unwrap_err().message;
        assert!(words(1000, 4600).contains("try again"));
        assert!(words(1100, 1160).contains("--ttl 3502 or more"));
        assert!(check(1100, 1100 + 3502).is_ok());
        assert!(check(1100, 1100 + 3501).is_err());
        assert!(check(4602, 4662).is_ok());
    }

    #[test]
    fn passwords_of_pairs_are_long_enough_to_be_tried_in_vain() {
        for bad in ["", "short", "with a\ttab in it", &"x".repeat(129)] {
            assert!(check_password(bad).is_err(), "{bad}");
        }
        assert!(check_password("twelve bytes").is_ok());
    }
}
