"""Revenue: money, what a subscription is worth a month, and which one speaks for its customer."""
