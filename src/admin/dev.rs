//! Fills a database to try things on: people who know each other and what they
//! wrote in the last half year. Refused where people depend on the server.

mod words;

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use payambar_signaling::chat::Mark;
use payambar_signaling::ids::{ConversationId, Seq, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::accounts;
use crate::cli::DevTask;
use crate::config::{Config, Environment, Redacted};
use crate::http::{LIFETIME, Tokens, install_crypto};
use crate::store::seed::{self, Line};
use crate::store::{self, NewSession, NewUser, Store, User, sessions, users};
use crate::{lock, secrets};
use words::Random;

/// People and messages in one transaction.
const BATCH: u32 = 10_000;

/// People somebody writes to.
const CIRCLE: u32 = 10;

/// How far back the first message lies.
const SPAN: Duration = Duration::from_secs(180 * 24 * 3600);

/// Does one of them.
///
/// # Errors
///
/// This is production, a server runs, or the database cannot be written.
pub fn dev(
    config: &Config,
    task: &DevTask,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    if config.environment == Environment::Production {
        return Err("dev commands are for a desk; this is ENVIRONMENT=production".into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match task {
        DevTask::Seed {
            people,
            messages,
            add,
            password_stdin,
        } => {
            // The server remembers what it wrote; nobody may write beside it.
            let Some(_lock) = lock::shared(&config.data_dir)? else {
                return Err("a server runs on this data folder; stop it first".into());
            };
            let password = if *password_stdin {
                super::read_password(true)?
            } else {
                Redacted::new(secrets::random_hex::<8>()?)
            };
            let store = Store::open(&config.database, Box::new(|_| {}))?;
            let seeding = Seeding {
                runtime,
                store: store.clone(),
                people: *people,
                messages: *messages,
                add: *add,
            };
            let seeded = seeding.run(&password, config.bcrypt_cost);
            store.close();
            seeded?.print((!password_stdin).then_some(&password), json, out)
        }
        DevTask::Tokens { people } => tokens(config, &runtime, *people, out),
    }
}

/// What was made.
struct Seeded {
    people: u32,
    conversations: usize,
    messages: u32,
    took: Duration,
}

impl Seeded {
    fn print(
        &self,
        password: Option<&Redacted<String>>,
        json: bool,
        out: &mut dyn Write,
    ) -> Result<(), Box<dyn Error>> {
        let Self {
            people,
            conversations,
            messages,
            took,
        } = self;
        let password = password.map(Redacted::expose);
        let seconds = took.as_secs_f64();
        if json {
            let line = serde_json::json!({
                "people": people, "conversations": conversations, "messages": messages, "seconds": seconds, "password": password,
            });
            writeln!(out, "{line}")?;
            return Ok(());
        }
        writeln!(
            out,
            "{people} people, {conversations} conversations and {messages} messages were made in {seconds:.1} s."
        )?;
        if let Some(password) = password {
            writeln!(
                out,
                "Everybody's password is {password} (shown this once); the first is {}.",
                words::username(1)
            )?;
        }
        Ok(())
    }
}

struct Seeding {
    runtime: Runtime,
    store: Store,
    people: u32,
    messages: u32,
    add: bool,
}

impl Seeding {
    fn run(&self, password: &Redacted<String>, cost: u32) -> Result<Seeded, Box<dyn Error>> {
        let began = Instant::now();
        accounts::check_password(password.expose())
            .map_err(|code| format!("the password is refused ({})", code.as_str()))?;
        let before = self.write(seed::people)?;
        if before > 0 && !self.add {
            return Err(format!(
                "the database has {before} accounts already; --add goes on beside them"
            )
            .into());
        }
        if self.people < 2 && self.messages > 0 {
            return Err("messages need two people".into());
        }
        // One hash for all: a thousand of them would take minutes, on purpose.
        let hash = accounts::hash(password.expose(), cost)?;
        let people = self.make_people(before, &hash)?;
        let conversations = self.write_messages(people, before)?;
        Ok(Seeded {
            people: self.people,
            conversations,
            messages: self.messages,
            took: began.elapsed(),
        })
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        self.runtime.block_on(self.store.write(work))
    }

    fn make_people(&self, before: u32, hash: &str) -> Result<Vec<UserId>, store::Error> {
        let mut people = Vec::new();
        for first in (0..self.people).step_by(BATCH as usize) {
            let numbers = before + first + 1..=before + self.people.min(first + BATCH);
            let hash = hash.to_owned();
            people.extend(self.write(move |connection| {
                let mut random = Random::new(u64::from(before + first));
                numbers
                    .clone()
                    .map(|number| make_person(connection, number, &hash, &mut random))
                    .collect::<Result<Vec<_>, _>>()
            })?);
        }
        Ok(people)
    }

    /// Says how many conversations they made.
    fn write_messages(&self, people: Vec<UserId>, before: u32) -> Result<usize, store::Error> {
        let now = store::now();
        let span = i64::try_from(SPAN.as_millis()).unwrap_or(i64::MAX);
        let time_of = move |index: u32, all: u32| {
            Timestamp(now.0 - span + span * i64::from(index) / i64::from(all))
        };
        let all = self.messages;
        let mut talk = Talk::new(people, u64::from(before));
        for first in (0..all).step_by(BATCH as usize) {
            talk = self.write(move |connection| {
                // It runs again when the transaction was lost.
                let mut talk = talk.clone();
                for index in first..all.min(first + BATCH) {
                    talk.go_on(connection, time_of(index + 1, all))?;
                }
                Ok(talk)
            })?;
        }
        self.write(move |connection| talk.mark(connection, now))
    }
}

fn make_person(
    connection: &Connection,
    number: u32,
    hash: &str,
    random: &mut Random,
) -> Result<UserId, store::Error> {
    let mut new = NewUser {
        username: words::username(number),
        password_hash: hash.to_owned(),
    };
    let user = loop {
        match users::insert(connection, &new) {
            // Somebody real has that name.
            Err(store::Error::Refused(Code::UsernameTaken)) => new.username.push('_'),
            made => break made?,
        }
    };
    if let Some(name) = words::display_name(number, random) {
        users::set_display_name(connection, user.id, &name)?;
    }
    Ok(user.id)
}

/// Two people who write to each other.
#[derive(Clone)]
struct Pair {
    people: (UserId, UserId),
    persian: bool,
    written: Option<(ConversationId, Seq)>,
}

/// Who talks with whom, and how far they have come.
#[derive(Clone)]
struct Talk {
    random: Random,
    people: usize,
    pairs: Vec<Pair>,
    /// The pair that talks now, and whether its first person does.
    current: (usize, bool),
}

impl Talk {
    /// Everybody sits in a ring and knows those who sit next, on both sides.
    fn new(people: Vec<UserId>, seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x7061_7961_6d62_6172);
        let next = CIRCLE as usize / 2;
        // Half the ring further, everybody would be met from both sides.
        let steps = next.min(people.len().saturating_sub(1) / 2).max(1);
        let mut pairs = Vec::with_capacity(people.len() * steps);
        for step in 1..=steps {
            let others = people.iter().cycle().skip(step);
            for (&one, &other) in people.iter().zip(others).filter(|(a, b)| a != b) {
                pairs.push(Pair {
                    people: (one, other),
                    persian: random.chance(70),
                    written: None,
                });
            }
        }
        // Two people sit next to each other twice.
        if people.len() == 2 {
            pairs.truncate(1);
        }
        Self {
            random,
            people: people.len(),
            pairs,
            current: (0, true),
        }
    }

    /// Writes one message: mostly an answer in the conversation that goes on.
    fn go_on(&mut self, connection: &Connection, at: Timestamp) -> Result<(), store::Error> {
        let (mut index, mut first) = self.current;
        if self.random.chance(20) {
            // Close friends more often than others, and some people more.
            let steps = self.pairs.len().div_ceil(self.people.max(1));
            let step = self.random.skewed(steps);
            index = step * self.people + self.random.skewed(self.people);
            first = self.random.chance(50);
        } else if self.random.chance(60) {
            first = !first;
        }
        let index = index % self.pairs.len().max(1);
        self.current = (index, first);
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        let (one, other) = pair.people;
        let (sender, receiver) = if first { (one, other) } else { (other, one) };
        let line = Line {
            sender,
            receiver,
            client_message_id: id_of_time(at, &mut self.random),
            at,
            text: words::text(pair.persian, &mut self.random),
        };
        pair.written = Some(seed::write(connection, line)?);
        Ok(())
    }

    /// Most have read everything, some have left the last lines for later, a
    /// few were not there. Says how many conversations there are.
    fn mark(&self, connection: &Connection, at: Timestamp) -> Result<usize, store::Error> {
        let mut random = self.random.clone();
        let mut conversations = 0;
        for pair in &self.pairs {
            let Some((conversation, last)) = pair.written else {
                continue;
            };
            conversations += 1;
            let earlier = (conversation, Seq((last.0 - 3).max(0)));
            for reader in [pair.people.0, pair.people.1] {
                let (received, read) = match random.below(20) {
                    0 => (earlier, earlier),
                    1..=3 => ((conversation, last), earlier),
                    _ => ((conversation, last), (conversation, last)),
                };
                seed::mark(connection, reader, received, Mark::Delivered, at)?;
                seed::mark(connection, reader, read, Mark::Read, at)?;
            }
        }
        Ok(conversations)
    }
}

/// A UUIDv7 of that time, as our client makes them.
fn id_of_time(at: Timestamp, random: &mut Random) -> String {
    let millis = u64::try_from(at.0).unwrap_or_default();
    let (high, low) = (random.next().to_le_bytes(), random.next().to_le_bytes());
    let mut bytes = [0; 10];
    for (byte, from) in bytes.iter_mut().zip(high.into_iter().chain(low)) {
        *byte = from;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes)
        .into_uuid()
        .to_string()
}

/// Signs the first people in, without their password.
fn tokens(
    config: &Config,
    runtime: &Runtime,
    people: u32,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    install_crypto();
    let jwt = config
        .jwt_secret
        .clone()
        .map_or_else(|| secrets::load_or_make(&config.data_dir, "jwt"), Ok)?;
    let tokens = Tokens::new(&jwt);
    let store = Store::open(&config.database, Box::new(|_| {}))?;
    let signed_in = runtime.block_on(store.write(move |connection| sign_in(connection, people)));
    store.close();
    for (user, sid) in signed_in? {
        let token = tokens
            .make(&user, &sid, LIFETIME)
            .map_err(|code| format!("a token cannot be made ({})", code.as_str()))?;
        let line =
            serde_json::json!({ "user_id": user.id, "username": user.username, "token": token });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn sign_in(connection: &Connection, people: u32) -> Result<Vec<(User, String)>, store::Error> {
    let mut signed_in = Vec::new();
    for id in seed::first_people(connection, people)? {
        let Some(user) = users::by_id(connection, id)? else {
            continue;
        };
        let sid = secrets::random_hex::<16>().map_err(|_| store::Error::Refused(Code::Internal))?;
        let new = NewSession {
            user: id,
            sid: sid.clone(),
            user_agent: "payambar dev tokens".to_owned(),
            address: String::new(),
        };
        sessions::insert(connection, &new)?;
        signed_in.push((user, sid));
    }
    Ok(signed_in)
}
