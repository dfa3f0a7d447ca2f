//! Flow control: RFC 9293 section 3.8.6, zero windows, silly windows on both sides, promises that are kept.

use crate::bench::plain;
use crate::trace::{OPEN, OURS, THEIRS, run};
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::tcp::{TcpConfig, TcpDoor};
use twinwire::wire::tcp::{TcpFlags, TcpSegment};

const CLOSED_WINDOW: &str = "
    write 100
    > P. 1:101(100) ack 1
    < . 1:1(0) ack 101 win 0
    wnd 0
    write 1000
    silent
";

#[test]
fn tcpf_01_zero_window_probes_double_and_never_end() {
    let mut script = format!("{OPEN}{CLOSED_WINDOW}");
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        script += &format!("+{seconds}s > . 101:102(1) ack 1\n < . 1:1(0) ack 101 win 0\n silent\n");
    }
    // At T+183 s. An hour more, an answer to each.
    for _ in 0..60 {
        script += "+60s > . 101:102(1) ack 1\n < . 1:1(0) ack 101 win 0\n";
    }
    run(&plain(), &(script + "state ESTABLISHED\n < . 1:1(0) ack 101 win 9000\n > P. 101:1101(1000) ack 1"));
}

#[test]
fn tcpf_01_a_peer_that_is_gone_is_given_up() {
    let mut script = format!("{OPEN}{CLOSED_WINDOW}");
    for seconds in [1, 2, 4, 8, 16, 32].into_iter().chain([60; 10]) {
        script += &format!("+{seconds}s > . 101:102(1) ack 1\n silent\n");
    }
    run(&plain(), &(script + "+60s state CLOSED\n end timedout\n silent\n timeout none"));
}

#[test]
fn tcpf_02_a_lost_window_update_does_no_harm() {
    // The update got lost; the next probe's ACK tells of room, and takes the byte or does not.
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_WINDOW}
        +1s > . 101:102(1) ack 1
        < . 1:1(0) ack 102 win 9000
        > P. 102:1101(999) ack 1
        silent
    "
        ),
    );
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_WINDOW}
        +1s > . 101:102(1) ack 1
        < . 1:1(0) ack 101 win 9000
        > P. 101:1101(1000) ack 1
        silent
    "
        ),
    );
    // A probe is no loss.
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_WINDOW}
        +1s > . 101:102(1) ack 1
        +2s > . 101:102(1) ack 1
        < . 1:1(0) ack 102 win 9000
        > P. 102:1101(999) ack 1
        cwnd 10000
    "
        ),
    );
}

#[test]
fn tcpf_03_a_peer_may_shrink_its_window() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:1(0) ack 1 win 5000
        write 6000
        > . 1:1001(1000)
        > . 1001:2001(1000)
        > . 2001:3001(1000)
        > . 3001:4001(1000)
        > . 4001:5001(1000)
        silent
        < . 1:1(0) ack 1 win 1000
        < . 1:1(0) ack 1 win 1000
        < . 1:1(0) ack 1 win 1000
        +900ms silent
        flight 5000
        cwnd 10000
        < . 1:1(0) ack 5001 win 1000
        > P. 5001:6001(1000)
        silent
    "
        ),
    );
}

#[test]
fn tcpf_04_the_window_opens_by_worthwhile_steps() {
    let config = TcpConfig { receive_buffer: 8000, mss: 1460, ..plain() };
    let full = format!(
        "{OPEN}
        < . 1:4001(4000) ack 1
        > . 1:1(0) ack 4001 win 4000
        < . 4001:8001(4000) ack 1
        > . 1:1(0) ack 8001 win 0
        read 1000
        silent
        < . 8001:8001(0) ack 1
        silent
        < . 8000:8001(1) ack 1
        > . 1:1(0) ack 8001 win 0
    "
    );
    run(&config, &format!("{full}\n read 459\n silent\n read 1\n > . 1:1(0) ack 8001 win 1460\n silent"));
    // Half the buffer is worth telling of, even if it is less than a segment.
    let small = TcpConfig { receive_buffer: 1000, mss: 1460, ..plain() };
    run(
        &small,
        &format!(
            "{OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 win 0
        read 499
        silent
        read 1
        > . 1:1(0) ack 1001 win 500
    "
        ),
    );
}

#[test]
fn tcpf_05_the_sender_avoids_silly_windows() {
    let open = |mss: u32, win: u32| {
        format!(
            "
        listen
        < S 0:0(0) win 6000 <mss {mss}>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1 win 6000
        accept
        < . 1:1(0) ack 1 win {win}
    "
        )
    };
    let config = TcpConfig { mss: 4000, ..plain() };
    // Waiting ends when the persist timer does (section 3.8.6.2.1's override; ours is the RTO).
    run(&config, &format!("{}\n write 800\n silent\n +999ms silent\n +1ms > . 1:601(600) ack 1", open(1200, 600)));
    run(&config, &format!("{}\n write 400\n > P. 1:401(400) ack 1", open(1200, 600)));
    run(&config, &format!("{}\n write 5000\n > . 1:3001(3000) ack 1", open(4000, 3000)));
    run(&config, &format!("{}\n write 5000\n silent", open(4000, 2999)));
    run(&config, &format!("{}\n write 5000\n > . 1:1201(1200) ack 1\n silent", open(1200, 1300)));
}

#[test]
fn tcpf_09_no_more_is_taken_than_the_buffer_holds() {
    let config = TcpConfig { receive_buffer: 4096, ..plain() };
    run(
        &config,
        &format!(
            "{OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 win 3096
        < . 1001:2001(1000) ack 1
        > . 1:1(0) ack 2001 win 2096
        < . 2001:3001(1000) ack 1
        > . 1:1(0) ack 3001 win 1096
        < . 3001:4001(1000) ack 1
        > . 1:1(0) ack 4001 win 96
        < . 4001:5001(1000) ack 1
        > . 1:1(0) ack 4097 win 0
        < . 4097:5097(1000) ack 1
        > . 1:1(0) ack 4097 win 0
        < . 5001:6001(1000) ack 1
        > . 1:1(0) ack 4097 win 0
        unread 4096
        read 4096
        > . 1:1(0) ack 4097 win 4096
    "
        ),
    );
}

/// Whatever arrives and is read, ACK plus window never goes back, and never beyond the buffer. A
/// scaled window is rounded down (TSWS-04), so that it may seem to, by less than a unit (RFC 7323
/// section 2.4).
#[test]
fn tcpf_12_the_right_edge_never_moves_back() {
    for seed in 0..60 {
        let mut rng = Seed(seed).stream("edge");
        let receive_buffer = 1_000 + rng.below(200_000);
        let config = TcpConfig { receive_buffer, delayed_ack: rng.below(2) == 0, ..plain() };
        let mut door = TcpDoor::new(Seed(seed)).with_iss(0);
        door.listen(80, &config).unwrap();
        let (mut now, mut edge) = (Instant::ZERO, 0);
        let (mut asked, mut taken) = (1_u32, 0_u64);
        let feed = |door: &mut TcpDoor, now, seq, len: u64| {
            let flags = TcpFlags { syn: seq == 0, ack: seq > 0, ..TcpFlags::default() };
            let payload = vec![0; len as usize].into();
            let mut s = TcpSegment { src_port: 5000, dst_port: 80, seq, ack: 1, flags, payload, ..Default::default() };
            s.options.window_scale = (seq == 0).then_some(0);
            let mut bytes = Vec::new();
            s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
            door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes).unwrap();
        };
        feed(&mut door, now, 0, 0);
        let (_, _, answer) = door.segment_out(now).unwrap();
        let answer = TcpSegment::parse(*OURS.ip(), *THEIRS.ip(), &answer).unwrap();
        let scale = answer.options.window_scale.unwrap();
        feed(&mut door, now, 1, 0);
        let (conn, _) = door.accept(80).unwrap();
        for _ in 0..400 {
            while let Some((src, dst, bytes)) = door.segment_out(now) {
                let s = TcpSegment::parse(src, dst, &bytes).unwrap();
                let right = u64::from(s.ack) + (u64::from(s.window) << scale);
                assert!(right + (1 << scale) > edge, "seed {seed}: {edge} to {right}");
                // Read, or in the buffer, or promised: never more than there is room for.
                assert!(right <= 1 + taken + receive_buffer, "seed {seed}");
                (edge, asked) = (edge.max(right), s.ack);
            }
            now += Duration::from_millis(rng.below(60));
            door.handle_timeout(now);
            if rng.below(3) == 0 {
                let most = 1 + rng.below(receive_buffer) as usize;
                taken += door.read(conn, most).map_or(0, |d| d.len() as u64);
            } else {
                let ahead = rng.below(4) * rng.below(2_000);
                feed(&mut door, now, asked + ahead as u32, rng.below(3_000));
            }
        }
        assert!(taken > 0, "seed {seed} did something");
    }
}
