"""What LocalStack needs in order to run on this machine without Docker: functions as Node processes, Java and DynamoDB Local as installed."""
