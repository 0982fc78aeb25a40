"""AWS other than DynamoDB: SQS, SSM, EventBridge, Step Functions, Lambda, S3 and CloudWatch."""
