"""Adapters for what the use cases need: DynamoDB, SQS, SSM, Stripe's API, the clock."""
