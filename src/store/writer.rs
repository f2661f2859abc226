//! The one thread that writes. It takes everything that is waiting, writes it in
//! one transaction, and answers after the commit: acknowledged means durable.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use payambar_signaling::chat::{BlockChange, Marked, NewMark, NewMessage, Stored};
use payambar_signaling::group::Change;
use payambar_signaling::hub::Known;
use payambar_signaling::ids::{Ticket, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{Error, OnBatch, messages, now, people};

/// Jobs in one transaction at most: bounds the wait of the first of them.
const BATCH: usize = 512;

/// A transaction of so many jobs shows that many people write at once.
const CROWD: usize = 8;

/// How long after the beginning of such a one the next begins at the earliest.
/// Neighbouring rows share pages, so what is gathered for a moment costs fewer
/// of them, and fewer syncs. A disk that takes longer to sync gathers by itself.
const GATHER: Duration = Duration::from_micros(3_500);

/// The answer to one [`NewMessage`] or [`NewMark`].
#[derive(Debug)]
pub enum Outcome {
    /// A message was stored, or why not.
    Stored(Ticket, Result<Stored, Code>),
    /// A watermark was moved, or why not.
    Marked(Ticket, Result<Marked, Code>),
    /// A message was stored by [`super::Store::post`].
    Posted(Stored),
    /// Somebody blocked somebody, or took it back.
    BlockChanged(BlockChange),
    /// A person changed what they want.
    Known(UserId, Box<Known>),
    /// Groups changed, in this order.
    GroupsChanged(Vec<Change>),
}

/// A piece of work with its own way to answer.
trait Work: Send {
    /// Runs inside the transaction. An `Err` that is no refusal ends it.
    fn run(&mut self, connection: &Connection) -> Result<(), Error>;
    /// What all others have to be told; `failure` says that the transaction was
    /// lost.
    fn finish(&mut self, failure: Option<Error>) -> Option<Outcome>;
    /// Answers, once the others are being told.
    fn reply(self: Box<Self>);
}

enum Job {
    Store(NewMessage, Option<Result<Stored, Code>>),
    Mark(NewMark, Option<Result<Marked, Code>>),
    Work(Box<dyn Work>),
    /// Ends the thread after what came before it.
    Close,
}

struct Call<T, F> {
    work: F,
    answer: Option<Result<T, Error>>,
    tell: fn(&T) -> Option<Outcome>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Work for Call<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, Error> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Error> {
        match (self.work)(connection) {
            Ok(value) => self.answer = Some(Ok(value)),
            Err(Error::Refused(code)) => self.answer = Some(Err(Error::Refused(code))),
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn finish(&mut self, failure: Option<Error>) -> Option<Outcome> {
        if let Some(failure) = failure {
            self.answer = Some(Err(failure));
        }
        let value = self.answer.as_ref()?.as_ref().ok()?;
        (self.tell)(value)
    }

    fn reply(self: Box<Self>) {
        // The caller may have gone away; the work is done all the same.
        let _ = self.reply.send(self.answer.unwrap_or(Err(Error::Closed)));
    }
}

/// The writer's handle.
pub(super) struct Writer {
    jobs: Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, on_batch: OnBatch) -> Self {
        let (jobs, waiting) = channel();
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || work(connection, &waiting, &on_batch));
        if let Err(error) = &thread {
            tracing::error!(%error, "the store's thread cannot start");
        }
        Self {
            jobs,
            thread: Mutex::new(thread.ok()),
        }
    }

    // A send fails only once the thread has ended, and then the jobs' answers
    // are dropped, which their owners see.
    pub(super) fn store(&self, message: NewMessage) {
        let _ = self.jobs.send(Job::Store(message, None));
    }

    pub(super) fn mark(&self, mark: NewMark) {
        let _ = self.jobs.send(Job::Mark(mark, None));
    }

    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.call(work, |_| None).await
    }

    pub(super) async fn post<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static + AsRef<Stored>,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let tell = |answer: &T| Some(Outcome::Posted(answer.as_ref().clone()));
        self.call(work, tell).await
    }

    pub(super) async fn change_block(&self, change: BlockChange) -> Result<(), Error> {
        let work = move |connection: &Connection| {
            people::change_block(connection, change)?;
            Ok(change)
        };
        let tell = |change: &BlockChange| Some(Outcome::BlockChanged(*change));
        self.call(work, tell).await.map(|_| ())
    }

    pub(super) async fn change_groups<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static + AsRef<[Change]>,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let tell = |changed: &T| {
            let changes = changed.as_ref();
            (!changes.is_empty()).then(|| Outcome::GroupsChanged(changes.to_vec()))
        };
        self.call(work, tell).await
    }

    pub(super) async fn change_wishes<T, F>(&self, user: UserId, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let work = move |connection: &Connection| {
            let value = work(connection)?;
            Ok((value, user, people::known(connection, user)?))
        };
        let tell = |(_, user, known): &(T, UserId, Known)| {
            Some(Outcome::Known(*user, Box::new(known.clone())))
        };
        self.call(work, tell).await.map(|(value, _, _)| value)
    }

    async fn call<T, F>(&self, work: F, tell: fn(&T) -> Option<Outcome>) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            work,
            answer: None,
            tell,
            reply,
        };
        self.jobs
            .send(Job::Work(Box::new(call)))
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) fn close(&self) {
        let _ = self.jobs.send(Job::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, waiting: &Receiver<Job>, on_batch: &OnBatch) {
    let mut open = true;
    while open && let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        jobs.extend(waiting.try_iter().take(BATCH - 1));
        if let Some(end) = jobs.iter().position(|job| matches!(job, Job::Close)) {
            jobs.truncate(end);
            open = false;
        }
        let begun = Instant::now();
        let many = jobs.len() >= CROWD;
        let mut done = Done::default();
        commit(&mut connection, jobs, &mut done);
        if !done.outcomes.is_empty() {
            on_batch(done.outcomes);
        }
        done.answers.into_iter().for_each(|work| work.reply());
        if many && open {
            thread::sleep(GATHER.saturating_sub(begun.elapsed()));
        }
    }
    // The readers still hold the file open, so SQLite would leave the log.
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::debug!(%error, "checkpoint at close");
    }
}

/// What came of a batch. The hub is told first: whoever has an answer finds that
/// it holds.
#[derive(Default)]
struct Done {
    outcomes: Vec<Outcome>,
    answers: Vec<Box<dyn Work>>,
}

/// Runs all jobs in one transaction. If that fails, each runs in its own, so
/// that one bad job does not take the others with it.
fn commit(connection: &mut Connection, mut jobs: Vec<Job>, done: &mut Done) {
    match transact(connection, &mut jobs) {
        Ok(()) => jobs.into_iter().for_each(|job| finish(job, None, done)),
        Err(error) if jobs.len() == 1 => {
            tracing::error!(%error, "a write failed");
            let mut error = Some(error);
            jobs.into_iter()
                .for_each(|job| finish(job, error.take(), done));
        }
        Err(error) => {
            tracing::warn!(%error, jobs = jobs.len(), "a shared write failed; each job is tried alone");
            for job in jobs {
                commit(connection, vec![job], done);
            }
        }
    }
}

fn transact(connection: &mut Connection, jobs: &mut [Job]) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let at = now();
    for job in jobs {
        match job {
            Job::Store(message, answer) => {
                *answer = Some(judged(messages::insert(&tx, message, at))?)
            }
            Job::Mark(mark, answer) => *answer = Some(judged(messages::mark(&tx, mark, at))?),
            Job::Work(work) => work.run(&tx)?,
            Job::Close => {}
        }
    }
    tx.commit()?;
    Ok(())
}

/// Separates what the rules refused from what failed.
fn judged<T>(answer: Result<T, Error>) -> Result<Result<T, Code>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Refused(code)) => Ok(Err(code)),
        Err(other) => Err(other),
    }
}

fn finish(job: Job, failure: Option<Error>, done: &mut Done) {
    let code = failure.as_ref().map(Error::code);
    match job {
        Job::Store(message, answer) => {
            let lost = Err(code.unwrap_or(Code::StorageFailed));
            done.outcomes.push(Outcome::Stored(
                message.ticket,
                answer.filter(|_| code.is_none()).unwrap_or(lost),
            ));
        }
        Job::Mark(mark, answer) => {
            let lost = Err(code.unwrap_or(Code::StorageFailed));
            done.outcomes.push(Outcome::Marked(
                mark.ticket,
                answer.filter(|_| code.is_none()).unwrap_or(lost),
            ));
        }
        Job::Work(mut work) => {
            done.outcomes.extend(work.finish(failure));
            done.answers.push(work);
        }
        Job::Close => {}
    }
}

#[cfg(test)]
mod tests;
