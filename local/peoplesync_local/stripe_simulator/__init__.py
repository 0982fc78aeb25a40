"""A simulator of Stripe's API: stateful, with a clock that can be moved, spoken to by Stripe's own client."""
