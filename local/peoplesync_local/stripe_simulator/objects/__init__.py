"""Stripe's objects as plain JSON, in the shape of one API version."""
