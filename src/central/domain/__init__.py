"""What things are and which moves are lawful: frozen values and pure functions, no I/O, no clock, no randomness."""
