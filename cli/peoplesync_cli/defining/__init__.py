"""Commands for segments and fields."""
