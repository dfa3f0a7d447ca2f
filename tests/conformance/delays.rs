//! When segments leave: Nagle, delayed acknowledgments, retransmission and giving up, keep-alive.

use crate::bench::{ms, plain};
use crate::trace::{OPEN, run};
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::Duration;
use twinwire::transport::tcp::TcpConfig;

/// 25 writes of a byte, one each 10 ms from now on, acknowledged after 100 ms.
fn crumbs(nagle: bool) -> String {
    let (mut script, mut sent) = (OPEN.to_owned(), Vec::new());
    let (mut written, mut left, mut acked) = (1, 1, 1);
    for n in 0..25_u64 {
        if n > 0 {
            script += "+10ms\n";
        }
        // What left 100 ms ago is acknowledged now, before the write.
        if let Some(&(_, end)) = sent.iter().find(|&&(at, _)| at + 10 == n) {
            script += &format!("< . 1:1(0) ack {end}\n");
            acked = end;
            if left < written {
                script += &format!("> P. {left}:{written}({}) ack 1\n", written - left);
                sent.push((n, written));
                left = written;
            }
        }
        script += "write 1\n";
        written += 1;
        if !nagle || acked == left {
            script += &format!("> P. {left}:{written}({}) ack 1\n", written - left);
            sent.push((n, written));
            left = written;
        }
        script += "silent\n";
    }
    script
}

#[test]
fn tcpf_06_nagle() {
    let script = crumbs(true);
    // One at 0, the nine written meanwhile at 100 ms, ten at 200 ms.
    for line in ["> P. 1:2(1) ack 1", "> P. 2:11(9) ack 1", "> P. 11:21(10) ack 1"] {
        assert!(script.contains(line), "{line}");
    }
    assert_eq!(script.matches("> P.").count(), 3);
    run(&plain(), &script);
    let script = crumbs(false);
    assert_eq!(script.matches("> P.").count(), 25);
    run(&TcpConfig { nagle: false, ..plain() }, &script);
}

#[test]
fn tcpf_06_a_full_segment_or_the_end_does_not_wait() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 1
        > P. 1:2(1) ack 1
        write 999
        silent
        write 1
        > . 2:1002(1000) ack 1
        silent
        write 5
        silent
        finish
        > FP. 1002:1007(5) ack 1
    "
        ),
    );
}

/// The delayed acknowledgment that a profile asks for.
fn profile(name: &str) -> TcpConfig {
    let profile = twinwire::transport::profile::PROFILES.iter().find(|p| p.name == name).expect("a profile");
    let (_, delay) = profile.values.iter().find(|(key, _)| *key == "ack_delay").expect("the key");
    let millis: u64 = delay.strip_suffix(" ms").expect("milliseconds").parse().expect("a number");
    let value = Value { data: Data::Duration(ms(millis)), span: 0..0 };
    let read = TcpConfig::from_params(&Params([("ack_delay".to_owned(), value)].into()));
    TcpConfig { delayed_ack: true, ack_delay: read.ack_delay, ..plain() }
}

#[test]
fn tcpf_07_delayed_acks() {
    for (name, delay) in [("rfc", 200), ("linux", 40)] {
        run(
            &profile(name),
            &format!(
                "{OPEN}
            < . 1:1001(1000) ack 1
            +1ms < . 1001:2001(1000) ack 1
            > . 1:1(0) ack 2001
            +1ms < . 2001:3001(1000) ack 1
            silent
            timeout {delay}ms
            +{}ms silent
            +1ms > . 1:1(0) ack 3001
            silent
        ",
                delay - 1
            ),
        );
        run(
            &profile(name),
            &format!("{OPEN}\n < . 1:11(10) ack 1\n +{delay}ms > . 1:1(0) ack 11\n silent\n timeout none"),
        );
    }
    // A gap, its filling and a FIN are told at once (RFC 5681 section 4.2).
    run(
        &profile("rfc"),
        &format!(
            "{OPEN}
        < . 1001:2001(1000) ack 1
        > . 1:1(0) ack 1
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 2001
        < F. 2001:2001(0) ack 1
        > . 1:1(0) ack 2002
    "
        ),
    );
}

#[test]
fn tcpf_08_an_acknowledgment_rides_on_data() {
    run(
        &profile("rfc"),
        &format!(
            "{OPEN}
        < . 1:11(10) ack 1
        read 10
        +5ms write 10
        > P. 1:11(10) ack 11
        < . 11:11(0) ack 11
        timeout none
        +1s silent
    "
        ),
    );
}

#[test]
fn tcpf_10_keep_alive() {
    assert!(!TcpConfig::default().keepalive);
    run(&plain(), &format!("{OPEN}\n +100000s silent\n state ESTABLISHED"));
    let config = TcpConfig { keepalive: true, ..plain() };
    let mut script = format!("{OPEN}\n timeout 7200s\n +7199s silent\n +1s > . 0:0(0) ack 1\n silent\n");
    for _ in 1..9 {
        script += "+75s > . 0:0(0) ack 1\n silent\n";
    }
    // 7200 + 9 * 75 = 7875 s.
    run(&config, &format!("{script}\n +74s state ESTABLISHED\n +1s state CLOSED\n end timedout\n > R. 1:1(0) ack 1"));
    // Any answer resets.
    run(
        &config,
        &format!(
            "{script}
        +74s < . 1:1(0) ack 1
        silent
        +7199s silent
        +1s > . 0:0(0) ack 1
        +75s > . 0:0(0) ack 1
        < . 1:11(10) ack 1
        > . 1:1(0) ack 11
        +7199s silent
        +1s > . 0:0(0) ack 11
    "
        ),
    );
    // The other side of it.
    run(&plain(), &format!("{OPEN}\n < . 0:0(0) ack 1\n > . 1:1(0) ack 1\n silent"));
}

#[test]
fn tcpf_11_only_new_data_counts_for_the_user_timeout() {
    let config = TcpConfig { user_timeout: Some(Duration::from_secs(30)), ..plain() };
    // Each second an old ACK. Repeats at 1, 3, 7 and 15 s.
    let mut script = format!("{OPEN}\n write 100\n > P. 1:101(100) ack 1\n");
    for second in 1..30 {
        let again = if [1, 3, 7, 15].contains(&second) { "> P. 1:101(100) ack 1" } else { "silent" };
        script += &format!("+1s {again}\n < . 1:1(0) ack 1\n silent\n");
    }
    run(&config, &format!("{script}\n state ESTABLISHED\n +1s state CLOSED\n end timedout"));
    // Progress sets it back.
    run(
        &config,
        &format!(
            "{OPEN}
        write 200
        > P. 1:201(200) ack 1
        +1s > P. 1:201(200) ack 1
        +1s < . 1:1(0) ack 101
        +28s state ESTABLISHED
        +1s state ESTABLISHED
        +1s state CLOSED
    "
        ),
    );
}

#[test]
fn tcp_32_data_is_tried_for_more_than_100_seconds() {
    let mut script = format!("{OPEN}\n write 100\n > P. 1:101(100) ack 1\n");
    // R1 is at least 3: after 15 repeats, which took 783 s, comes the end.
    for seconds in [1, 2, 4, 8, 16, 32].into_iter().chain([60; 9]) {
        script += &format!("+{seconds}s > P. 1:101(100) ack 1\n silent\n");
    }
    run(
        &plain(),
        &format!("{script}\n +59s state ESTABLISHED\n +1s state CLOSED\n end timedout\n silent\n timeout none"),
    );
    // The application's limit may be shorter.
    run(
        &TcpConfig { retries: 1, ..plain() },
        &format!(
            "{OPEN}
        write 100
        > P. 1:101(100) ack 1
        +1s > P. 1:101(100) ack 1
        +2s state CLOSED
        end timedout
    "
        ),
    );
}

#[test]
fn tcp_32_a_syn_is_tried_for_183_seconds() {
    let script = [1, 2, 4, 8, 16, 32, 60].map(|s| format!("+{s}s > S 0:0(0)\n silent\n")).concat();
    let end = "+59s state SYN-SENT\n +1s state CLOSED\n end timedout\n silent\n timeout none";
    run(&plain(), &format!("connect\n > S 0:0(0)\n {script}{end}"));
    // An answer to a SYN is repeated the same way, and then forgotten.
    let script = script.replace("> S 0:0(0)", "> S. 0:0(0) ack 1");
    run(
        &plain(),
        &format!("listen\n < S 0:0(0)\n > S. 0:0(0) ack 1\n {script} +60s state none\n silent\n timeout none"),
    );
}

#[test]
fn tcp_32_a_fin_is_repeated_like_data() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        finish
        > F. 1:1(0) ack 1
        +1s > F. 1:1(0) ack 1
        +2s > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        state FIN-WAIT-2
        timeout none
    "
        ),
    );
}
