"""Messages: what travels on the queues, how it is packed, and what is left of one that failed."""
