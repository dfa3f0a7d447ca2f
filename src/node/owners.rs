//! Which app a connection belongs to, by the connection's place in its endpoint's table.

use super::app::AppConn;

#[derive(Clone, Copy, Debug)]
struct Owner {
    generation: u32,
    app: Option<u32>,
}

/// Apps by connection.
#[derive(Debug, Default)]
pub(super) struct Owners {
    // One list for each transport.
    lists: [Vec<Owner>; 2],
}

impl Owners {
    pub(super) fn insert(&mut self, conn: AppConn, app: usize) {
        let (list, index) = (&mut self.lists[conn.transport as usize], conn.id.index as usize);
        if list.len() <= index {
            list.resize(index + 1, Owner { generation: 0, app: None });
        }
        list[index] = Owner { generation: conn.id.generation, app: Some(app as u32) };
    }

    pub(super) fn get(&self, conn: AppConn) -> Option<usize> {
        let owner = self.lists[conn.transport as usize].get(conn.id.index as usize)?;
        owner.app.filter(|_| owner.generation == conn.id.generation).map(|app| app as usize)
    }

    pub(super) fn remove(&mut self, conn: AppConn) {
        if self.get(conn).is_some() {
            self.lists[conn.transport as usize][conn.id.index as usize].app = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::TransportKind;
    use crate::transport::endpoint::ConnId;

    #[test]
    fn a_place_has_one_tenant_at_a_time() {
        let conn = |transport, generation| AppConn { transport, id: ConnId { index: 3, generation } };
        let (old, new) = (conn(TransportKind::Tcp, 0), conn(TransportKind::Tcp, 1));
        let mut owners = Owners::default();
        owners.insert(old, 5);
        assert_eq!((owners.get(old), owners.get(new)), (Some(5), None));
        assert_eq!(owners.get(conn(TransportKind::Rudp, 0)), None);
        owners.insert(new, 6);
        owners.remove(old);
        assert_eq!((owners.get(old), owners.get(new)), (None, Some(6)));
        owners.remove(new);
        assert_eq!(owners.get(new), None);
    }
}
