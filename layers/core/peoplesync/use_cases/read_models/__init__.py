"""Read models, kept from the stream of people: counts, history, movements, search."""
