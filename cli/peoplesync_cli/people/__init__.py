"""Commands about people: look, verify, erase."""
