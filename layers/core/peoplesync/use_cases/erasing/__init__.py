"""Erasing: a person is removed for good, and a receipt says what was."""
