"""What became of a batch: each message's disposition, and what is measured of it."""
