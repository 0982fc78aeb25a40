"""Fields: what is known of a person, as values to read, compare and filter by."""
