import { type CfnResource, Stack } from 'aws-cdk-lib';
import { NagMessageLevel, NagPack, NagRuleCompliance, type NagRuleResult } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { type AppResource, AppResources } from '../../../infra/checks/app-resources.ts';

const QUEUE = 'AWS::SQS::Queue';
const POLICY = 'AWS::SQS::QueuePolicy';
const MAPPING = 'AWS::Lambda::EventSourceMapping';
const TABLE = 'AWS::DynamoDB::GlobalTable';

/** SQS's own, where a template says none. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html */
const DEFAULT_RETENTION_SECONDS = 345_600;

interface Rule {
  readonly id: string;
  readonly type: string;
  readonly info: string;
  readonly explanation: string;
  readonly complies: (resource: AppResource, resources: AppResources) => boolean;
}

/** What cdk-nag's own packs pass over. */
const RULES: readonly Rule[] = [
  {
    id: 'PointInTimeRecovery',
    type: TABLE,
    info: 'A replica of the table has no point-in-time recovery.',
    explanation: "cdk-nag's DDB3 knows AWS::DynamoDB::Table, and TableV2 makes AWS::DynamoDB::GlobalTable.",
    complies: ({ properties }) =>
      (
        properties.Replicas as {
          PointInTimeRecoverySpecification?: { PointInTimeRecoveryEnabled?: unknown };
        }[]
      ).every(
        ({ PointInTimeRecoverySpecification: recovery }) => recovery?.PointInTimeRecoveryEnabled === true,
      ),
  },
  {
    id: 'OpenQueue',
    type: POLICY,
    info: 'The queue policy lets anybody send.',
    explanation: "cdk-nag's SQS rules look for TLS alone.",
    complies: ({ properties }) => ![properties.PolicyDocument.Statement].flat().some(letsAnybodySend),
  },
  {
    id: 'RedriveAllow',
    type: QUEUE,
    info: 'The dead-letter queue takes letters of any queue of the account.',
    explanation: 'Without byQueue, letters of another queue lie among those that a redrive moves.',
    complies: (queue, resources) =>
      sourcesOf(queue, resources).length === 0 ||
      queue.properties.RedriveAllowPolicy?.redrivePermission === 'byQueue',
  },
  {
    id: 'DeadLetterRetention',
    type: QUEUE,
    info: 'The dead-letter queue keeps a letter no longer than its source kept the message.',
    explanation: "A letter's age counts from its first enqueue, so it would be gone as it arrives.",
    complies: (queue, resources) =>
      sourcesOf(queue, resources).every((source) => retentionOf(queue) > retentionOf(source)),
  },
  {
    id: 'PartialBatches',
    type: MAPPING,
    info: 'The mapping of a queue reports no partial batch responses.',
    explanation: 'One failed message makes its whole batch run again.',
    complies: (mapping, resources) =>
      targetOf(mapping, mapping.properties.EventSourceArn, resources) === undefined ||
      [mapping.properties.FunctionResponseTypes ?? []].flat().includes('ReportBatchItemFailures'),
  },
];

/** Rules of our own, as a pack like cdk-nag's, for an app that is synthesized. */
export class HonestJobsChecks extends NagPack {
  readonly name = 'HonestJobs';
  readonly #resources: AppResources;
  readonly #rules: readonly Rule[];

  /** @param production whether tables must be restorable */
  constructor(app: IConstruct, { production }: { readonly production: boolean }) {
    super(app);
    this.packName = this.name;
    this.#resources = new AppResources(app, [QUEUE, POLICY, MAPPING, TABLE]);
    this.#rules = RULES.filter(({ id }) => production || id !== 'PointInTimeRecovery');
  }

  protected checkResource(node: CfnResource): void {
    const resource = this.#resources.of(node);
    if (!resource) return;
    for (const { id, type, info, explanation, complies } of this.#rules)
      if (type === resource.type)
        this.applyRule({
          ruleSuffixOverride: id,
          info,
          explanation,
          level: NagMessageLevel.ERROR,
          node,
          rule: (): NagRuleResult =>
            complies(resource, this.#resources)
              ? NagRuleCompliance.COMPLIANT
              : NagRuleCompliance.NON_COMPLIANT,
        });
  }
}

function letsAnybodySend({
  Effect,
  Principal,
  Action,
  Condition,
}: Readonly<Record<string, unknown>>): boolean {
  const principals = typeof Principal === 'object' ? Object.values(Principal ?? {}).flat() : [Principal];
  return (
    Effect === 'Allow' &&
    principals.includes('*') &&
    [Action].flat().some((action) => /^(\*|sqs:(\*|send.*))$/i.test(String(action))) &&
    Object.keys((Condition as object | undefined) ?? {}).length === 0
  );
}

function sourcesOf(queue: AppResource, resources: AppResources): readonly AppResource[] {
  return resources
    .ofType(QUEUE)
    .filter(
      (source) =>
        targetOf(source, source.properties.RedrivePolicy?.deadLetterTargetArn, resources)?.construct ===
        queue.construct,
    );
}

function targetOf(
  { construct }: AppResource,
  arn: unknown,
  resources: AppResources,
): AppResource | undefined {
  return resources.target(arn, Stack.of(construct), QUEUE, 'QueueName');
}

function retentionOf({ properties }: AppResource): number {
  return Number(properties.MessageRetentionPeriod ?? DEFAULT_RETENTION_SECONDS);
}
