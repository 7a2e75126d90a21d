//! Launchers, clients and fixtures that the test crates share.
