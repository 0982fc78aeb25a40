"""What the use cases need of the world: DynamoDB, SQS, SSM, Stripe's API, the clock."""
