//! PRR: RFC 9937. Every ACK of a recovery, what it lets go, and the window after it.

use twinwire::transport::tcp::TcpConfig;

use crate::sender::{Script, racking, sacking};

/// 16 out, the first one lost unless said otherwise, and data without end.
fn sixteen() -> Script {
    Script::new(&TcpConfig { prr: true, ..sacking(16) }, 60)
}

#[test]
fn prr_01_recover_fs_leaves_out_what_was_sacked() {
    let mut t = sixteen();
    assert_eq!([t.sack(1, &[(2, 3)]), t.sack(1, &[(2, 4)])], ["N17", "N18"]);
    assert_eq!(t.sack(1, &[(2, 5)]), "R1");
    // RecoverFS = 18 - 2 = 16. pipe is 18 - 3 - 1 lost = 14, SndCnt = ceil(1 * 8 / 16) = 1. With RFC 6937's 18
    // the ninth SACK would let nothing go: ceil(9 * 8 / 16) = 5, but ceil(9 * 8 / 18) = 4.
    assert_eq!((t.cwnd(), t.ssthresh()), (15_000, Some(8000)));
    let sent: Vec<String> = (5..=12).map(|k| t.sack(1, &[(2, k + 1)])).collect();
    assert_eq!(sent, ["", "N19", "", "N20", "", "N21", "", "N22"], "nine have let five go");
}

#[test]
fn prr_02_the_window_falls_with_what_is_delivered() {
    let mut t = sixteen();
    let (mut sent, mut cwnds) = (Vec::new(), Vec::new());
    for k in 2..=16 {
        sent.push(t.sack(1, &[(2, k + 1)]));
        cwnds.push(t.cwnd() / 1000);
    }
    assert_eq!(sent, ["N17", "N18", "R1", "", "N19", "", "N20", "", "N21", "", "N22", "", "N23", "", ""]);
    assert_eq!(cwnds, [16, 16, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 8]);
}

#[test]
fn prr_03_below_ssthresh_it_catches_up() {
    let mut t = sixteen();
    let mut sent: Vec<String> = (12..=16).map(|k| t.sack(1, &[(12, k + 1)])).collect();
    // What limited transmit sent arrives, then the repeats, each with an ACK that is safe.
    sent.extend((17..=18).map(|k| t.sack(1, &[(12, k + 1)])));
    sent.extend((2..=6).map(|k| t.sack(k, &[(12, 19)])));
    assert_eq!(sent, ["N17", "N18", "R1", "R2", "R3", "R4", "R5", "R6 R7", "R8 R9", "R10 R11", "N19", "N20"]);
    assert_eq!((t.ssthresh(), t.snapshot().pipe), (Some(8000), 8000));
}

#[test]
fn prr_03_an_ack_that_tells_of_a_further_loss_is_not_safe() {
    // As above, but with 13 lost, too: RFC 6675 finds that when three lie above it.
    let mut t = sixteen();
    let above = |k: u64| if k > 13 { vec![(14, k + 1), (12, 13)] } else { vec![(12, k + 1)] };
    assert_eq!([12, 14, 15].map(|k| t.sack(1, &above(k))), ["N17", "N18", "R1"]);
    // The ACK that advances to 2 also brings 16: 13 is lost now. Two are delivered, two go; a safe ACK would have let go
    // of three.
    assert_eq!(t.sack(2, &above(16)), "R2 R3");
    assert_eq!(t.sack(3, &above(16)), "R4 R5", "this one is safe: one delivered, one more on top");
}

#[test]
fn prr_04_the_first_ack_of_recovery_lets_one_go() {
    // The reordering timer begins a recovery without an ACK: nothing is delivered, SndCnt is 0, and
    // still one goes.
    let mut t = Script::new(&TcpConfig { prr: true, ..racking(10) }, 10);
    t.until(100);
    assert_eq!(t.sack(1, &[(3, 5)]), "");
    assert_eq!(t.until(130), ["125 R1"]);
}

#[test]
fn prr_05_recovery_ends_at_ssthresh() {
    let mut t = sixteen();
    for k in 2..=18 {
        t.sack(1, &[(2, k + 1)]);
    }
    t.ack(19);
    assert_eq!((t.cwnd(), t.ssthresh(), t.snapshot().recovery_point), (8000, Some(8000), None));
}

#[test]
fn prr_06_what_is_delivered_counts_once() {
    // 1 and 3 lost; recovery begins with the SACK of 5.
    let mut t = sixteen();
    assert_eq!([t.sack(1, &[(2, 3)]), t.sack(1, &[(4, 5), (2, 3)])], ["N17", "N18"]);
    assert_eq!(t.sack(1, &[(4, 6), (2, 3)]), "R1");
    // The repeat of 1 moves SND.UNA by two, of which one was SACKed before: two are delivered in this
    // recovery, ceil(2 * 8 / 16) = 1, and one is out. Three would let another go.
    assert_eq!(t.sack(3, &[(4, 6)]), "");
    assert_eq!(t.sack(3, &[(4, 7)]), "R3", "three: ceil(3 * 8 / 16) = 2");
    // A DSACK delivers nothing: of the next two ACKs the second lets one go, not the first.
    assert_eq!(t.sack(3, &[(1, 2), (4, 7)]), "");
    assert_eq!([t.sack(3, &[(4, 8)]), t.sack(3, &[(4, 9)])], ["", "N19"]);
}
