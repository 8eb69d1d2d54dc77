import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';

/**
 * SDKs from before November 2023 send forms and read XML. Current ones, boto3 and both AWS CLIs among them, speak JSON, so
 * the older protocol is only answered with the reason, in the form that an old SDK shows.
 */
export function refuseQueryProtocol({ headers }: ServiceRequest): ServiceResponse | undefined {
  if (!headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return undefined;
  return {
    status: 400,
    headers: { 'content-type': 'text/xml' },
    body:
      '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>' +
      '<Code>UnsupportedOperation</Code><Message>The local cloud speaks the AWS JSON protocol for SQS. ' +
      'This SDK or CLI sends the older query protocol: use a version of 2024 or later.</Message></Error></ErrorResponse>',
  };
}
