"""People in DynamoDB: written by the worker, read by everybody else."""
