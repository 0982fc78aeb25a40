"""Queries: people, feeds, segments and fields, for reading."""
