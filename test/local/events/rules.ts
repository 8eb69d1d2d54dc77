/** A rule's target, and what the queue needs in order to let EventBridge in. */
export function queueTarget(queue: string, fields: object = {}): object {
  return { Id: `to-${queue}`, Arn: { 'Fn::GetAtt': [queue, 'Arn'] }, ...fields };
}

/** A rule, and the policies that let it reach the queues `Queue` and `DeadLetters` and the function `Function`. */
export function rule(logicalId: string, properties: object, { permits = true } = {}): object {
  const SourceArn = { 'Fn::GetAtt': [logicalId, 'Arn'] };
  const policies = {
    [`${logicalId}QueuePolicy`]: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Queue' }],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Action: ['sqs:SendMessage', 'sqs:GetQueueAttributes'],
              Principal: { Service: 'events.amazonaws.com' },
              Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
              Condition: { ArnEquals: { 'aws:SourceArn': SourceArn } },
            },
            {
              Effect: 'Deny',
              Action: 'sqs:*',
              Principal: { AWS: '*' },
              Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        },
      },
    },
    [`${logicalId}Permission`]: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': ['Function', 'Arn'] },
        Principal: 'events.amazonaws.com',
        SourceArn,
      },
    },
  };
  return {
    [logicalId]: { Type: 'AWS::Events::Rule', Properties: { State: 'ENABLED', ...properties } },
    ...(permits && policies),
  };
}
