//! The event loop, with nodes made for the test (row SYS-06).

use std::cell::RefCell;
use std::rc::Rc;

use twinwire::base::note::Nobody;
use twinwire::base::report::NodeReport;
use twinwire::base::time::{Duration, Instant};
use twinwire::node::node::{Ctx, Input, Node, Status};
use twinwire::sim::fault::{Change, Fault};
use twinwire::sim::network::Network;

type Log = Rc<RefCell<Vec<(u32, u64)>>>;

/// Asks to be woken each 10 ms, every third time for a moment that has passed.
struct Clockwork {
    life: u32,
    wake: Option<Instant>,
    log: Log,
}

impl Node for Clockwork {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        if let Input::Wake = input {
            self.log.borrow_mut().push((self.life, now.as_nanos() / 1_000_000));
        }
        let woken = self.log.borrow().len();
        self.wake = if woken % 3 == 2 { Some(Instant::ZERO) } else { Some(now + Duration::from_millis(10)) };
    }
    fn next_wake(&self) -> Option<Instant> {
        self.wake
    }
    fn status(&self) -> Status {
        Status::Done
    }
    fn report(&self) -> NodeReport {
        NodeReport::default()
    }
}

#[test]
fn sys_06_no_event_lies_in_the_past_and_timers_go_with_their_owner() {
    let log = Log::default();
    let mut network = Network::new(Nobody);
    let for_node = log.clone();
    let id = network.add_node(Box::new(move |life| Box::new(Clockwork { life, wake: None, log: for_node.clone() })));
    let at = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
    let crash =
        |ms, down: bool| Fault { at: at(ms), what: "crashed".into(), ends: !down, change: Change::Crashed(id, down) };
    network.set_faults(vec![crash(45, true), crash(100, false)]);
    network.start();
    let mut last = Instant::ZERO;
    while network.step(at(125)) {
        assert!(network.now() >= last);
        last = network.now();
    }
    // Woken at 10 and 20; the wake for 0 comes at 20 too. The crash takes the wake of 50 along, and the
    // next life begins at 100.
    let woken = log.borrow().clone();
    assert_eq!(woken, [(0, 10), (0, 20), (0, 20), (0, 30), (0, 40), (0, 40), (1, 110), (1, 120), (1, 120)]);
}
