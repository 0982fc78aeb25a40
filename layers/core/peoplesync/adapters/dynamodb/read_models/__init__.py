"""Read models in DynamoDB."""
