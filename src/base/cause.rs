//! The words for what happened and why: closed vocabularies, one word each.

/// Declares a unit enum whose variants have stable words, so that traces, CSV files and the digest
/// speak of them alike.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }
        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// The word used in traces and files.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// Why a packet was thrown away.
    DropCause {
        /// The queue had no room.
        QueueFull = "queue-full",
        /// An active queue manager chose it.
        QueueManaged = "queue-managed",
        /// The link's loss model chose it.
        Loss = "loss",
        /// The link was down.
        LinkDown = "link-down",
        /// The node it arrived at was crashed.
        NodeDown = "node-down",
        /// No route to its destination.
        NoRoute = "no-route",
        /// Its time to live ran out at a router.
        TtlExpired = "ttl-expired",
        /// The host it reached has another address.
        NotMine = "not-mine",
        /// Nothing listens at its port.
        NoListener = "no-listener",
        /// It did not survive encoding and decoding.
        Malformed = "malformed",
    }
}

words! {
    /// Why a data segment was sent.
    SendCause {
        /// For the first time.
        New = "new",
        /// RFC 3042: on the first or second duplicate ACK.
        LimitedTransmit = "limited-transmit",
        /// Third duplicate ACK, or the scoreboard says lost.
        FastRetransmit = "fast-retransmit",
        /// A further hole repaired during recovery.
        Recovery = "recovery",
        /// The retransmission timer expired.
        Timeout = "rto",
        /// RFC 8985 tail loss probe.
        TailLossProbe = "tail-loss-probe",
        /// Zero-window probe.
        WindowProbe = "window-probe",
        /// Keep-alive probe.
        KeepAlive = "keep-alive",
    }
}

words! {
    /// Why the congestion window or its surroundings changed.
    WindowCause {
        /// The connection was established.
        Start = "start",
        /// An ACK of new data.
        Ack = "ack",
        /// A duplicate ACK inflated the window.
        DuplicateAck = "dup-ack",
        /// A loss was found: ssthresh and cwnd were cut.
        Loss = "loss",
        /// A partial ACK during recovery.
        PartialAck = "partial-ack",
        /// Recovery ended.
        Recovered = "recovered",
        /// The retransmission timer expired.
        Timeout = "rto",
        /// The sender had been idle.
        Idle = "idle",
        /// A reduction was found to have been needless, and undone.
        Undo = "undo",
    }
}

words! {
    /// Where a congestion controller is.
    Phase {
        /// cwnd < ssthresh.
        SlowStart = "slow-start",
        /// cwnd >= ssthresh.
        CongestionAvoidance = "congestion-avoidance",
        /// Fast recovery: a loss is being repaired.
        Recovery = "recovery",
        /// After a retransmission timeout, until what was out then is acknowledged.
        Loss = "loss",
    }
}

words! {
    /// A connection's timers.
    Timer {
        /// Retransmission timeout (RFC 6298).
        Retransmission = "rto",
        /// Zero-window probe.
        Persist = "persist",
        /// Tail loss probe (RFC 8985).
        TailLossProbe = "tlp",
        /// RACK reordering timer (RFC 8985), or RUDP's time threshold.
        Reordering = "reordering",
        /// Delayed acknowledgement.
        DelayedAck = "delayed-ack",
        /// Keep-alive.
        KeepAlive = "keep-alive",
        /// TIME-WAIT.
        TimeWait = "time-wait",
        /// User timeout.
        User = "user",
        /// No packet for the idle time.
        Idle = "idle",
    }
}

words! {
    /// Why a connection is over.
    CloseReason {
        /// Both directions finished.
        Finished = "finished",
        /// The peer reset it.
        Reset = "reset",
        /// The peer refused to open it.
        Refused = "refused",
        /// The peer stopped answering.
        TimedOut = "timed-out",
        /// This end's application gave it up.
        Aborted = "aborted",
        /// The peer broke the protocol.
        ProtocolError = "protocol-error",
    }
}

words! {
    /// What happened to a lease.
    LeaseChange {
        /// The client asked for any address.
        Discovered = "discovered",
        /// The server offered it.
        Offered = "offered",
        /// The client asked for this address.
        Requested = "requested",
        /// The client has it, or the server gave it, for the first time.
        Granted = "granted",
        /// T1 passed: the client asks its server again.
        Renewing = "renewing",
        /// T2 passed: the client asks every server.
        Rebinding = "rebinding",
        /// It was extended.
        Renewed = "renewed",
        /// The client gave it back.
        Released = "released",
        /// Its time ran out.
        Expired = "expired",
        /// The server refused it.
        Refused = "refused",
        /// The client found it in use.
        Declined = "declined",
        /// The pool had no address left.
        Exhausted = "exhausted",
    }
}

words! {
    /// What happened to a DNS question.
    NameChange {
        /// Sent to a server.
        Asked = "asked",
        /// Sent again.
        Retried = "retried",
        /// Answered by a server.
        Answered = "answered",
        /// Answered from the cache.
        CacheHit = "cache-hit",
        /// The name does not exist.
        NotFound = "nxdomain",
        /// No server gave an answer.
        Failed = "failed",
    }
}

words! {
    /// What happened to an HTTP exchange.
    HttpChange {
        /// A request was sent.
        Requested = "requested",
        /// A request was received.
        Received = "received",
        /// A response was sent.
        Answered = "answered",
        /// A redirect was followed.
        Redirected = "redirected",
        /// The whole response arrived.
        Completed = "completed",
        /// The exchange failed.
        Failed = "failed",
    }
}
