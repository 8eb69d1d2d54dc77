// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import type { Properties, ResourceIdentity, ResourceProvider } from '../../../local/kernel/resources.ts';
import { deployAssembly } from '../../../local/template/index.ts';
import { type StackSource, writeAssembly } from './write-assembly.ts';

const environment = { region: 'eu-central-1', accountId: '123456789012' };
let made: { readonly identity: ResourceIdentity; readonly properties: Properties }[];
/** A resource that remembers being made. */
const thing: ResourceProvider = {
  type: 'Test::Thing',
  provision(properties, identity) {
    made.push({ identity, properties });
    return { ref: `ref of ${identity.logicalId}`, attributes: { Arn: `arn of ${identity.logicalId}` } };
  },
};

beforeEach(() => {
  made = [];
});

function deploy(
  stacks: Readonly<Record<string, StackSource>>,
  assets: Readonly<Record<string, string>> = {},
) {
  return deployAssembly(writeAssembly(stacks, assets), [thing], environment);
}

function deployResources(resources: object, rest: object = {}) {
  return deploy({ App: { template: { Resources: resources, ...rest } } });
}

const madeIds = () => made.map(({ identity }) => identity.logicalId);

describe('deploying an assembly', () => {
  it('makes each resource after what it refers to and depends on', () => {
    deployResources({
      First: { Type: 'Test::Thing', Properties: { Of: { 'Fn::Sub': '${Second.Arn}' } } },
      Second: {
        Type: 'Test::Thing',
        Properties: { Of: { 'Fn::GetAtt': ['Fourth', 'Arn'] } },
        DependsOn: ['Third'],
      },
      Third: { Type: 'Test::Thing' },
      Fourth: { Type: 'Test::Thing' },
    });
    expect(madeIds()).toEqual(['Fourth', 'Third', 'Second', 'First']);
    expect(made[3]?.properties).toEqual({ Of: 'arn of Second' });
  });

  it('makes stacks in the order of their dependencies, and hands exports on', () => {
    deploy({
      Consumer: {
        template: {
          Resources: { B: { Type: 'Test::Thing', Properties: { From: { 'Fn::ImportValue': 'A-Arn' } } } },
        },
        dependencies: ['Producer'],
      },
      Producer: {
        template: {
          Resources: { A: { Type: 'Test::Thing' } },
          Outputs: { Arn: { Value: { 'Fn::GetAtt': ['A', 'Arn'] }, Export: { Name: 'A-Arn' } } },
        },
      },
    });
    expect(madeIds()).toEqual(['A', 'B']);
    expect(made[1]?.properties).toEqual({ From: 'arn of A' });
  });

  it('leaves out what its condition leaves out', () => {
    const deployment = deployResources(
      {
        Always: {
          Type: 'Test::Thing',
          Properties: { To: { 'Fn::If': ['Never', { Ref: 'Sometimes' }, 'nobody'] } },
        },
        Sometimes: { Type: 'Test::Thing', Condition: 'Never' },
      },
      {
        Parameters: { Stage: { Type: 'String', Default: 'dev' } },
        Conditions: { Never: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
        Outputs: { Gone: { Value: { Ref: 'Sometimes' }, Condition: 'Never' } },
      },
    );
    expect(madeIds()).toEqual(['Always']);
    expect(made[0]?.properties).toEqual({ To: 'nobody' });
    expect(deployment.stacks[0]?.outputs).toEqual({});
  });

  it('gives parameters their defaults, and pseudo parameters the cloud it is in', () => {
    deployResources(
      {
        A: {
          Type: 'Test::Thing',
          Properties: {
            P: { Ref: 'List' },
            Q: { 'Fn::Sub': '${AWS::AccountId} ${AWS::Region} ${AWS::Partition} ${AWS::StackName}' },
          },
        },
      },
      { Parameters: { List: { Type: 'CommaDelimitedList', Default: 'a, b' } } },
    );
    expect(made[0]?.properties).toEqual({ P: ['a', 'b'], Q: '123456789012 eu-central-1 aws App' });
  });

  it("passes CDK's own bootstrap parameter and rule by", () => {
    deployResources(
      {
        A: { Type: 'Test::Thing' },
        CDKMetadata: { Type: 'AWS::CDK::Metadata', Properties: { Analytics: 'v2' } },
      },
      {
        Parameters: {
          BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk/version' },
        },
        Rules: { CheckBootstrapVersion: { Assertions: [] } },
      },
    );
    expect(madeIds()).toEqual(['A']);
  });

  it('tells outputs, physical ids and attributes', () => {
    const deployment = deployResources(
      { A: { Type: 'Test::Thing', Metadata: { 'aws:cdk:path': 'App/A/Resource' } } },
      { Outputs: { Name: { Value: { Ref: 'A' } } } },
    );
    expect(deployment.output('App', 'Name')).toBe('ref of A');
    expect(deployment.ofType('Test::Thing')).toEqual([
      {
        logicalId: 'A',
        type: 'Test::Thing',
        physicalId: 'ref of A',
        attributes: { Arn: 'arn of A' },
        properties: {},
        path: 'App/A/Resource',
      },
    ]);
  });

  it('names a resource the same at each deployment, within the length asked for', () => {
    const resources = { [`A${'long'.repeat(30)}`]: { Type: 'Test::Thing' } };
    deployResources(resources);
    deployResources(resources);
    const [first, second] = made.map(({ identity }) => identity.generatedName(64));
    expect(first).toBe(second);
    expect(first).toMatch(/^App-Along.{42,}-[0-9A-F]{12}$/);
    expect(first).toHaveLength(64);
  });

  it('finds the folder of a file asset by its object key', () => {
    const source = mkdtempSync(join(tmpdir(), 'asset-'));
    writeFileSync(join(source, 'index.js'), '');
    deploy({ App: { template: { Resources: { A: { Type: 'Test::Thing' } } } } }, { abc: source });
    const identity = made[0]?.identity;
    expect(identity?.assetDirectory('abc.zip')).toMatch(/asset\.abc$/);
    expect(() => identity?.assetDirectory('other.zip')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ASSET', message: expect.stringContaining('App/A') }),
    );
  });
});

describe('an assembly that cannot be deployed', () => {
  const known = { Type: 'Test::Thing' };

  it.each([
    [
      'an unknown type',
      'UNKNOWN_RESOURCE',
      'App/Odd is of the type Test::Odd',
      { Odd: { Type: 'Test::Odd' } },
    ],
    [
      'an unknown intrinsic function',
      'UNKNOWN_INTRINSIC',
      'App/Odd',
      { Odd: { ...known, Properties: { A: { 'Fn::Odd': 1 } } } },
    ],
    [
      'a reference to nothing',
      'UNKNOWN_REFERENCE',
      'App/Odd refers to "Gone"',
      { Odd: { ...known, Properties: { A: { Ref: 'Gone' } } } },
    ],
    [
      'a circle',
      'CYCLE',
      'Odd -> Other -> Odd',
      { Odd: { ...known, DependsOn: 'Other' }, Other: { ...known, Properties: { A: { Ref: 'Odd' } } } },
    ],
    [
      'an unknown attribute of a resource',
      'UNKNOWN_PROPERTY',
      'App/Odd (Test::Thing) has the attribute "CreationPolicy"',
      { Odd: { ...known, CreationPolicy: {} } },
    ],
  ])('for %s is refused before anything is made', (_, code, message, resources) => {
    expect(() => deployResources({ Known: known, ...resources })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
    expect(made).toEqual([]);
  });

  it('names every unknown type of every stack at once', () => {
    const odd = { template: { Resources: { Odd: { Type: 'Test::Odd' } } } };
    expect(() => deploy({ One: odd, Two: odd })).toThrow(/One\/Odd.*Test::Odd.*Two\/Odd.*Test::Odd/);
  });

  it('for an unknown section is refused', () => {
    expect(() => deployResources({}, { Transform: 'AWS::Serverless-2016-10-31' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_PROPERTY', message: expect.stringContaining('Transform') }),
    );
  });

  it('for an attribute that a resource does not give says which it gives', () => {
    const resources = { A: known, B: { ...known, Properties: { X: { 'Fn::GetAtt': ['A', 'Url'] } } } };
    expect(() => deployResources(resources)).toThrow(
      /App\/B asks for the attribute "Url" of A.*it gives Arn/,
    );
  });

  it('for an import that nobody exports is refused by name', () => {
    const resources = { A: { ...known, Properties: { X: { 'Fn::ImportValue': 'Nowhere' } } } };
    expect(() => deployResources(resources)).toThrow(/App\/A refers to the export "Nowhere"/);
  });

  it('for what a service refuses is refused by name, with its words', () => {
    const picky: ResourceProvider = {
      type: 'Test::Picky',
      provision() {
        throw new AwsError('ValidationException', 'Too picky for that');
      },
    };
    const assembly = writeAssembly({ App: { template: { Resources: { A: { Type: 'Test::Picky' } } } } });
    expect(() => deployAssembly(assembly, [picky], environment)).toThrow(
      expect.objectContaining({
        code: 'INVALID_PROPERTY',
        message: 'App/A (Test::Picky) is refused: Too picky for that',
      }),
    );
  });

  it('since there is none says how to get one', () => {
    const empty = mkdtempSync(join(tmpdir(), 'empty-'));
    expect(() => deployAssembly(empty, [thing], environment)).toThrow(
      expect.objectContaining({ code: 'NO_ASSEMBLY', message: expect.stringContaining('cdk synth') }),
    );
  });

  it('since a file of it is damaged names the file', () => {
    const directory = writeAssembly({ App: { template: {} } });
    writeFileSync(join(directory, 'App.template.json'), '{');
    expect(() => deployAssembly(directory, [thing], environment)).toThrow(
      expect.objectContaining({
        code: 'ASSEMBLY_CORRUPT',
        message: expect.stringContaining('App.template.json'),
      }),
    );
  });
});
