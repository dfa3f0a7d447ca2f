//! What RUDP says to other versions of itself.

use std::net::UdpSocket;
use std::time::Duration;

use crate::process::{Scratch, Server, store};

/// What a server answers to a datagram within half a second.
fn answer(datagram: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    socket.send_to(datagram, "127.94.0.5:8080").unwrap();
    let mut buffer = [0; 2048];
    socket.recv(&mut buffer).ok().map(|n| buffer[..n].to_vec())
}

#[test]
fn rudp_36_a_server_names_its_version_once() {
    let scratch = Scratch::new("versions");
    let file = scratch.write("s.toml", &store(94, "1 kB", "0 %"));
    let server = Server::start(&file, &["storage"]);
    let mut question = vec![0; 1200];
    question[0] = 7;
    question[8..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let told = answer(&question).expect("an answer");
    // Version 0, no flags; the connection id of the question; option 8 with version 1, padded.
    assert_eq!((&told[..2], &told[8..16]), (&[0, 0][..], &question[8..16]));
    assert_eq!(told[48..], [8, 3, 1, 0]);
    assert_eq!(answer(&question[..100]), None);
    // An answer is no question.
    assert_eq!(answer(&told), None);
    assert_eq!(server.terminate(), Some(0));
}
