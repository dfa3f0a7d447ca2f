//! Closing a connection: RFC 9293 sections 3.6, 3.10.4 and 3.10.5, TIME-WAIT and its reopening.

use crate::bench::plain;
use crate::trace::{OPEN, run};
use twinwire::base::time::Duration;
use twinwire::transport::tcp::TcpConfig;

/// As far as TIME-WAIT, both FINs sent.
const CLOSED_BY_US: &str = "
    finish
    > F. 1:1(0) ack 1
    < . 1:1(0) ack 2
    state FIN-WAIT-2
    < F. 1:1(0) ack 2
    > . 2:2(0) ack 2
    state TIME-WAIT
";

#[test]
fn tcp_04_simultaneous_close() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        finish
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 1
        > . 2:2(0) ack 2
        state CLOSING
        < . 2:2(0) ack 2
        state TIME-WAIT
        silent
    "
        ),
    );
}

#[test]
fn tcp_05_normal_close_active() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        finish
        > F. 1:1(0) ack 1
        state FIN-WAIT-1
        < . 1:1(0) ack 2
        state FIN-WAIT-2
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        state TIME-WAIT
        +240s state CLOSED
        end finished
    "
        ),
    );
    // The FIN that acknowledges ours skips FIN-WAIT-2.
    run(
        &plain(),
        &format!(
            "{OPEN}
        finish
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        state TIME-WAIT
    "
        ),
    );
}

#[test]
fn tcp_05_normal_close_passive() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        state CLOSE-WAIT
        read 0
        finish
        > F. 1:1(0) ack 2
        state LAST-ACK
        < . 2:2(0) ack 2
        state CLOSED
        end finished
        silent
        timeout none
    "
        ),
    );
}

#[test]
fn tcp_06_a_fin_ahead_of_a_gap_waits() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001
        < F. 2001:2001(0) ack 1
        > . 1:1(0) ack 1001
        state ESTABLISHED
        < . 1001:2001(1000) ack 1
        > . 1:1(0) ack 2002
        state CLOSE-WAIT
        read 2000
        read 0
    "
        ),
    );
}

#[test]
fn tcp_06_nothing_lies_behind_a_fin() {
    // Data beyond the FIN came before it, or overlaps it: the stream ends at the FIN.
    run(
        &plain(),
        &format!(
            "{OPEN}
        < F. 101:101(0) ack 1
        > . 1:1(0) ack 1
        < . 101:201(100) ack 1
        > . 1:1(0) ack 1
        < . 1:151(150) ack 1
        > . 1:1(0) ack 102
        state CLOSE-WAIT
        read 100
        read 0
    "
        ),
    );
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 101:201(100) ack 1
        > . 1:1(0) ack 1
        < F. 51:101(50) ack 1
        > . 1:1(0) ack 1
        < . 1:51(50) ack 1
        > . 1:1(0) ack 102
        state CLOSE-WAIT
        read 100
        read 0
        < . 102:202(100) ack 1      # section 3.10.7.4: the text is ignored
        state CLOSE-WAIT
        unread 0
    "
        ),
    );
}

#[test]
fn tcp_07_half_close() {
    let mut script = format!(
        "{OPEN}
        finish
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        state FIN-WAIT-2
    "
    );
    for n in 0..5 {
        let (from, to) = (1 + 1000 * n, 1001 + 1000 * n);
        script += &format!("< . {from}:{to}(1000) ack 2\n > . 2:2(0) ack {to}\n");
    }
    run(&plain(), &(script + "read 5000\n state FIN-WAIT-2\n timeout none"));
    // CLOSE-WAIT sends for as long as it likes.
    run(
        &plain(),
        &format!(
            "{OPEN}
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        +100000s write 1000
        > P. 1:1001(1000) ack 2
        < . 2:2(0) ack 1001
        +100000s write 10
        > P. 1001:1011(10) ack 2
        < . 2:2(0) ack 1011
        state CLOSE-WAIT
    "
        ),
    );
}

#[test]
fn tcp_08_close_with_unread_data_resets() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:11(10) ack 1
        > . 1:1(0) ack 11
        close
        > R. 1:1(0) ack 11
        state CLOSED
        end aborted
        silent
    "
        ),
    );
    // So does data that arrives when nobody will read it.
    run(
        &plain(),
        &format!(
            "{OPEN}
        close
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        < . 1:11(10) ack 2
        > R. 2:2(0) ack 1
        state CLOSED
    "
        ),
    );
    // With everything read it is an orderly end.
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:11(10) ack 1
        > . 1:1(0) ack 11
        read 10
        close
        > F. 1:1(0) ack 11
        < F. 11:11(0) ack 2
        > . 2:2(0) ack 12
        state TIME-WAIT
    "
        ),
    );
}

#[test]
fn tcp_09_time_wait_lasts_two_msl_and_a_fin_restarts_it() {
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_BY_US}
        timeout 240s
        +239s state TIME-WAIT
        +1s state CLOSED
        silent
    "
        ),
    );
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_BY_US}
        +90s < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        timeout 240s
        +239s state TIME-WAIT
        +1s state CLOSED
    "
        ),
    );
    run(&TcpConfig { time_wait: Duration::from_secs(60), ..plain() }, &format!("{OPEN}{CLOSED_BY_US}\n timeout 60s"));
}

#[test]
fn tcp_09_close_in_time_wait_changes_nothing() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        finish
        > F. 1:1(0) ack 1
        < F. 1:11(10) ack 2
        > . 2:2(0) ack 12
        state TIME-WAIT
        close
        silent
        state TIME-WAIT
        timeout 240s
        abort
        silent
        state CLOSED
    "
        ),
    );
}

#[test]
fn tcp_10_time_wait_makes_way_for_a_later_syn() {
    let reopened = "
        > S. 65539:65539(0) ack 1001
        < . 1001:1001(0) ack 65540
        accept
        state ESTABLISHED
    ";
    // RCV.NXT is 2, SND.NXT 2.
    run(&plain(), &format!("{OPEN}{CLOSED_BY_US}\n < S 1000:1000(0) win 1000 {reopened}"));
    run(&plain(), &format!("{OPEN}{CLOSED_BY_US}\n < S 3:3(0)\n > S. 65539:65539(0) ack 4"));
    for old in [2, 1, 0, -1000] {
        run(
            &plain(),
            &format!(
                "{OPEN}{CLOSED_BY_US}
            < S {old}:{old}(0)
            > . 2:2(0) ack 2
            silent
            state TIME-WAIT
        "
            ),
        );
    }
    // Nobody listens: the connection was opened from here.
    run(
        &plain(),
        &format!(
            "
        connect
        > S 0:0(0)
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        {CLOSED_BY_US}
        < S 1000:1000(0)
        > . 2:2(0) ack 2
    "
        ),
    );
}

#[test]
fn tcp_10_a_later_timestamp_will_do() {
    let config = TcpConfig { timestamps: true, ..plain() };
    let ended = "
        listen
        < S 0:0(0) <mss 1012,TS 100 0>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1 <TS 100 0>
        accept
        finish
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2 <TS 200 0>
        > . 2:2(0) ack 2 <TS 0 200>
        state TIME-WAIT
    ";
    run(&config, &format!("{ended}\n < S -500:-500(0) <TS 201 0>\n > S. 65539:65539(0) ack -499"));
    run(&config, &format!("{ended}\n < S -500:-500(0) <TS 200 0>\n > . 2:2(0) ack 2"));
    run(&config, &format!("{ended}\n < S 500:500(0) <TS 200 0>\n > S. 65539:65539(0) ack 501"));
    run(&config, &format!("{ended}\n < S 500:500(0) <TS 199 0>\n > . 2:2(0) ack 2"));
    run(&config, &format!("{ended}\n < S 500:500(0)\n > S. 65539:65539(0) ack 501"));
}

#[test]
fn tcp_11_time_wait_ignores_resets() {
    run(
        &plain(),
        &format!(
            "{OPEN}{CLOSED_BY_US}
        +10s < R 2:2(0)
        < R. 2:2(0) ack 2
        silent
        state TIME-WAIT
        timeout 230s
    "
        ),
    );
}
