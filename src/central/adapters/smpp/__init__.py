"""Short messages over SMPP 3.4 (SMPP Protocol Specification v3.4, issue 1.2): a session without I/O and a thin shell around it."""
