"""What runs by the clock: the reconciler and the sweep."""
