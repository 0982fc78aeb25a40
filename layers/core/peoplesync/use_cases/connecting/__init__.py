"""Connecting: from a restricted key to a connection with its endpoint and secrets, and back."""
