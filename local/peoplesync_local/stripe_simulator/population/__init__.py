"""A population of existing customers, generated on demand."""
