//! What an account may be, and how it gets from one state to the next. Who may
//! ask for it is not decided here.

use serde::{Deserialize, Serialize};

use crate::wire::Code;

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, and waiting to be let in.
    Pending,
    /// In use.
    Active,
    /// Not let in; its name is kept for a while.
    Rejected,
    /// Shut out.
    Suspended,
    /// Gone; only what others need of it is left.
    Deleted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Active,
        Self::Rejected,
        Self::Suspended,
        Self::Deleted,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// What somebody with the right password is told at log-in.
    ///
    /// # Errors
    ///
    /// Why they do not come in.
    pub const fn admits(self) -> Result<(), Code> {
        match self {
            Self::Active => Ok(()),
            Self::Pending => Err(Code::PendingApproval),
            Self::Rejected => Err(Code::Rejected),
            Self::Suspended => Err(Code::AccountSuspended),
            Self::Deleted => Err(Code::BadCredentials),
        }
    }

    /// The state after a step.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidState`]: that step does not lead out of this state.
    pub const fn after(self, step: Step) -> Result<Self, Code> {
        match (self, step) {
            (Self::Pending | Self::Rejected, Step::Approve) | (Self::Suspended, Step::Activate) => {
                Ok(Self::Active)
            }
            (Self::Pending, Step::Reject) => Ok(Self::Rejected),
            (Self::Active, Step::Suspend) => Ok(Self::Suspended),
            (Self::Pending | Self::Rejected, Step::Suspend | Step::Activate)
            | (Self::Rejected, Step::Reject)
            | (Self::Active, Step::Approve | Step::Reject | Step::Activate)
            | (Self::Suspended, Step::Approve | Step::Reject | Step::Suspend)
            | (Self::Deleted, Step::Approve | Step::Reject | Step::Suspend | Step::Activate) => {
                Err(Code::InvalidState)
            }
        }
    }
}

/// What may be done about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Let somebody in.
    Approve,
    /// Do not let somebody in.
    Reject,
    /// Shut somebody out.
    Suspend,
    /// Let somebody in again.
    Activate,
}

/// What a person may do for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    User,
    /// Look after people.
    Moderator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::User, Self::Moderator, Self::Admin];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }

    /// The role of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_moves_by_these_steps_and_no_others() {
        use State::{Active, Pending, Rejected, Suspended};
        let steps = [Step::Approve, Step::Reject, Step::Suspend, Step::Activate];
        let table = [
            (Pending, [Some(Active), Some(Rejected), None, None]),
            (Active, [None, None, Some(Suspended), None]),
            (Rejected, [Some(Active), None, None, None]),
            (Suspended, [None, None, None, Some(Active)]),
            (State::Deleted, [None; 4]),
        ];
        for (state, then) in table {
            for (step, next) in steps.into_iter().zip(then) {
                let want = next.ok_or(Code::InvalidState);
                assert_eq!(state.after(step), want, "{state:?} {step:?}");
            }
        }
    }

    #[test]
    fn only_an_active_account_is_let_in_and_the_others_are_told_why() {
        let told = State::ALL.map(|state| state.admits().err().map(Code::as_str));
        let want = [
            Some("pending_approval"),
            None,
            Some("rejected"),
            Some("account_suspended"),
            Some("bad_credentials"),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn every_word_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!((State::parse("gone"), Role::parse("root")), (None, None));
    }
}
