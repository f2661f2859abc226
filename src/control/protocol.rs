//! What goes over the control socket: one JSON object per line in, one per line
//! out. Nothing here does anything.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use payambar_signaling::account::{Role, State, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rooms::RoomRequest;

/// The longest request, in bytes.
pub(super) const MAX_REQUEST: usize = 64 * 1024;

/// The longest address of a Unix socket on Linux (unix(7)), without the zero
/// byte at its end.
const MAX_PATH: usize = 107;

const FILE: &str = "control.sock";

/// Where the socket of this data folder is.
///
/// # Errors
///
/// The path is too long for a socket.
pub(super) fn path(data_dir: &Path) -> Result<PathBuf, String> {
    let path = data_dir.join(FILE);
    let length = path.as_os_str().len();
    if length > MAX_PATH {
        return Err(format!(
            "{} is {length} bytes long, and a socket's path may have {MAX_PATH}; set DATA_DIR to a shorter one",
            path.display()
        ));
    }
    Ok(path)
}

/// What an operator may ask for. It may carry a password, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Something about the relay.
    Turn(TurnRequest),
    /// Something about accounts.
    User(UserRequest),
    /// Something about invitations.
    Invite(InviteRequest),
    /// Something about voice rooms.
    Room(RoomRequest),
    /// What was done about accounts.
    Audit {
        /// How many entries at most.
        limit: u32,
    },
}

/// What an operator may ask about accounts; the command line reads into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UserRequest {
    /// List them.
    List {
        /// Those in this state only.
        state: Option<State>,
    },
    /// Move one from a state to the next.
    Step {
        /// Whose.
        name: String,
        /// How.
        step: Step,
        /// Why; may be empty.
        reason: String,
    },
    /// Give one a role.
    Role {
        /// Whose.
        name: String,
        /// Which.
        role: Role,
    },
    /// Make a temporary password.
    Passwd {
        /// Whose.
        name: String,
    },
}

/// What an operator may ask about invitations; the command line reads into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InviteRequest {
    /// Make one.
    Create {
        /// How many people may use it.
        uses: u32,
        /// How long it lives.
        days: u32,
    },
    /// List them.
    List,
    /// Take one back.
    Revoke {
        /// Its code.
        code: String,
    },
}

/// What an operator may ask of the relay.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TurnRequest {
    /// Make a time-limited credential for a person.
    CredIssue {
        /// The person's name.
        user: String,
        /// Its life in seconds; the longest when missing.
        ttl_s: Option<u64>,
    },
    /// Make a static pair.
    CredAdd {
        /// Its name.
        name: String,
        /// Its password; a random one when missing.
        password: Option<String>,
    },
    /// List the static pairs.
    CredList,
    /// Shut a static pair out.
    CredRevoke {
        /// Its name.
        name: String,
    },
    /// Take back every time-limited credential of a person.
    CredRevokeUser {
        /// The person's name.
        user: String,
    },
    /// List the living allocations.
    Sessions,
    /// End allocations.
    Kick(Whom),
    /// Make no allocation any more until the next start.
    Drain,
}

impl Request {
    /// Whether only a running server can do it.
    pub fn needs_server(&self) -> bool {
        match self {
            Self::Turn(TurnRequest::Sessions | TurnRequest::Kick(_) | TurnRequest::Drain)
            | Self::Room(_) => true,
            Self::Turn(
                TurnRequest::CredIssue { .. }
                | TurnRequest::CredAdd { .. }
                | TurnRequest::CredList
                | TurnRequest::CredRevoke { .. }
                | TurnRequest::CredRevokeUser { .. },
            )
            | Self::User(_)
            | Self::Invite(_)
            | Self::Audit { .. } => false,
        }
    }
}

/// Whose allocations are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The one of this id.
    Id(u64),
    /// All of a person, by name.
    User(String),
    /// All of a static pair, by name.
    Static(String),
    /// All.
    All,
}

/// The line that answers a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It was done.
    Ok(Value),
    /// It was not.
    Error(Refusal),
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        result.map_or_else(Self::Error, Self::Ok)
    }
}

/// Why something was not done.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// One word for programs.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

impl Refusal {
    /// With this code and sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// An account as operators see it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Person {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub username: String,
    /// What it may do for others.
    pub role: Role,
    /// What it is.
    pub state: State,
    /// Why, where somebody said so.
    pub reason: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
}

/// Some accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct People {
    /// The newest first.
    pub people: Vec<Person>,
}

/// A temporary password. It has no `Debug`.
#[derive(Serialize, Deserialize)]
pub struct Lent {
    /// The account's id.
    pub id: i64,
    /// Its name.
    pub username: String,
    /// It is shown this once.
    pub temporary_password: String,
}

/// Something that was done about accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Grows with time.
    pub id: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The id of the person who did it.
    pub actor_id: Option<i64>,
    /// Their name, `cli` for an operator, empty where nobody is known.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To whom or what.
    pub target: String,
    /// The client's address; empty for an operator's command.
    pub address: String,
    /// The request's id.
    pub correlation_id: String,
}

/// Some of them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Audit {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
}

/// An invitation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Code {
    /// What is passed on.
    pub code: String,
    /// How many people registered with it.
    pub uses: u32,
    /// How many may.
    pub max_uses: u32,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it ends, RFC 3339 in UTC.
    pub expires_at: String,
    /// `usable`, `used_up`, `expired` or `revoked`.
    pub state: String,
}

/// All invitations.
#[derive(Debug, Serialize, Deserialize)]
pub struct Codes {
    /// The newest first.
    pub invites: Vec<Code>,
}

/// A time-limited credential.
#[derive(Serialize, Deserialize)]
pub struct Issued {
    /// The relay's user name.
    pub username: String,
    /// Its password.
    pub credential: String,
    /// When it expires, RFC 3339 in UTC.
    pub expires_at: String,
    /// Where to use it.
    pub urls: Vec<String>,
}

/// A static pair that was made.
#[derive(Serialize, Deserialize)]
pub struct PairAdded {
    /// Its name.
    pub username: String,
    /// The password, if it was made here: it is shown this once.
    pub credential: Option<String>,
    /// The realm it is good in.
    pub realm: String,
    /// Where to use it.
    pub urls: Vec<String>,
}

/// A static pair, without what opens it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pair {
    /// Its name.
    pub username: String,
    /// The realm it was made for.
    pub realm: String,
    /// When it was made, RFC 3339 in UTC; the environment does not say.
    pub created_at: Option<String>,
    /// Whether it is the one of TURN_USERNAME.
    pub from_environment: bool,
    /// Whether it opens the relay.
    pub state: PairState,
}

/// Whether a static pair opens the relay, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// It does.
    Usable,
    /// It was made for another realm.
    OtherRealm,
    /// TURN_USERNAME has its name.
    Shadowed,
}

/// All static pairs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pairs {
    /// By name, that of the environment first.
    pub pairs: Vec<Pair>,
}

/// One allocation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Relayed {
    /// A number that no other allocation had since the server started.
    pub id: u64,
    /// The person's id.
    pub user_id: Option<i64>,
    /// The person's name; none when the account is gone.
    pub username: Option<String>,
    /// The log-in session; 0 for a credential that an operator made.
    pub session_id: Option<i64>,
    /// The name of the static pair, if it is no person's.
    pub static_name: Option<String>,
    /// Where its client is.
    pub client: SocketAddr,
    /// What its client's messages come over: `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Its relayed addresses.
    pub relayed: Vec<SocketAddr>,
    /// How long it has been there, in seconds.
    pub age_s: u64,
    /// How long it lives without a refresh, in seconds.
    pub expires_in_s: u64,
    /// Permissions alive.
    pub permissions: usize,
    /// Channels alive.
    pub channels: usize,
    /// Packets from the client to peers.
    pub packets_to_peers: u64,
    /// Their payload in bytes.
    pub bytes_to_peers: u64,
    /// Packets from peers to the client.
    pub packets_to_client: u64,
    /// Their payload in bytes.
    pub bytes_to_client: u64,
}

/// All living allocations.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sessions {
    /// The oldest first.
    pub sessions: Vec<Relayed>,
}

/// What a kick did.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kicked {
    /// How many allocations it ended.
    pub ended: usize,
}

/// What is left of a relay that makes no allocation any more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Drained {
    /// How many allocations still live.
    pub allocations: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_names_what_to_do_and_nothing_else() {
        let kick = Request::Turn(TurnRequest::Kick(Whom::User("sara".to_owned())));
        assert_eq!(
            serde_json::to_value(kick).unwrap(),
            json!({ "turn": { "kick": { "user": "sara" } } })
        );
        let reads = |line: &Value| Request::deserialize(line).is_ok();
        for line in [
            json!({ "turn": "sessions" }),
            json!({ "turn": { "kick": "all" } }),
            json!({ "turn": { "cred_issue": { "user": "sara" } } }),
        ] {
            assert!(reads(&line), "{line}");
        }
        for line in [
            json!({ "turn": "format_disk" }),
            json!({ "turn": "kick" }),
            json!({ "turn": { "cred_issue": { "user": "sara", "ttl": 5 } } }),
            json!({ "turn": "sessions", "and": "more" }),
            json!("turn"),
        ] {
            assert!(!reads(&line), "{line}");
        }
    }

    #[test]
    fn an_answer_says_whether_it_was_done() {
        let done = Answer::from(Ok(json!({ "ended": 2 })));
        let refused = Answer::from(Err(Refusal::new("no", "not today")));
        assert_eq!(
            serde_json::to_value(done).unwrap(),
            json!({ "ok": { "ended": 2 } })
        );
        assert_eq!(
            serde_json::to_value(refused).unwrap(),
            json!({ "error": { "code": "no", "message": "not today" } })
        );
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_explained() {
        let short = PathBuf::from(format!("/{}", "d".repeat(93)));
        assert_eq!(path(&short).unwrap().as_os_str().len(), MAX_PATH);
        let long = PathBuf::from(format!("/{}", "d".repeat(94)));
        assert!(path(&long).unwrap_err().contains("DATA_DIR"));
    }
}
