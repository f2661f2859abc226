#![expect(
    clippy::disallowed_types,
    reason = "these are the clients of real listeners"
)]
//! Real connections on loopback, and a clock that tests move.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use super::*;
use crate::shard::crowd::{Limits, SILENT_PER_NETWORK};
use crate::shard::link::listen;
use crate::stream::life::{TO_ALLOCATE, TO_READ, TO_SPEAK};
use crate::turn::test_now;

/// A Binding request.
const BINDING: [u8; 20] = *b"\0\x01\0\0\x21\x12\xA4\x42transaction!";

struct World {
    streams: Streams,
    address: SocketAddr,
    counters: Arc<Counters>,
    epoll: Arc<OwnedFd>,
    now: Instant,
}

impl World {
    fn new(all: usize, per_network: usize) -> Self {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC).unwrap());
        let counters = Arc::new(Counters::new());
        let (mut sockets, address) = listen((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap();
        let listeners = vec![Listener {
            socket: sockets.remove(0),
            number: 7,
            is_tls: false,
        }];
        let crowd = Crowd::new(Limits { all, per_network });
        let crowd = Arc::new(Mutex::new(crowd));
        let (ours, counted) = (Arc::clone(&epoll), Arc::clone(&counters));
        let streams = Streams::new(ours, counted, crowd, 7..8, listeners, None).unwrap();
        Self {
            streams,
            address,
            counters,
            epoll,
            now: test_now(),
        }
    }

    /// A client's end, once it is taken in or refused.
    fn connect(&mut self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        self.streams.accept(0, self.now);
        client
    }

    /// Waits for a connection to be ready, and reads its messages.
    fn hear(&mut self) -> Vec<Vec<u8>> {
        let mut events = Vec::with_capacity(8);
        epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut events),
            None,
        )
        .unwrap();
        let (mut buffer, mut packet) = (vec![0; 4096], Packet::new());
        let mut messages = Vec::new();
        for event in &events {
            let Some(Token::Stream(id)) = Token::of(event) else {
                continue;
            };
            let Some(length) = self.streams.receive(id, &mut buffer) else {
                continue;
            };
            let mut input = &buffer[..length];
            while self.streams.next_message(id, &mut input, &mut packet) {
                messages.push(packet.datagram().to_vec());
            }
        }
        messages
    }

    fn client(&self, of: &TcpStream) -> ClientId {
        ClientId {
            listener: 7,
            address: of.local_addr().unwrap(),
        }
    }

    fn pass(&mut self, time: Duration, has_allocation: bool) {
        self.now += time;
        self.streams.handle_timeout(self.now, |_| has_allocation);
    }

    fn count(&self, metric: Metric) -> u64 {
        self.counters.value(metric)
    }
}

fn is_closed(mut client: TcpStream) -> bool {
    client.set_read_timeout(Some(5 * SECOND)).unwrap();
    match client.read(&mut [0; 16]) {
        Ok(length) => length == 0,
        // A reset is an end too.
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_connection_that_says_nothing_is_closed_after_ten_seconds() {
    let mut world = World::new(0, 0);
    let client = world.connect();
    assert_eq!(world.streams.poll_timeout(), Some(world.now + TO_SPEAK));
    world.pass(TO_SPEAK - SECOND, false);
    assert_eq!(world.count(Metric::StreamsTcp), 1);
    world.pass(SECOND, false);
    assert_eq!(world.count(Metric::StreamsClosedSilent), 1);
    assert_eq!(world.count(Metric::StreamsTcp), 0);
    assert_eq!(world.streams.gone(), Some(world.client(&client)));
    assert!(is_closed(client));
}

#[test]
fn a_part_of_a_message_is_not_yet_something_said() {
    let mut world = World::new(0, 0);
    let mut client = world.connect();
    client.write_all(&BINDING[..19]).unwrap();
    assert!(world.hear().is_empty());
    world.pass(TO_SPEAK, false);
    assert_eq!(world.count(Metric::StreamsClosedSilent), 1);
}

#[test]
fn a_connection_without_an_allocation_is_closed_after_a_minute() {
    let mut world = World::new(0, 0);
    let (mut idle, mut used) = (world.connect(), world.connect());
    for client in [&mut idle, &mut used] {
        client.write_all(&BINDING).unwrap();
        assert_eq!(world.hear(), [BINDING]);
    }
    assert_eq!(world.count(Metric::StreamsSilent), 0);
    let holder = world.client(&used);
    world.now += TO_ALLOCATE;
    let now = world.now;
    world
        .streams
        .handle_timeout(now, |client| *client == holder);
    assert_eq!(world.count(Metric::StreamsClosedIdle), 1);
    assert_eq!(world.streams.gone(), Some(world.client(&idle)));
    world.pass(TO_ALLOCATE, false);
    assert_eq!(world.streams.gone(), Some(holder), "its allocation is over");
}

#[test]
fn a_reader_who_stands_still_loses_data_and_then_the_connection() {
    let mut world = World::new(0, 0);
    let mut client = world.connect();
    client.write_all(&BINDING).unwrap();
    world.hear();
    let to = world.client(&client);
    let message = [&[0x40, 0, 3, 0xE8][..], &[7; 1000]].concat();
    while world.count(Metric::DroppedSlowReader) < 10 {
        world.streams.send_data(&to, &message);
        world.streams.flush(world.now);
    }
    world.streams.send_answer(&to, &[9; 20]);
    world.pass(TO_READ - SECOND, true);
    assert_eq!(world.count(Metric::StreamsTcp), 1);
    world.pass(SECOND, true);
    assert_eq!(world.count(Metric::StreamsClosedStalled), 1);
    assert_eq!(world.streams.gone(), Some(to));
}

#[test]
fn what_a_slow_reader_gets_is_whole_and_has_every_answer() {
    let mut world = World::new(0, 0);
    let mut client = world.connect();
    let to = world.client(&client);
    let message = [&[0x40, 0, 0, 9][..], &[7; 9], &[0; 3]].concat();
    while world.count(Metric::DroppedSlowReader) < 5000 {
        world.streams.send_data(&to, &message[..13]);
        world.streams.flush(world.now);
    }
    world.streams.send_answer(&to, &[9; 20]);
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        client.read_to_end(&mut read).unwrap();
        read
    });
    while world
        .streams
        .streams
        .values()
        .any(|stream| !stream.outbox.is_empty())
    {
        let mut events = Vec::with_capacity(8);
        let space = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&world.epoll, space, None).unwrap();
        world.streams.receive(0, &mut [0; 16]);
        world.streams.flush(world.now);
    }
    world.streams.close(0, Metric::StreamsClosedClient);
    let read = reader.join().unwrap();
    let (data, answer) = read.split_at(read.len() - 20);
    assert_eq!(answer, [9; 20]);
    assert!(data.chunks(16).all(|chunk| chunk == message));
}

#[test]
fn who_reads_no_answers_is_asked_for_no_questions() {
    let mut world = World::new(0, 0);
    let mut client = world.connect();
    let to = world.client(&client);
    while !world.streams.streams[&0].outbox.is_full() {
        world.streams.send_answer(&to, &[9; 1000]);
        world.streams.flush(world.now);
    }
    client.write_all(&BINDING).unwrap();
    assert_eq!(world.streams.streams[&0].interest, EventFlags::OUT);
    assert_eq!(world.streams.receive(0, &mut [0; 100]), None);
    let mut rest = vec![0; 1 << 20];
    while world.streams.streams[&0].outbox.is_full() {
        assert!(client.read(&mut rest).unwrap() > 0);
        world.streams.receive(0, &mut [0; 0]);
        world.streams.flush(world.now);
    }
    assert!(world.streams.streams[&0].interest.contains(EventFlags::IN));
}

#[test]
fn over_a_limit_nobody_is_taken_in_until_somebody_leaves() {
    for (all, per_network, refused) in [
        (2, 0, Metric::StreamsRefusedAll),
        (0, 2, Metric::StreamsRefusedNetwork),
    ] {
        let mut world = World::new(all, per_network);
        let (first, _second) = (world.connect(), world.connect());
        assert!(is_closed(world.connect()));
        assert_eq!(world.count(refused), 1);
        drop(first);
        world.hear();
        let _third = world.connect();
        assert_eq!(world.count(refused), 1);
        assert_eq!(world.count(Metric::StreamsTcp), 2);
    }
}

#[test]
fn those_of_a_network_who_say_nothing_are_few() {
    let mut world = World::new(0, 0);
    let mut silent: Vec<TcpStream> = (0..SILENT_PER_NETWORK).map(|_| world.connect()).collect();
    assert!(is_closed(world.connect()));
    assert_eq!(world.count(Metric::StreamsRefusedSilent), 1);
    silent[0].write_all(&BINDING).unwrap();
    world.hear();
    let _next = world.connect();
    assert_eq!(world.count(Metric::StreamsRefusedSilent), 1);
}

#[test]
fn a_new_connection_of_the_same_client_ends_the_former() {
    let mut world = World::new(0, 0);
    let first = world.connect();
    let client = world.client(&first);
    let again = TcpStream::connect(world.address).unwrap();
    let link = Link::plain(again.into());
    world.streams.insert(link, client, world.now);
    assert_eq!(world.streams.gone(), Some(client));
    assert_eq!(world.count(Metric::StreamsTcp), 1);
    assert!(world.streams.by_client.contains_key(&client));
    assert!(is_closed(first));
}
