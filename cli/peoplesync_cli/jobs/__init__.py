"""Commands for what takes longer: import, re-evaluate, reconcile, replay."""
