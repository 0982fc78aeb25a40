"""Commands that connect a Stripe account, and keys for the app."""
