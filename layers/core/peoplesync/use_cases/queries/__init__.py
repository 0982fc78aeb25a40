"""Queries: people, feeds, segments and fields for those who look."""
