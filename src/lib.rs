//! A deterministic network simulator whose state machines also run on real sockets.
//!
//! Layers, each importing only those above it in this list:
//! [`base`], [`wire`], [`transport`] (its shared parts, then `tcp` and `rudp`), [`proto`],
//! [`node`], [`sim`], [`scenario`], [`observe`], [`report`], [`cli`].
//!
//! # In your own tests
//!
//! A scenario from text, run to its end, and its summary read (the same fields as `summary.json`):
//!
//! ```
//! use twinwire::prelude::*;
//!
//! let scenario = Scenario::parse(
//!     r#"
//!     [link.wan]
//!     rate  = "10 Mbit/s"
//!     delay = "10 ms"
//!     queue = "20 pkt"
//!     [node.sender]
//!     role = "host"
//!     [node.receiver]
//!     role = "host"
//!     [[connect]]
//!     between = ["sender", "receiver"]
//!     link    = "wan"
//!     [[flow]]
//!     name = "bulk"
//!     from = "sender"
//!     to   = "receiver"
//!     size = "500 kB"
//!     "#,
//! );
//! let run = scenario.run()?;
//! let bulk = &run.summary.flows[0];
//! assert_eq!((&*bulk.name, bulk.bytes, bulk.timeouts), ("bulk", 500_000, 0));
//! assert!(run.summary.links[0].max_queue_packets <= 20);
//!
//! // Another seed, another setting, the same bytes: `set` takes what `--set` takes.
//! let stop_and_wait = scenario.clone().set("flow.bulk.transport", "rudp").set("transport.rudp.mode", "stop-and-wait");
//! assert!(stop_and_wait.run()?.summary.virtual_s > 5.0 * run.summary.virtual_s);
//!
//! // Same scenario and seed, same digest.
//! assert_eq!(scenario.run()?.summary.digest, run.summary.digest);
//! # Ok::<(), Refused>(())
//! ```
//!
//! Built piece by piece instead: [`observe::scenario::Scenario`]. A mistake is told as on the
//! command line:
//!
//! ```
//! # use twinwire::prelude::*;
//! let refused = Scenario::new("A typo").node("phone", "usr", &[]).run().unwrap_err();
//! assert!(refused.to_string().contains("did you mean `user`?"));
//! ```
//!
//! # One machine by hand
//!
//! The state machines know neither clock nor socket: hand them segments and the time, take
//! segments and the time of the next call. Here the first SYN of an RUDP connection is lost, and
//! its timer sends it again:
//!
//! ```
//! use twinwire::base::rng::Seed;
//! use twinwire::prelude::*;
//! use twinwire::transport::endpoint::{Endpoint, EndpointEvent};
//! use twinwire::transport::rudp::{RudpConfig, RudpEndpoint};
//! use twinwire::transport::stream::StreamEvent;
//!
//! let config = RudpConfig::default();
//! let mut client = RudpEndpoint::new(Seed(1).stream("client"));
//! let mut server = RudpEndpoint::new(Seed(1).stream("server"));
//! server.listen(80, &config);
//! let (here, there) = ("10.0.0.1:50000".parse()?, "10.0.0.2:80".parse()?);
//! let connection = client.connect(Instant::ZERO, here, there, &config, "mine".into());
//!
//! let lost = client.poll_transmit(Instant::ZERO).expect("a SYN");
//! assert!(lost.segment.flags.syn);
//! assert!(client.poll_transmit(Instant::ZERO).is_none());
//! let now = client.poll_timeout().expect("a timer runs");
//! assert_eq!(now, Instant::ZERO + Duration::from_secs(1));
//! client.handle_timeout(now);
//!
//! // From here on nothing is lost, and nothing takes any time.
//! loop {
//!     let out = client.poll_transmit(now).map(|o| (true, o)).or_else(|| server.poll_transmit(now).map(|o| (false, o)));
//!     let Some((to_server, out)) = out else { break };
//!     let taken = if to_server { &mut server } else { &mut client }.handle_segment(now, out.src, out.dst, out.segment);
//!     assert!(taken);
//! }
//! assert_eq!(client.poll_event(), Some(EndpointEvent::Stream(connection, StreamEvent::Connected)));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

pub mod base;
pub mod cli;
pub mod live;
pub mod node;
pub mod observe;
pub mod prelude;
pub mod proto;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod transport;
pub mod wire;
