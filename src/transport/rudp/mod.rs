//! RUDP connections (layer 3).
