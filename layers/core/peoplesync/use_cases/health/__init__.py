"""Health: whether people are in step with Stripe, and what to do where they are not."""
