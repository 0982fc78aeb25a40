"""A population of customers who were there before, made only when they are asked for."""
