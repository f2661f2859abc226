//! Those who ask: their 5-tuples, credentials and nonces.

use payambar_media::turn::ClientId;
use payambar_media::turn::auth::Subject;
use payambar_media::{long_term_key, mint_credential};
use payambar_media_fuzz::wire::{Transaction, Writer, attribute};

use crate::model::{Moment, Who};
use crate::steps::CALLERS;

pub(crate) const SECRET: &[u8] = b"a secret of the operator";
pub(crate) const REALM: &str = "relay.test";
pub(crate) const UNIX: u64 = 1_900_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    /// The last nonce, and when it was made.
    pub(crate) nonce: Option<(Vec<u8>, Moment)>,
    sent: u32,
}

impl Caller {
    fn new(address: &str, subject: Subject) -> Self {
        let client = ClientId {
            listener: 0,
            address: address.parse().unwrap(),
        };
        let mut caller = Self {
            who: Who {
                client,
                subject,
                username: "static".to_owned(),
                key: long_term_key("static", REALM, "pass").unwrap().0,
                expires: None,
            },
            nonce: None,
            sent: 0,
        };
        caller.mint(UNIX);
        caller
    }

    /// Gets a credential for an hour, if it is one of a session.
    pub(crate) fn mint(&mut self, unix: u64) {
        if let Subject::Session { user, session } = self.who.subject {
            let (username, password) = mint_credential(SECRET, unix + 3600, user, session);
            self.who.key = long_term_key(&username, REALM, &password).unwrap().0;
            self.who.username = username;
            self.who.expires = Some(unix + 3600);
        }
    }

    pub(crate) fn next_transaction(&mut self) -> u32 {
        self.sent += 1;
        self.sent
    }

    /// Puts the credential behind a request.
    pub(crate) fn sign(&self, request: Writer, nonce: &[u8]) -> Vec<u8> {
        request
            .add(attribute::USERNAME, self.who.username.as_bytes())
            .add(attribute::REALM, REALM.as_bytes())
            .add(attribute::NONCE, nonce)
            .sign(&self.who.key)
            .done()
    }
}

pub(crate) fn transaction(number: u32) -> Transaction {
    let mut id = *b"transact\0\0\0\0";
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

pub(crate) fn all() -> [Caller; CALLERS] {
    let session = |user, session| Subject::Session { user, session };
    let fixed = || Subject::Static("static".to_owned());
    [
        Caller::new("192.0.2.1:4000", session(1, 1)),
        Caller::new("192.0.2.1:4001", session(1, 2)),
        Caller::new("192.0.2.1:4002", session(2, 3)),
        Caller::new("192.0.2.1:4003", fixed()),
        Caller::new("[2001:db8:1::1]:4000", fixed()),
        Caller::new("[2001:db8:1::2]:4001", session(2, 4)),
        Caller::new("192.0.2.1:4000", session(2, 3)),
    ]
}
