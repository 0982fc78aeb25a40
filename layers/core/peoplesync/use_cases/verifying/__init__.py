"""Verifying: whether the records are what Stripe says."""
