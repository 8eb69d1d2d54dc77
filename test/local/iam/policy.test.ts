import { describe, expect, it } from 'vitest';
import { allows } from '../../../local/iam/policy.ts';

const send = { action: 'sqs:SendMessage', resource: 'arn:aws:sqs:us-east-1:000000000000:queue' };
const allow = { Effect: 'Allow', Action: send.action, Resource: send.resource } as const;
const trust = {
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal: { Service: ['lambda.amazonaws.com', 'scheduler.amazonaws.com'] },
} as const;
const assume = { action: 'sts:AssumeRole', service: 'scheduler.amazonaws.com' };

describe('policy statements', () => {
  it('allow nothing by themselves', () => {
    expect(allows([], send)).toBe(false);
  });

  it.each([
    ['the action and the resource', allow],
    ['the action in any case', { ...allow, Action: 'SQS:sendmessage' }],
    ['one of several', { ...allow, Action: ['sqs:DeleteMessage', 'sqs:SendMessage'] }],
    ['actions by *', { ...allow, Action: 'sqs:*' }],
    ['resources by * and ?', { ...allow, Resource: 'arn:aws:sqs:*:000000000000:que?e' }],
  ])('allow by %s', (_, statement) => {
    expect(allows([statement], send)).toBe(true);
  });

  it.each([
    ['another action', { ...allow, Action: 'sqs:SendMessageBatch' }],
    ['another resource', { ...allow, Resource: `${send.resource}-dead` }],
    ['a resource in another case', { ...allow, Resource: send.resource.replace('queue', 'Queue') }],
    ['a pattern that is no regular expression', { ...allow, Resource: 'arn.aws.sqs.*' }],
  ])('do not allow by %s', (_, statement) => {
    expect(allows([statement], send)).toBe(false);
  });

  it('deny what another of them allows', () => {
    expect(allows([allow, { Effect: 'Deny', Action: '*', Resource: '*' }], send)).toBe(false);
    expect(allows([allow, { Effect: 'Deny', Action: 'sqs:DeleteMessage', Resource: '*' }], send)).toBe(true);
  });

  it.each([
    [
      'an action that NotAction does not spare',
      { Effect: 'Deny', NotAction: 'sqs:ReceiveMessage', Resource: '*' },
    ],
    [
      'a resource that NotResource does not spare',
      { Effect: 'Deny', Action: '*', NotResource: `${send.resource}-dead` },
    ],
  ] as const)('deny %s', (_, denial) => {
    expect(allows([allow, denial], send)).toBe(false);
  });

  it.each([
    ['an action that NotAction spares', { Effect: 'Deny', NotAction: 'sqs:Send*', Resource: '*' }],
    ['a resource that NotResource spares', { Effect: 'Deny', Action: '*', NotResource: 'arn:aws:sqs:*' }],
  ] as const)('do not deny %s', (_, denial) => {
    expect(allows([allow, denial], send)).toBe(true);
  });

  it('name condition keys in any case', () => {
    const Condition = { StringEquals: { 'AWS:SourceAccount': '000000000000' } };
    const context = { 'aws:SourceAccount': '000000000000' };
    expect(allows([{ ...allow, Condition }], { ...send, context })).toBe(true);
  });

  it('of a trust policy allow the services that they name', () => {
    expect(allows([trust], assume)).toBe(true);
    expect(allows([trust], { ...assume, service: 'events.amazonaws.com' })).toBe(false);
  });

  it.each([
    ['StringEquals', 'group', true],
    ['StringEquals', 'gr*', false],
    ['StringLike', 'gr*', true],
    ['ArnLike', ['other', 'gr*'], true],
    ['ArnEquals', 'other', false],
    ['NumericLessThan', 'group', false],
  ])('hold under the condition %s %s: %s', (operator, value, holds) => {
    const statement = { ...trust, Condition: { [operator]: { 'aws:SourceArn': value } } };
    expect(allows([statement], { ...assume, context: { 'aws:SourceArn': 'group' } })).toBe(holds);
  });

  it('deny under a condition that cannot be evaluated', () => {
    const denial = {
      ...trust,
      Effect: 'Deny',
      Condition: { NumericLessThan: { 'aws:SourceArn': '1' } },
    } as const;
    expect(allows([trust, denial], { ...assume, context: { 'aws:SourceArn': 'group' } })).toBe(false);
  });

  it('deny everybody what comes without encryption, and nothing else, as a queue that enforces TLS says', () => {
    const context = (secure: string) => ({ 'aws:SecureTransport': secure });
    const denial = {
      Effect: 'Deny',
      Action: '*',
      Principal: { AWS: '*' },
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    } as const;
    expect(allows([trust, denial], { ...assume, context: context('true') })).toBe(true);
    expect(allows([trust, denial], { ...assume, context: context('false') })).toBe(false);
  });

  it.each([
    [['orders#1', 'orders#2'], true],
    [['orders#1', 'payments#1'], false],
    [[], true],
  ])('hold for all values of a key, where each of %j is like orders#*: %s', (keys, holds) => {
    const statement = {
      ...allow,
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['orders#*'] } },
    };
    expect(allows([statement], { ...send, context: { 'dynamodb:LeadingKeys': keys } })).toBe(holds);
  });

  it('do not hold under a condition on what nobody tells', () => {
    const statement = { ...trust, Condition: { StringLike: { 'aws:SourceArn': '*' } } };
    expect(allows([statement], assume)).toBe(false);
  });
});
