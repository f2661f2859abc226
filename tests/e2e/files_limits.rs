//! How much there may be of files (row F9): of one person, in a minute, and on
//! the disk, which texts need as well.

use crate::failing_disk::{on_a_small_disk, skipped};
use crate::form::Form;
use crate::server::Setup;

#[test]
fn the_files_of_one_person_have_a_share() {
    let server = Setup::new().set("USER_QUOTA", "100000").start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let send =
        |from, to, byte: u8, size| Form::to(to, "a.bin", &vec![byte; size]).send(&server, from);
    assert_eq!(send(&sara, &omid, 1, 60_000).status, 200);
    let over = send(&sara, &omid, 2, 40_001);
    assert_eq!(over.refusal(), (413, "quota_exceeded".to_owned()));
    // Bytes that are there already count as if they were not.
    assert_eq!(send(&sara, &omid, 1, 60_000).status, 413);
    assert_eq!(send(&sara, &omid, 2, 40_000).status, 200);
    assert_eq!(send(&omid, &sara, 2, 40_001).status, 200);
    assert_eq!(server.setup.uploads().len(), 3);
}

#[test]
fn the_eleventh_file_of_a_minute_is_refused() {
    let server = Setup::new().set("RATE_LIMIT", "on").start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let send = || Form::to(&omid, "a.txt", b"x").send(&server, &sara);
    assert!((0..10).all(|_| send().status == 200));
    assert_eq!(send().refusal(), (429, "too_many_attempts".to_owned()));
    let other = Form::to(&sara, "a.txt", b"x").send(&server, &omid);
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn files_are_refused_before_the_disk_is_full_and_texts_go_through() {
    if skipped() {
        return;
    }
    let setup = Setup::new().set("MIN_FREE_DISK", "6000000");
    let (server, _) = on_a_small_disk(setup, "16m");
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let send = |byte: u8| Form::to(&omid, "a.bin", &vec![byte; 3_000_000]).send(&server, &sara);
    let mut answers = (1..=5).map(send);
    assert_eq!(answers.next().unwrap().status, 200);
    let refused = answers.find(|answer| answer.status != 200).unwrap();
    assert_eq!(refused.refusal(), (507, "storage_full".to_owned()));
    let mut hers = server.socket(&sara).await;
    hers.say(&omid, "still here").await;
}
