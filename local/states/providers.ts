import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import type { StepFunctions } from './states.ts';

const MACHINE = 'AWS::StepFunctions::StateMachine';
const HONOURED = [
  'Definition',
  'DefinitionString',
  'DefinitionSubstitutions',
  'RoleArn',
  'StateMachineName',
  'StateMachineType',
];
/** Logs, traces and encryption of AWS's own side. */
const INERT = ['EncryptionConfiguration', 'LoggingConfiguration', 'Tags', 'TracingConfiguration'];

export function statesProviders(states: StepFunctions): ResourceProvider[] {
  return [
    {
      type: MACHINE,
      provision(properties, identity) {
        checkProperties(MACHINE, properties, identity, HONOURED, INERT);
        const { StateMachineType = 'STANDARD' } = properties;
        if (StateMachineType !== 'STANDARD')
          throw refused(
            identity,
            `is of the type ${String(StateMachineType)}; the local cloud knows STANDARD`,
          );
        const given = properties.StateMachineName as string | undefined;
        const machine = states.putMachine(
          given ?? identity.generatedName(80),
          definitionOf(properties),
          String(properties.RoleArn),
        );
        const { arn, name, revision } = machine;
        return { ref: arn, attributes: { Arn: arn, Name: name, StateMachineRevisionId: revision.id } };
      },
    },
  ];
}

function definitionOf({ Definition, DefinitionString, DefinitionSubstitutions }: Properties): string {
  const text = typeof DefinitionString === 'string' ? DefinitionString : JSON.stringify(Definition);
  const values = (DefinitionSubstitutions ?? {}) as Readonly<Record<string, unknown>>;
  return (text ?? '').replaceAll(/\$\{([A-Za-z0-9_]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

function refused({ stackName, logicalId }: ResourceIdentity, problem: string): LocalCloudError {
  return new LocalCloudError('INVALID_PROPERTY', `${stackName}/${logicalId} (${MACHINE}) ${problem}.`);
}
