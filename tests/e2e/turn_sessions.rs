//! The operator sees what is relayed, and ends it.

use serde_json::{Value, json};
use webrtc_util::Conn as _;

use crate::relay::{Flowing as _, client, credential, echo_peer, refusal, until_closed};
use crate::server::{Server, Setup};
use crate::turn_cli::{credential_of, refused, turn};

fn sessions(server: &Server) -> Vec<Value> {
    let answer = turn(&server.setup, &["sessions"]);
    answer["sessions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_allocation_is_listed_with_its_owner_and_its_traffic() {
    let server = Setup::new().set("TURN_ALLOW_PEERS", "127.0.0.0/8").start();
    let sara = server.register("sara");
    let pair = credential_of(&turn(&server.setup, &["cred", "add", "gateway"]));
    let issued = credential_of(&turn(&server.setup, &["cred", "issue", "sara"]));
    assert_eq!(sessions(&server), [] as [Value; 0]);
    let nothing = server.setup.run(&["turn", "sessions"], "");
    assert_eq!(nothing.out, "Nothing is being relayed.\n");

    let hers = client(&server, &credential(&server, &sara)).await;
    let at_hers = hers.allocate().await.unwrap();
    let by_pair = client(&server, &pair).await;
    let at_pair = by_pair.allocate().await.unwrap();
    let by_issued = client(&server, &issued).await;
    let _at_issued = by_issued.allocate().await.unwrap();
    let peer = echo_peer().await;
    assert!(at_hers.flows(peer).await);

    let found = sessions(&server);
    assert_eq!(found.len(), 3, "{found:?}");
    let first = &found[0];
    let session = first["session_id"].as_i64().unwrap();
    assert!(session > 0);
    assert_eq!(
        (&first["username"], &first["user_id"], &first["static_name"]),
        (&json!("sara"), &json!(sara.id), &Value::Null)
    );
    assert_eq!(
        first["relayed"],
        json!([at_hers.local_addr().unwrap().to_string()])
    );
    assert_eq!(first["transport"], "udp");
    assert!(first["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(
        (&first["permissions"], &first["packets_to_client"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&first["bytes_to_peers"], &first["bytes_to_client"]),
        (&json!(4), &json!(4))
    );
    let lives = first["expires_in_s"].as_u64().unwrap();
    assert!((300..=600).contains(&lives), "{lives}");
    assert_eq!(
        (&found[1]["static_name"], &found[1]["username"]),
        (&json!("gateway"), &Value::Null)
    );
    assert_eq!(
        found[1]["relayed"],
        json!([at_pair.local_addr().unwrap().to_string()])
    );
    assert_eq!(
        (&found[2]["username"], &found[2]["session_id"]),
        (&json!("sara"), &json!(0))
    );

    let table = server.setup.run(&["turn", "sessions"], "").out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("ID  WHO"), "{table}");
    for (line, part) in [
        (1, format!("sara (session {session})")),
        (1, "1 packets, 4 B".to_owned()),
        (1, " (udp) ".to_owned()),
        (2, "gateway (static)".to_owned()),
        (3, "sara (issued)".to_owned()),
    ] {
        assert!(lines[line].contains(&part), "{part}: {table}");
    }
}

#[tokio::test]
async fn a_kick_ends_what_it_names_and_leaves_the_credential_good() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let pair = credential_of(&turn(&server.setup, &["cred", "add", "gateway"]));
    let mut clients = Vec::new();
    let mut relayed = Vec::new();
    for credential in [
        &credential(&server, &sara),
        &credential(&server, &sara),
        &credential(&server, &omid),
        &pair,
        &pair,
    ] {
        let client = client(&server, credential).await;
        relayed.push(client.allocate().await.unwrap().local_addr().unwrap());
        clients.push(client);
    }
    let ids: Vec<String> = sessions(&server)
        .iter()
        .map(|s| s["id"].to_string())
        .collect();
    let kick = |words: &[&str]| turn(&server.setup, &[&["kick"], words].concat())["ended"].clone();

    assert_eq!(kick(&[&ids[0]]), 1);
    until_closed(relayed[0]).await;
    let said = refused(&server.setup, &["kick", &ids[0]], "");
    assert!(said.contains("no allocation of that id"), "{said}");
    assert_eq!(kick(&["--user", "Sara"]), 1);
    until_closed(relayed[1]).await;
    assert_eq!(kick(&["--static", "gateway"]), 2);
    let left = sessions(&server);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["username"], "omid");
    for unknown in [["--user", "nobody"], ["--static", "nothing"]] {
        let said = refused(&server.setup, &["kick", unknown[0], unknown[1]], "");
        assert!(said.contains("named no"), "{said}");
    }
    let all = server.setup.run(&["turn", "kick", "--all"], "");
    assert_eq!(all.out, "1 allocation ended.\n", "{all:?}");
    assert_eq!(sessions(&server), [] as [Value; 0]);

    let again = client(&server, &pair).await;
    again.allocate().await.unwrap();
}

#[tokio::test]
async fn a_relay_told_to_drain_takes_nobody_new_and_keeps_the_others() {
    let server = Setup::new().set("TURN_ALLOW_PEERS", "127.0.0.0/8").start();
    let sara = server.register("sara");
    let client = client(&server, &credential(&server, &sara)).await;
    let relayed = client.allocate().await.unwrap();
    assert_eq!(turn(&server.setup, &["drain"]), json!({ "allocations": 1 }));
    assert_eq!(refusal(&server, &credential(&server, &sara)).await, "508");
    assert!(relayed.flows(echo_peer().await).await);
}

#[test]
fn without_a_server_nothing_can_be_listed_or_ended_and_nothing_is_made() {
    let setup = Setup::new();
    for words in [&["sessions"][..], &["kick", "--all"], &["drain"]] {
        let said = refused(&setup, words, "");
        assert!(said.contains("no server is running"), "{said}");
    }
    assert!(!setup.folder().join("data").exists());
}
