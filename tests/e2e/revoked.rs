//! What was taken back stays so: at once, and over a restart.

use rusqlite::Connection;
use webrtc_util::Conn as _;

use crate::relay::{client, credential, refusal, until_closed};
use crate::server::Server;
use crate::turn_cli::{credential_of, refused, turn};

#[tokio::test]
async fn a_credential_of_a_log_in_that_ended_is_refused_after_a_restart() {
    let server = Server::usual();
    let phone = server.register("sara");
    let desk = server.log_in("sara");
    let (on_phone, on_desk) = (credential(&server, &phone), credential(&server, &desk));
    assert_eq!(server.log_out(&phone).status, 204);
    let server = server.kill_and_start();
    assert_eq!(refusal(&server, &on_phone).await, "401");
    let lives = client(&server, &on_desk).await;
    lives.allocate().await.unwrap();
}

#[tokio::test]
async fn a_credential_of_somebody_suspended_is_refused_after_a_restart() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let (hers, his) = (credential(&server, &sara), credential(&server, &omid));
    let database = Connection::open(server.setup.database()).unwrap();
    let suspend = "UPDATE users SET status = 'suspended' WHERE username = 'sara'";
    database.execute(suspend, []).unwrap();
    drop(database);
    let server = server.kill_and_start();
    assert_eq!(refusal(&server, &hers).await, "401");
    let lives = client(&server, &his).await;
    lives.allocate().await.unwrap();
}

#[tokio::test]
async fn what_a_person_had_is_taken_back_at_once_and_over_a_restart() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let (hers, his) = (credential(&server, &sara), credential(&server, &omid));
    let issued = credential_of(&turn(&server.setup, &["cred", "issue", "sara"]));
    let mut relayed = Vec::new();
    let clients = [client(&server, &hers).await, client(&server, &issued).await];
    for client in &clients {
        relayed.push(client.allocate().await.unwrap().local_addr().unwrap());
    }
    turn(&server.setup, &["cred", "revoke", "--user", "sara"]);
    for relayed in relayed {
        until_closed(relayed).await;
    }
    assert_eq!(refusal(&server, &hers).await, "401");
    let said = refused(&server.setup, &["cred", "issue", "sara", "--ttl", "60"], "");
    assert!(said.contains("were taken back"), "{said}");
    let server = server.kill_and_start();
    assert_eq!(refusal(&server, &hers).await, "401");
    assert_eq!(refusal(&server, &issued).await, "401");
    let lives = client(&server, &his).await;
    lives.allocate().await.unwrap();
}

#[tokio::test]
async fn what_was_taken_back_while_no_server_ran_is_refused_and_later_ones_are_good() {
    let server = Server::usual();
    let sara = server.register("sara");
    let old = credential(&server, &sara);
    let setup = server.setup.clone();
    server.terminate();
    turn(&setup, &["cred", "revoke", "--user", "sara"]);
    let server = setup.start();
    assert_eq!(refusal(&server, &old).await, "401");
    // A credential tells when it expires and not when it was made, so one is
    // good from the second after.
    let good = crate::relay::until("a good credential", async || {
        let new = credential(&server, &sara);
        let client = client(&server, &new).await;
        client.allocate().await.is_ok().then_some(new)
    })
    .await;
    // And it stays so: the restart takes nothing more back.
    let server = server.kill_and_start();
    let again = client(&server, &good).await;
    again.allocate().await.unwrap();
}
