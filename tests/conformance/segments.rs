//! Arriving segments: RFC 9293 section 3.10.7.4, first to eighth, and what section 3.1 says of their form.

use std::net::Ipv4Addr;

use crate::bench::plain;
use crate::trace::{OPEN, OURS, THEIRS, byte, run, run_with};
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::tcp::{TcpConfig, TcpDoor};
use twinwire::wire::tcp::{TcpFlags, TcpParseError, TcpSegment};

#[test]
fn tcp_16_the_four_cases_of_acceptability() {
    // RCV.NXT is 1 and the window 1000; what is not acceptable is answered (TCP-17).
    let window = TcpConfig { receive_buffer: 1000, ..plain() };
    let answered = "> . 1:1(0) ack 1 win 1000";
    for (segment, answer) in [
        ("< . 1:1(0) ack 1", "silent"),
        ("< . 0:0(0) ack 1", answered),
        ("< . 1000:1000(0) ack 1", "silent"),
        ("< . 1001:1001(0) ack 1", answered),
        ("< . 0:2(2) ack 1\n rcv 2", "silent"),
        ("< . 1000:1005(5) ack 1", answered), // taken, and its one byte is ahead of a gap
        ("< . 1001:1002(1) ack 1", answered),
    ] {
        let delayed = TcpConfig { delayed_ack: true, ..window.clone() };
        run(&delayed, &format!("{OPEN}\n {segment}\n {answer}"));
    }
    // The byte at 1000 was kept, the one at 1001 not.
    run(
        &window,
        &format!(
            "{OPEN}
        < . 1000:1005(5) ack 1
        > . 1:1(0) ack 1
        < . 1001:1002(1) ack 1
        > . 1:1(0) ack 1
        < . 1:1000(999) ack 1
        > . 1:1(0) ack 1001 win 0
        read 1000
    "
        ),
    );
    // A closed window.
    run(
        &window,
        &format!(
            "{OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 win 0
        < . 1001:1001(0) ack 1
        silent
        < . 1001:1002(1) ack 1
        > . 1:1(0) ack 1001 win 0
        unread 1000
    "
        ),
    );
}

#[test]
fn tcp_17_old_data_is_answered_once_each() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001
        silent
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001
        silent
        unread 1000
        write 10
        > P. 1:11(10) ack 1001
        < . 501:1001(500) ack 1      # SND.NXT, not SND.UNA
        > . 11:11(0) ack 1001
    "
        ),
    );
}

#[test]
fn tcp_18_a_closed_window_still_takes_acks_resets_and_urgent_pointers() {
    let config = TcpConfig { receive_buffer: 1000, ..plain() };
    let closed = format!(
        "{OPEN}
        write 2000
        > . 1:1001(1000) ack 1
        > P. 1001:2001(1000) ack 1
        < . 1:1001(1000) ack 1
        > . 2001:2001(0) ack 1001 win 0
    "
    );
    run(
        &config,
        &format!(
            "{closed}
        < . 1001:1101(100) ack 2001
        > . 2001:2001(0) ack 1001 win 0
        una 2001
        unread 1000
    "
        ),
    );
    run(&config, &format!("{closed}\n < R 1001:1001(0)\n state CLOSED\n end reset"));
    run(&config, &format!("{closed}\n < .U 1001:1101(100) ack 1001 urg 7\n > . 2001:2001(0) ack 1001\n una 1001"));
}

#[test]
fn tcp_19_overlaps_in_all_six_orders() {
    let parts = [(1, 101), (51, 151), (30, 61)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut script = OPEN.to_owned();
        for i in order {
            let (from, to) = parts[i];
            script += &format!("< . {from}:{to}({}) ack 1\n", to - from);
        }
        run(&plain(), &(script + "rcv 151\n read 150\n unread 0"));
    }
}

/// Feeds a door that listens; gives back what it reads of the stream at the end.
fn stream_of(parts: &[(u32, &[u8])]) -> Vec<u8> {
    let (now, mut door) = (Instant::ZERO, TcpDoor::new(Seed(1)).with_iss(0));
    door.listen(80, &plain()).unwrap();
    let send = |door: &mut TcpDoor, seq, ack, payload: &[u8]| {
        let flags = TcpFlags { syn: seq == 0, ack: seq > 0, ..TcpFlags::default() };
        let payload = payload.to_vec().into();
        let s = TcpSegment { src_port: 5000, dst_port: 80, seq, ack, flags, payload, window: 9, ..Default::default() };
        let mut bytes = Vec::new();
        s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
        door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes).unwrap();
        while door.segment_out(now).is_some() {}
    };
    send(&mut door, 0, 0, b"");
    send(&mut door, 1, 1, b"");
    let (conn, _) = door.accept(80).unwrap();
    for (seq, payload) in parts {
        send(&mut door, *seq, 1, payload);
    }
    std::iter::from_fn(|| door.read(conn, 1 << 20)).flatten().collect()
}

#[test]
fn tcp_19_the_first_copy_stays() {
    assert_eq!(stream_of(&[(5, b"bbbb"), (1, b"aaaaaaaaaa")]), b"aaaabbbbaa");
    assert_eq!(stream_of(&[(1, b"aaaa"), (3, b"bbbb")]), b"aaaabb");
    assert_eq!(stream_of(&[(3, b"bb"), (7, b"cc"), (2, b"dddddddd"), (1, b"e")]), b"edbbddccd");
}

/// Random segments of one stream, overlapping, repeated, out of order: what is read is the stream.
#[test]
fn tcp_19_any_segments_make_the_same_stream() {
    for seed in 0..300 {
        let mut rng = Seed(seed).stream("segments");
        let len = 1 + rng.below(3_000);
        let stream: Vec<u8> = (0..len).map(|i| byte(i as i64)).collect();
        let mut parts: Vec<(u32, &[u8])> = Vec::new();
        for _ in 0..rng.below(60) {
            let from = rng.below(len);
            let to = (from + 1 + rng.below(700)).min(len);
            parts.push((1 + from as u32, &stream[from as usize..to as usize]));
        }
        // What is missing so far, in pieces, in any order.
        let mut holes: Vec<u64> = (0..len).step_by(1 + rng.below(500) as usize).chain([len]).collect();
        holes.dedup();
        for w in holes.windows(2) {
            let at = rng.below(parts.len() as u64 + 1) as usize;
            parts.insert(at, (1 + w[0] as u32, &stream[w[0] as usize..w[1] as usize]));
        }
        assert_eq!(stream_of(&parts), stream, "seed {seed}");
    }
}

#[test]
fn tcp_20_an_ack_of_what_was_never_sent() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 1000
        > P. 1:1001(1000) ack 1
        < . 1:101(100) ack 1002
        > . 1001:1001(0) ack 1
        una 1
        flight 1000
        cwnd 10000
        unread 0
    "
        ),
    );
}

#[test]
fn tcp_21_only_newer_segments_move_the_window() {
    // What is sent has the peer's numbers 9 and 10 within the window; RCV.NXT is 1.
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 6
        > P. 1:7(6) ack 1
        < . 10:10(0) ack 5 win 1000
        wnd 1000
        < . 9:9(0) ack 5 win 100
        wnd 1000
        < . 10:10(0) ack 6 win 500
        wnd 500
        < . 10:10(0) ack 5 win 900
        wnd 500
    "
        ),
    );
}

#[test]
fn tcp_22_numbers_wrap() {
    run_with(
        &plain(),
        (0xffff_fff0, 7),
        &format!(
            "{OPEN}
        write 100
        > P. 1:101(100) ack 1
        < . 1:1(0) ack 101          # 0xfffffff0 + 101 = 0x55
        una 101
    "
        ),
    );
    assert_eq!(0xffff_fff0_u32.wrapping_add(101), 0x55);
    // 100 kB each way across the wrap.
    let mut script = OPEN.to_owned();
    for n in 0..100 {
        let (from, to) = (1 + 1000 * n, 1001 + 1000 * n);
        script += &format!(
            "write 1000\n > P. {from}:{to}(1000)\n < . {from}:{to}(1000) ack {to}\n > . {to}:{to}(0) ack {to}\n read 1000\n"
        );
    }
    run_with(&plain(), (u32::MAX - 50_000, u32::MAX - 50_500), &script);
}

#[test]
fn tcp_24_any_flipped_bit_is_noticed_and_unanswered() {
    let mut door = TcpDoor::new(Seed(1));
    door.listen(80, &plain()).unwrap();
    let flags = TcpFlags { syn: true, ..TcpFlags::default() };
    let odd = TcpSegment { src_port: 5000, dst_port: 80, flags, payload: b"odd"[..].into(), ..Default::default() };
    let mut bytes = Vec::new();
    odd.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
    let now = Instant::ZERO;
    for n in 0..bytes.len() * 8 {
        bytes[n / 8] ^= 1 << (n % 8);
        assert_eq!(door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes), Err(TcpParseError::Checksum));
        assert_eq!((door.segment_out(now), door.discarded()), (None, n as u64 + 1));
        bytes[n / 8] ^= 1 << (n % 8);
    }
    // The addresses count, too.
    assert_eq!(door.segment_in(now, Ipv4Addr::new(10, 0, 0, 3), *OURS.ip(), &bytes), Err(TcpParseError::Checksum));
    assert_eq!(door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes), Ok(true));
    assert!(door.segment_out(now).is_some());
}

/// A SYN with these option bytes, made by hand.
fn with_options(options: &[u8]) -> Result<Option<TcpSegment>, TcpParseError> {
    let mut door = TcpDoor::new(Seed(1));
    door.listen(80, &TcpConfig::default()).unwrap();
    let mut bytes = vec![0x13, 0x88, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0];
    bytes.extend_from_slice(options);
    bytes[12] = ((bytes.len() / 4) as u8) << 4;
    seal(&mut bytes);
    let now = Instant::ZERO;
    door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes)?;
    Ok(door.segment_out(now).map(|(src, dst, bytes)| TcpSegment::parse(src, dst, &bytes).unwrap()))
}

/// Writes the checksum, computed here once more from RFC 9293 section 3.1.
fn seal(bytes: &mut [u8]) {
    bytes[16..18].fill(0);
    let len = bytes.len() as u16;
    let pseudo = [&THEIRS.ip().octets()[..], &OURS.ip().octets(), &[0, 6], &len.to_be_bytes()].concat();
    let words = pseudo.chunks(2).chain(bytes.chunks(2));
    let sum: u32 = words.map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |&b| u32::from(b))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !((folded & 0xffff) + (folded >> 16)) as u16;
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn tcp_25_options() {
    // What the listener answers tells what it understood.
    let timestamps = |options| with_options(options).unwrap().unwrap().options.timestamps.map(|t| t.1);
    assert_eq!(timestamps(&[254, 4, 0, 0, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0]), Some(77));
    assert_eq!(timestamps(&[1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 1]), Some(77)); // at an odd place
    assert_eq!(timestamps(&[0, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 1]), None); // behind the end
    assert_eq!(timestamps(&[8, 9, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0]), None); // of a wrong length
    for bad in [[8, 0, 0, 0], [8, 1, 0, 0], [1, 1, 1, 8], [8, 10, 0, 0], [254, 5, 0, 0]] {
        assert!(matches!(with_options(&bad), Err(TcpParseError::OptionLength(_))), "{bad:?}");
    }
    // In any segment.
    run(
        &TcpConfig { timestamps: true, ..plain() },
        "
        listen
        < S 0:0(0) <TS 5 0,mss 1012>
        > S. 0:0(0) ack 1 <mss 1012,TS 0 5>
        < . 1:11(10) ack 1 <sack 5:9 20:30,TS 6 0>
        > . 1:1(0) ack 11 <TS 0 6>
    ",
    );
}

#[test]
fn tcp_25_mss_at_an_odd_place() {
    let mut door = TcpDoor::new(Seed(1)).with_iss(0);
    door.listen(80, &plain()).unwrap();
    let mut bytes = vec![0x13, 0x88, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x70, 2, 0xff, 0xff, 0, 0, 0, 0];
    bytes.extend_from_slice(&[1, 2, 4, 2, 88, 1, 1, 0]);
    seal(&mut bytes);
    assert_eq!(door.segment_in(Instant::ZERO, *THEIRS.ip(), *OURS.ip(), &bytes), Ok(true));
    let conn = door.find(OURS, THEIRS).unwrap();
    assert_eq!(door.snapshot(conn).unwrap().smss, 600);
}

#[test]
fn tcp_26_data_offset() {
    for (words, len) in [(4, 20), (15, 20), (0, 20), (6, 23)] {
        let mut door = TcpDoor::new(Seed(1));
        let mut bytes = vec![0x13, 0x88, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, words << 4, 2, 0xff, 0xff, 0, 0, 0, 0];
        bytes.resize(len, 0);
        seal(&mut bytes);
        let read = door.segment_in(Instant::ZERO, *THEIRS.ip(), *OURS.ip(), &bytes);
        assert_eq!((read, door.segment_out(Instant::ZERO)), (Err(TcpParseError::DataOffset(words)), None));
    }
    let mut door = TcpDoor::new(Seed(1));
    let short = door.segment_in(Instant::ZERO, *THEIRS.ip(), *OURS.ip(), &[0; 19]);
    assert_eq!(short, Err(TcpParseError::Short(19)));
}

#[test]
fn tcp_30_urgent_data_is_data() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < .U 1:11(10) ack 1 urg 5
        > . 1:1(0) ack 11
        < .U 11:21(10) ack 1 urg 500
        > . 1:1(0) ack 21
        read 20
    "
        ),
    );
}

#[test]
fn tcp_31_push_ends_what_was_written() {
    let mut door = TcpDoor::new(Seed(1));
    let now = Instant::ZERO;
    let config = TcpConfig { nagle: false, ..plain() };
    let conn = door.connect(now, OURS, THEIRS, &config).unwrap();
    let (_, _, syn) = door.segment_out(now).unwrap();
    let iss = u32::from_be_bytes([syn[4], syn[5], syn[6], syn[7]]);
    let flags = TcpFlags { syn: true, ack: true, ..TcpFlags::default() };
    let (src_port, dst_port, ack) = (THEIRS.port(), OURS.port(), iss.wrapping_add(1));
    let mut answer = TcpSegment { src_port, dst_port, seq: 7, ack, flags, window: 9000, ..Default::default() };
    answer.options.mss = Some(1000);
    let mut bytes = Vec::new();
    answer.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
    door.segment_in(now + Duration::from_millis(1), *THEIRS.ip(), *OURS.ip(), &bytes).unwrap();
    door.write(conn, vec![0; 2500]);
    let pushed = std::iter::from_fn(|| door.segment_out(now)).map(|(_, _, b)| (b.len() - 20, b[13] & 8 != 0));
    assert_eq!(pushed.collect::<Vec<_>>(), [(1000, false), (1000, false), (500, true)]);
    // And nobody waits for it: what comes without is there to be read.
    run(&plain(), &format!("{OPEN}\n < . 1:11(10) ack 1\n unread 10\n read 10"));
}

#[test]
fn tcp_36_nobody_answers_crowds() {
    let (good, now) = (Ipv4Addr::new(10, 0, 0, 2), Instant::ZERO);
    for odd in [Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1), Ipv4Addr::UNSPECIFIED] {
        for (src, dst, port) in [(odd, good, 80), (good, odd, 80), (odd, good, 81), (good, odd, 81)] {
            let mut door = TcpDoor::new(Seed(1));
            door.listen(80, &plain()).unwrap();
            let flags = TcpFlags { syn: true, ..TcpFlags::default() };
            let mut bytes = Vec::new();
            TcpSegment { src_port: 5000, dst_port: port, flags, ..Default::default() }.encode(src, dst, &mut bytes);
            assert_eq!(door.segment_in(now, src, dst, &bytes), Ok(false));
            assert_eq!((door.segment_out(now), door.next_timeout()), (None, None));
        }
        let mut door = TcpDoor::new(Seed(1));
        let remote = std::net::SocketAddrV4::new(odd, 80);
        let refused = door.connect(now, OURS, remote, &plain()).map_err(|e| e.to_string());
        assert_eq!(refused, Err(format!("{odd} is no address of one host")));
    }
}
