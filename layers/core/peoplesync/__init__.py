"""peoplesync: a people database in step with Stripe."""
