"""Publishing: what was written to people and feeds goes out on the bus."""
