//! How a client behaves where the RFC leaves it a choice.

use crate::base::time::Duration;

/// The choices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// Option 61; left out, the server goes by the hardware address.
    pub client_id: Option<Vec<u8>>,
    /// Option 12: what the client calls itself.
    pub host_name: Option<String>,
    /// The lease to ask for in seconds (option 51).
    pub lease_secs: Option<u32>,
    /// Whether to wait 1 to 10 s at random before the first DISCOVER (RFC 2131 section 4.4.1).
    pub initial_wait: bool,
    /// Whether replies must be broadcast: true where no unicast is received before the interface has
    /// its address (section 4.1).
    pub broadcast: bool,
    /// How long a new address is probed for another owner before it is used (section 4.4.1,
    /// RFC 5227 section 2.1); zero: not at all.
    pub probe: Duration,
    /// Whether to ask for a lease in two messages (RFC 4039).
    pub rapid_commit: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            client_id: None,
            host_name: None,
            lease_secs: None,
            initial_wait: false,
            broadcast: true,
            probe: Duration::ZERO,
            rapid_commit: false,
        }
    }
}
