"""People: records brought together by identity, and the fold that everything goes through."""
