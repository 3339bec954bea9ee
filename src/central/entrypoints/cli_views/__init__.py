"""What commands show to a person: pure functions from values of reporting to rich renderables; nothing is read or printed here."""
