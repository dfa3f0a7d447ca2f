//! HTTP/1.1 (RFC 9110, RFC 9112) as sans-IO machines: bytes in, messages out, and back. The
//! profile is strict: what two parsers could read differently is refused.

pub mod chunked;
pub mod client;
pub mod condition;
pub mod date;
pub mod digest;
pub mod fields;
pub mod head;
pub mod range;
pub mod redirect;
pub mod request;
pub mod response;
pub mod retry;
pub mod server;
pub mod url;

#[cfg(test)]
mod tests;
