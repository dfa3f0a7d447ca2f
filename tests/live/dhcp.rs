//! DHCP clients that nobody here wrote, in network namespaces where root allows.
