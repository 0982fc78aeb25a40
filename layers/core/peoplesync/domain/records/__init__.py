"""Records: one Stripe customer, or one user of the app, folded from what changed."""
