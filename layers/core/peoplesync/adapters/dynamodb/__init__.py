"""DynamoDB: the tables, and what is kept in them."""
