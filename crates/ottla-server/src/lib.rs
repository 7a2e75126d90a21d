//! What clients ask: dispatch, and one file for each API key.
