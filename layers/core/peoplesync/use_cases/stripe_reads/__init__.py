"""Reading from Stripe: lists of events, and how fast it may be asked."""
