"""Parameters of requests: Stripe's nested encoding, read with its own errors."""
