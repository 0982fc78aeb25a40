"""One account: its objects, its clock, and what happens by it."""
