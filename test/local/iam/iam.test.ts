import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.ts';
import { writeAssembly } from '../template/write-assembly.ts';

const allow = (action: string) => ({ Effect: 'Allow', Action: action, Resource: '*' });
const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });

let cloud: LocalCloud;

beforeAll(async () => {
  const Resources = {
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: 'worker',
        AssumeRolePolicyDocument: document({ Effect: 'Allow' }),
        ManagedPolicyArns: [
          { Ref: 'Managed' },
          'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole',
        ],
        Policies: [{ PolicyName: 'inline', PolicyDocument: document(allow('sqs:SendMessage')) }],
      },
    },
    Policy: {
      Type: 'AWS::IAM::Policy',
      Properties: {
        PolicyName: 'attached',
        PolicyDocument: document(allow('dynamodb:PutItem'), allow('dynamodb:GetItem')),
        Roles: [{ Ref: 'Role' }],
      },
    },
    Managed: {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { PolicyDocument: document(allow('ses:SendEmail')) },
    },
  };
  const Outputs = { Arn: { Value: { 'Fn::GetAtt': ['Role', 'Arn'] } } };
  cloud = await startLocalCloud({ assembly: writeAssembly({ App: { template: { Resources, Outputs } } }) });
});

afterAll(() => cloud.stop());

describe('the roles of a template', () => {
  it('have a name and an ARN to refer to', () => {
    expect(cloud.deployment.output('App', 'Arn')).toBe('arn:aws:iam::000000000000:role/worker');
    expect(cloud.iam.roles()).toEqual(['worker']);
  });

  it.each(['worker', 'arn:aws:iam::000000000000:role/worker'])(
    'tell what %s may do, from all of its policies',
    (role) => {
      expect(cloud.iam.statementsOf(role).map(({ Action }) => Action)).toEqual([
        'ses:SendEmail',
        'sqs:SendMessage',
        'dynamodb:PutItem',
        'dynamodb:GetItem',
      ]);
    },
  );
});
