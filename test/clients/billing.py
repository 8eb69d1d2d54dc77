"""A billing service in Python: publishes a payment, waits for its end, and reads what an operator would. Prints JSON."""

import json
import sys
import time

import boto3

STAGE, TRANSACTION = sys.argv[1:]
TYPE = "process-payment"

sqs = boto3.resource("sqs")
queue = sqs.get_queue_by_name(QueueName=f"honest-jobs-{STAGE}-{TYPE}")
answer = queue.send_messages(
    Entries=[
        {
            "Id": str(index),
            "MessageBody": json.dumps(
                {
                    "specversion": "1.0",
                    "id": f"{TRANSACTION}-{index}",
                    "source": "/billing",
                    "type": TYPE,
                    "data": data,
                }
            ),
            "MessageAttributes": {"tenant": {"DataType": "String", "StringValue": "acme"}},
        }
        for index, data in enumerate(
            [
                {"transactionId": TRANSACTION, "accountId": "acc-0001", "amountMinor": 700, "currency": "EUR"},
                {"transactionId": TRANSACTION, "accountId": "acc-0001"},
            ]
        )
    ]
)

jobs = boto3.resource("dynamodb").Table(f"honest-jobs-{STAGE}-jobs")
record = {}
while record.get("state") not in ("completed", "dead"):
    time.sleep(0.05)
    record = jobs.get_item(Key={"pk": f"{TYPE}#{TRANSACTION}", "sk": "job"}).get("Item", {})

dead = sqs.get_queue_by_name(QueueName=f"honest-jobs-{STAGE}-{TYPE}-dead")
letters = []
while not letters:
    letters = dead.receive_messages(AttributeNames=["All"], MessageAttributeNames=["All"], WaitTimeSeconds=20)

alarms = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="honest-jobs-")
print(
    json.dumps(
        {
            "accepted": [entry["Id"] for entry in answer["Successful"]],
            "state": record["state"],
            "attempts": int(record["attempts"]),
            "deadLetters": [
                {"id": json.loads(letter.body)["id"], "tenant": letter.message_attributes["tenant"]["StringValue"]}
                for letter in letters
            ],
            "alarms": [alarm["AlarmName"] for page in alarms for alarm in page["MetricAlarms"]],
        }
    )
)
