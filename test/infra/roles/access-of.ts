import type { LocalCloud } from '../../../local/cloud.ts';
import type { RecordedCall } from '../../lab/call-log.ts';

/** What a call needs to be allowed. */
export interface Access {
  readonly functionName: string;
  readonly action: string;
  readonly resource: string;
  /** The values of condition keys. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

// biome-ignore lint/suspicious/noExplicitAny: the input of whatever operation
type Input = any;
type Needs = readonly Omit<Access, 'functionName'>[];

/**
 * Tells of each call which actions on which resources IAM would check for it, by the Service Authorization Reference
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/).
 */
export class Accesses {
  readonly #cloud: LocalCloud;
  /** The partition key's name by table, and by table and index. */
  readonly #keys = new Map<string, string>();

  constructor(cloud: LocalCloud) {
    this.#cloud = cloud;
    for (const { properties } of cloud.deployment.ofType('AWS::DynamoDB::GlobalTable')) {
      const { TableName, KeySchema, GlobalSecondaryIndexes = [] } = properties as Input;
      this.#keys.set(TableName, hashOf(KeySchema));
      for (const index of GlobalSecondaryIndexes)
        this.#keys.set(`${TableName}/index/${index.IndexName}`, hashOf(index.KeySchema));
    }
  }

  /** @throws Error for an operation that is not known here: whoever calls it adds it */
  of({ functionName, ...call }: RecordedCall): readonly Access[] {
    const needs = this.#needs(call);
    if (needs.length === 0)
      throw new Error(
        `${functionName} calls ${call.service} ${call.operation}, of which no action is known here.`,
      );
    return needs.map((one) => ({ functionName, ...one }));
  }

  #needs(call: Omit<RecordedCall, 'functionName'>): Needs {
    switch (call.service) {
      case 'dynamodb':
        return this.#dynamodb(call.operation, call.input);
      case 'sqs':
        return this.#sqs(call.operation, call.input);
      case 's3':
        return this.#s3(call);
      case 'ses':
        return this.#ses(call.operation, call.input);
      case 'scheduler':
        return this.#scheduler(call.operation, call.input);
      case 'states':
        return states(call.operation, call.input);
      case 'secretsmanager':
        return this.#secrets(call.operation, call.input);
      default:
        return [];
    }
  }

  /** A transaction is checked as the operations that it holds. */
  #dynamodb(operation: string, input: Input): Needs {
    const { TransactItems } = input;
    if (operation === 'TransactWriteItems')
      return TransactItems.flatMap((item: Input) =>
        Object.entries(item).flatMap(([kind, one]) =>
          this.#dynamodb(kind === 'ConditionCheck' ? 'ConditionCheckItem' : `${kind}Item`, one),
        ),
      );
    if (
      !['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem', 'Query'].includes(operation)
    )
      return [];
    const { TableName, IndexName } = input;
    const path = IndexName === undefined ? TableName : `${TableName}/index/${IndexName}`;
    const key = this.#keys.get(path) ?? '';
    const attribute = operation === 'Query' ? queried(input, key) : (input.Key ?? input.Item)[key];
    return [
      {
        action: `dynamodb:${operation}`,
        resource: this.#arn('dynamodb', `table/${path}`),
        context: {
          'dynamodb:LeadingKeys': [String(Object.values(attribute ?? {})[0])],
          ...(input.Select && { 'dynamodb:Select': input.Select }),
          ...(input.ProjectionExpression && { 'dynamodb:Attributes': projected(input) }),
        },
      },
    ];
  }

  #sqs(operation: string, { QueueUrl = '', QueueName = '' }: Input): Needs {
    // The batch forms are allowed by the action of the single one.
    const action = `sqs:${operation.replace(/Batch$/, '')}`;
    return [{ action, resource: this.#arn('sqs', QueueName || QueueUrl.split('/').pop()), context: {} }];
  }

  #s3({ operation, query }: Omit<RecordedCall, 'functionName'>): Needs {
    const [method = '', path = ''] = operation.split(' ');
    const action = {
      GET: 'GetObject',
      HEAD: 'GetObject',
      PUT: 'PutObject',
      POST: 'PutObject',
      DELETE: query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject',
    }[method];
    const object = decodeURIComponent(path.slice(1));
    return action && object.includes('/')
      ? [{ action: `s3:${action}`, resource: `arn:aws:s3:::${object}`, context: {} }]
      : [];
  }

  #ses(operation: string, { FromEmailAddress = '', ConfigurationSetName }: Input): Needs {
    if (operation !== 'POST /v2/email/outbound-emails') return [];
    const domain = FromEmailAddress.slice(FromEmailAddress.lastIndexOf('@') + 1).replace(/>$/, '');
    const context = { 'ses:FromAddress': FromEmailAddress };
    return [
      `identity/${domain}`,
      ...(ConfigurationSetName ? [`configuration-set/${ConfigurationSetName}`] : []),
    ].map((path) => ({ action: 'ses:SendEmail', resource: this.#arn('ses', path), context }));
  }

  #scheduler(operation: string, { GroupName, Target }: Input): Needs {
    const name = /^POST \/schedules\/(.+)$/.exec(operation)?.[1];
    if (name === undefined) return [];
    const passed = { 'iam:PassedToService': 'scheduler.amazonaws.com' };
    return [
      {
        action: 'scheduler:CreateSchedule',
        resource: this.#arn('scheduler', `schedule/${GroupName}/${decodeURIComponent(name)}`),
        context: {},
      },
      { action: 'iam:PassRole', resource: Target.RoleArn, context: passed },
    ];
  }

  #secrets(operation: string, { SecretId }: Input): Needs {
    const secret = this.#cloud.deployment
      .ofType('AWS::SecretsManager::Secret')
      .find(({ physicalId, properties }) => physicalId === SecretId || properties.Name === SecretId);
    return secret
      ? [{ action: `secretsmanager:${operation}`, resource: secret.physicalId, context: {} }]
      : [];
  }

  #arn(service: string, path: string): string {
    return `arn:aws:${service}:${this.#cloud.region}:${this.#cloud.accountId}:${path}`;
  }
}

function states(operation: string, { stateMachineArn, executionArn }: Input): Needs {
  const resource = executionArn ?? stateMachineArn;
  return resource === undefined ? [] : [{ action: `states:${operation}`, resource, context: {} }];
}

function hashOf(schema: readonly { readonly AttributeName: string; readonly KeyType: string }[]): string {
  return schema.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName ?? '';
}

/** The value that a query asks of the partition key. */
function queried(
  {
    KeyConditionExpression = '',
    ExpressionAttributeNames: names = {},
    ExpressionAttributeValues: values = {},
  }: Input,
  key: string,
): object | undefined {
  const equalities = [...KeyConditionExpression.matchAll(/([#\w]+)\s*=\s*(:\w+)/g)];
  const [, , value] = equalities.find(([, name]) => (names[name] ?? name) === key) ?? [];
  return value === undefined ? undefined : values[value];
}

/** The attributes that a request asks for by name. */
function projected({ ProjectionExpression, ExpressionAttributeNames: names = {} }: Input): string[] {
  return ProjectionExpression.split(',').map((part: string) => names[part.trim()] ?? part.trim());
}
