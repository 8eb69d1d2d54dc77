"""Embedded Metric Format, which CloudWatch reads from a function's log lines and LocalStack does not."""

import json
import logging
import time
from datetime import datetime, timezone

LOG = logging.getLogger(__name__)


def publish(function_id, lines):
    """Puts the metrics that are embedded in the lines, for the function's account and region."""
    from localstack.aws.connect import connect_to

    by_namespace = {}
    for line in lines:
        try:
            document = json.loads(line[line.index("{") :])
            specifications = document["_aws"]["CloudWatchMetrics"]
        except (ValueError, KeyError, TypeError):
            continue
        for specification in specifications:
            by_namespace.setdefault(specification["Namespace"], []).extend(_data(document, specification))
    client = connect_to(aws_access_key_id=function_id.account, region_name=function_id.region).cloudwatch
    for namespace, data in by_namespace.items():
        try:
            client.put_metric_data(Namespace=namespace, MetricData=data)
        except Exception as error:
            LOG.warning("The metrics of %s were not taken: %s", namespace, error)


def _data(document, specification):
    seconds = document["_aws"].get("Timestamp", time.time() * 1000) / 1000
    for names in specification.get("Dimensions") or [[]]:
        dimensions = [{"Name": name, "Value": str(document[name])} for name in names if name in document]
        for metric in specification.get("Metrics", []):
            value = document.get(metric["Name"])
            if value is None:
                continue
            yield {
                "MetricName": metric["Name"],
                "Timestamp": datetime.fromtimestamp(seconds, timezone.utc),
                "Unit": metric.get("Unit", "None"),
                "Dimensions": dimensions,
                **({"Values": value} if isinstance(value, list) else {"Value": value}),
            }
