"""Segments: rules over fields and events, and who they match until when."""
