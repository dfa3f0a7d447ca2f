//! Who asked a DHCP server what, on a network without broadcast: an answer goes back to where its
//! question came from.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

/// Questions remembered at most.
const LIMIT: usize = 1024;

/// Transactions and where they came from.
#[derive(Debug, Default)]
pub(super) struct Xids {
    askers: VecDeque<(u32, SocketAddrV4)>,
}

/// The transaction id of a DHCP message (RFC 2131 section 2).
fn xid(data: &[u8]) -> Option<u32> {
    data.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}

/// Whether the client of a DHCP message has no address that it answers for: its ciaddr is 0.
pub(super) fn is_without_address(data: &[u8]) -> bool {
    data.get(12..16).is_none_or(|ciaddr| ciaddr == [0; 4])
}

impl Xids {
    /// Remembers a question; false if it is none.
    pub(super) fn remember(&mut self, data: &[u8], from: SocketAddrV4) -> bool {
        let Some(xid) = xid(data) else { return false };
        self.askers.retain(|(other, _)| *other != xid);
        if self.askers.len() == LIMIT {
            self.askers.pop_front();
        }
        self.askers.push_back((xid, from));
        true
    }

    /// Where the question of an answer came from.
    pub(super) fn asker(&self, data: &[u8]) -> Option<SocketAddrV4> {
        let xid = xid(data)?;
        self.askers.iter().rev().find(|(other, _)| *other == xid).map(|(_, from)| *from)
    }
}
