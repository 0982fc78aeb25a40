"""The HTTP server: addresses, keys, limits, lists and expansion."""
