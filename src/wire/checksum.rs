//! The Internet checksum (RFC 1071) and CRC-32C (RFC 3720 appendix B.4).
