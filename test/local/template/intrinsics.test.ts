// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's

import { describe, expect, it } from 'vitest';
import { resolve, type Scope } from '../../../local/template/intrinsics.ts';

const scope: Scope = {
  where: 'App/Thing',
  ref: (name) => ({ 'AWS::NoValue': undefined, 'AWS::Region': 'eu-west-1', Queue: 'queue-url' })[name],
  attribute: (logicalId, name) => `${logicalId}.${name}`,
  condition: (name) => name === 'IsProd',
  mapped: (...keys) => keys.join('/'),
  imported: (name) => `imported ${name}`,
  availabilityZones: (region) => [`${region}a`, `${region}b`],
};

describe('an intrinsic function', () => {
  it.each([
    ['Ref', { Ref: 'Queue' }, 'queue-url'],
    ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'Queue.Arn'],
    ['Fn::GetAtt as text', { 'Fn::GetAtt': 'Queue.Nested.Arn' }, 'Queue.Nested.Arn'],
    ['Fn::Join', { 'Fn::Join': [':', ['a', { Ref: 'Queue' }, 1]] }, 'a:queue-url:1'],
    ['Fn::Join over a list that is computed', { 'Fn::Join': ['-', { 'Fn::Split': [',', 'a,b'] }] }, 'a-b'],
    ['Fn::Sub', { 'Fn::Sub': '${AWS::Region}/${Queue}/${Queue.Arn}' }, 'eu-west-1/queue-url/Queue.Arn'],
    [
      'Fn::Sub with variables of its own',
      { 'Fn::Sub': ['${Own} ${!Kept}', { Own: { Ref: 'Queue' } }] },
      'queue-url ${Kept}',
    ],
    ['Fn::Select', { 'Fn::Select': ['1', ['a', { Ref: 'Queue' }]] }, 'queue-url'],
    ['Fn::Split', { 'Fn::Split': ['/', { 'Fn::Sub': 'a/${Queue}' }] }, ['a', 'queue-url']],
    ['Fn::If that holds', { 'Fn::If': ['IsProd', { Ref: 'Queue' }, 'other'] }, 'queue-url'],
    ['Fn::If that does not hold', { 'Fn::If': ['IsDev', { Ref: 'Queue' }, 'other'] }, 'other'],
    ['Fn::FindInMap', { 'Fn::FindInMap': ['Map', { Ref: 'AWS::Region' }, 'size'] }, 'Map/eu-west-1/size'],
    ['Fn::ImportValue', { 'Fn::ImportValue': { 'Fn::Sub': '${AWS::Region}-x' } }, 'imported eu-west-1-x'],
    ['Fn::Base64', { 'Fn::Base64': 'text' }, 'dGV4dA=='],
    ['Fn::GetAZs', { 'Fn::GetAZs': { Ref: 'AWS::Region' } }, ['eu-west-1a', 'eu-west-1b']],
    [
      'Fn::Equals, Fn::Not, Fn::And, Fn::Or',
      {
        'Fn::And': [
          { 'Fn::Not': [{ 'Fn::Equals': ['a', 'b'] }] },
          { 'Fn::Or': [{ Condition: 'IsDev' }, { Condition: 'IsProd' }] },
        ],
      },
      true,
    ],
  ])('%s gives what it stands for', (_, value, expected) => {
    expect(resolve(value, scope)).toEqual(expected);
  });

  it('is found at any depth', () => {
    expect(resolve({ a: [{ b: { Ref: 'Queue' } }] }, scope)).toEqual({ a: [{ b: 'queue-url' }] });
  });

  it('AWS::NoValue takes its property and its list element away', () => {
    expect(resolve({ a: { Ref: 'AWS::NoValue' }, b: [{ Ref: 'AWS::NoValue' }, 1] }, scope)).toEqual({
      b: [1],
    });
  });

  it('is not mistaken for a policy statement that has a Condition', () => {
    const statement = { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    expect(resolve({ ...statement, Only: { Condition: 'x' } }, scope)).toEqual({
      ...statement,
      Only: { Condition: 'x' },
    });
  });

  it('that is unknown is refused by name and place', () => {
    expect(() => resolve({ a: { 'Fn::Cidr': ['10.0.0.0/8'] } }, scope)).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_INTRINSIC',
        message: expect.stringMatching(/App\/Thing.*Fn::Cidr/),
      }),
    );
  });

  it('of the kind {{resolve:…}} is refused, since there is nothing to look it up in', () => {
    expect(() => resolve('{{resolve:ssm:/key}}', scope)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_INTRINSIC' }),
    );
  });
});
