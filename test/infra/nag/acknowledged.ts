export interface Acknowledged {
  /** The rule, with what it found where it says so. */
  readonly rule: RegExp;
  /** The paths of the constructs, from the stack on. */
  readonly at: RegExp;
  readonly reason: string;
}

/** What cdk-nag says of this app and what is as it shall be, with the reason. */
export const ACKNOWLEDGED: readonly Acknowledged[] = [
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:scheduler:.+:schedule\/honest-jobs-[^/]+\/[a-z-]+-\*\]$/,
    at: /^Jobs\/.+\/Role\/DefaultPolicy\/Resource$/,
    reason:
      'A deferral makes a schedule of a new name each time; all that a consumer makes begin with its type.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::.+Payloads.+\/(step-results|stage-data|report-assets|report-data|reports)\/([a-z-]+\/)?\*\]$/,
    at: /^Jobs\/.+\/Role\/DefaultPolicy\/Resource$/,
    reason:
      'Objects are named by what is in them or by their job; the prefix is all of the bucket that the role reaches.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:states:.+:execution:<[A-Za-z0-9]+\.Name>:\*\]$/,
    at: /^Jobs\/.+\/(Starter|ExecutionEnds)\/Role\/DefaultPolicy\/Resource$/,
    reason: 'An execution is named by its job; the role reaches those of the state machines that concern it.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    at: /^Jobs\/.+\/Machine\/Role\/DefaultPolicy\/Resource$/,
    reason:
      'The actions by which a state machine delivers its logs know no resources: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html',
  },
  {
    rule: /^AwsSolutions-S1$/,
    at: /^State\/Payloads\/Resource$/,
    reason:
      'The functions are the only ones that may read or write here, and each job says what it read and wrote. Who must prove more turns on data events in CloudTrail, which know the caller and not only the address.',
  },
  {
    rule: /^AwsSolutions-SMG4$/,
    at: /^State\/CardProvider\/Resource$/,
    reason:
      'The key is issued by the card provider, in whose console it is changed; nothing here could make a new one.',
  },
  {
    rule: /^AwsSolutions-SMG4$/,
    at: /^State\/Webhooks[A-Za-z]+\/Resource$/,
    reason:
      'The signing secrets are issued by the provider, in whose console they are rolled; nothing here could make new ones.',
  },
  {
    rule: /^(AwsSolutions-SQS3|Serverless-SQSRedrivePolicy)$/,
    at: /^Jobs\/(.+\/DeadLetterQueue|Platform\/ExecutionEnds\/Lost)\/Resource$/,
    reason: 'It is a dead-letter queue: of a queue, or of a function that is invoked asynchronously.',
  },
  {
    rule: /^Serverless-LambdaDLQ$/,
    at: /^Jobs\/.+\/(Consumer|Stage-[a-z-]+\/Function)\/Resource$/,
    reason:
      'Only asynchronous invocations go to a dead-letter target. This function is invoked by a mapping, whose queue has its own, or by a state machine, which tells the failure.',
  },
  {
    rule: /^Serverless-LambdaDLQ$/,
    at: /^Jobs\/WebhookIngress\/Receiver\/Resource$/,
    reason:
      'Only asynchronous invocations go to a dead-letter target. This function is invoked by its URL, and whoever called is told the failure and tries again.',
  },
  {
    rule: /^Serverless-LambdaDLQ$/,
    at: /^Jobs\/.+\/Recorder\/Resource$/,
    reason:
      'What it fails on goes to its on-failure destination, a queue too, with the reason beside the event; a dead-letter target would bring the event alone.',
  },
  {
    rule: /^(Serverless-LambdaTracing|AwsSolutions-SF2|Serverless-StepFunctionStateMachineXray)$/,
    at: /^Jobs\/.+$/,
    reason:
      "A job's story spans days, re-sends and redrives, and X-Ray keeps no trace open for that: it is told by the job's record (npx honest-jobs status). The publisher's traceparent travels in the message for whoever traces.",
  },
  {
    rule: /^Serverless-LambdaEventSourceMappingDestination$/,
    at: /^Jobs\/.+\/Mapping\/Resource$/,
    reason:
      "A mapping of a queue has no failure destination, only those of streams and Kafka have: https://docs.aws.amazon.com/lambda/latest/api/API_OnFailure.html. The queue's redrive policy is it.",
  },
  {
    rule: /^AwsSolutions-SF1$/,
    at: /^Jobs\/.+\/Machine\/Resource$/,
    reason:
      "Step Functions keeps each execution's whole history for 90 days. ALL would pay to log it a second time, line by line.",
  },
];
