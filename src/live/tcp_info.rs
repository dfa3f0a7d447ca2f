//! What the system's TCP tells of a connection (tcp(7), TCP_INFO). The second file with `unsafe`: no
//! library in reach wraps the call.

use std::mem::{MaybeUninit, size_of};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;

use crate::base::time::Duration;
use crate::transport::kernel::SenderInfo;

/// `tcpi_snd_ssthresh` of a connection that has found no loss.
const UNLIMITED: u32 = 0x7fff_ffff;
/// States of `tcpi_ca_state`.
const RECOVERY: u8 = 3;
const LOSS: u8 = 4;

/// How the sender of `stream` stands, and whether it has nothing out and nothing to send.
#[expect(unsafe_code, reason = "no library in reach wraps TCP_INFO")]
pub(super) fn sender_info(stream: &TcpStream) -> Option<(SenderInfo, bool)> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the system writes at most `length` bytes into `info`, which has as many.
    let failed = unsafe {
        let place = info.as_mut_ptr().cast();
        libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, place, &mut length)
    };
    if failed != 0 {
        return None;
    }
    // SAFETY: it holds integers only, for which zeros, and whatever the system wrote, are values.
    let info = unsafe { info.assume_init() };
    let (mss, number) = (u64::from(info.tcpi_snd_mss), |n: u32| u64::from(n));
    let micros = |n: u32| Some(Duration::from_micros(u64::from(n))).filter(|_| n > 0 && n < u32::MAX);
    let out = (number(info.tcpi_unacked) + number(info.tcpi_retrans))
        .saturating_sub(number(info.tcpi_sacked) + number(info.tcpi_lost));
    let sender = SenderInfo {
        cwnd_bytes: number(info.tcpi_snd_cwnd) * mss,
        ssthresh_bytes: Some(number(info.tcpi_snd_ssthresh) * mss).filter(|_| info.tcpi_snd_ssthresh < UNLIMITED),
        in_flight_bytes: out * mss,
        srtt: micros(info.tcpi_rtt),
        min_rtt: micros(info.tcpi_min_rtt),
        rto: Duration::from_micros(number(info.tcpi_rto)),
        recovering: info.tcpi_ca_state == RECOVERY,
        timed_out: info.tcpi_ca_state == LOSS,
        segments_sent: number(info.tcpi_data_segs_out),
        retransmits: number(info.tcpi_total_retrans),
        // Systems before Linux 6.7 leave it at zero.
        timeouts: u64::from(info.tcpi_total_rto),
    };
    Some((sender, info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0))
}
