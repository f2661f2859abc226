//! The commands about voice rooms.

use std::error::Error;
use std::io::Write;

use super::table;
use super::turn::read;
use crate::config::Config;
use crate::control::{self, Desk, PutOut, Request, Room, RoomRequest, Rooms, Seat};

/// Does one of them.
///
/// # Errors
///
/// Why it was not done, as a sentence for the operator.
pub fn room(
    config: &Config,
    task: &RoomRequest,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let answer = control::ask(config, Request::Room(task.clone()), desk)?;
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    match task {
        RoomRequest::List => listed(&read(answer)?, out)?,
        RoomRequest::Close { .. } => {
            let PutOut { people } = read(answer)?;
            let word = if people == 1 { "person" } else { "people" };
            writeln!(out, "The room is closed; {people} {word} went.")?;
        }
        RoomRequest::Kick { .. } => {
            let PutOut { people: _ } = read(answer)?;
            writeln!(out, "The seat is taken away.")?;
        }
    }
    Ok(())
}

/// Only a running server has rooms.
fn desk(_: &Config) -> Result<Desk, Box<dyn Error>> {
    Err("no server is running".into())
}

fn listed(Rooms { rooms }: &Rooms, out: &mut dyn Write) -> std::io::Result<()> {
    if rooms.is_empty() {
        return writeln!(out, "Nobody is in a voice room.");
    }
    let rows: Vec<_> = rooms
        .iter()
        .flat_map(|room| room.seats.iter().map(|seat| row(room, seat)))
        .collect();
    table::print(
        ["ROOM", "SINCE", "LOCKED", "SEAT", "WHO", "STATE"],
        &rows,
        out,
    )
}

fn row(room: &Room, seat: &Seat) -> [String; 6] {
    let marks = [
        (seat.muted, "muted"),
        (seat.mod_muted, "muted by a moderator"),
        (seat.reconnecting, "reconnecting"),
        (seat.guest, "guest"),
    ];
    let marks = marks.iter().filter(|(is, _)| *is);
    let marks: Vec<&str> = marks.map(|(_, mark)| *mark).collect();
    let locked = if room.locked { "yes" } else { "no" };
    [
        room.id.to_string(),
        room.since.clone(),
        locked.to_owned(),
        seat.id.to_string(),
        seat.username.clone(),
        marks.join(", "),
    ]
}
