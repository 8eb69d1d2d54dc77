import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { invalidArn } from './errors.ts';
import { type Input, limitOf, only, startOf, text } from './input.ts';
import type { StateMachine } from './machines.ts';
import { checkName } from './names.ts';
import type { StepFunctions } from './states.ts';

const SETTINGS = ['loggingConfiguration', 'tracingConfiguration', 'encryptionConfiguration', 'tags'];
const ROLE = /^arn:aws:iam::\d{12}:role\/.+$/;

export function machineOperations(states: StepFunctions): Readonly<Record<string, Operation>> {
  return {
    CreateStateMachine(input: Input) {
      only(input, 'CreateStateMachine', ['name', 'definition', 'roleArn', 'type', ...SETTINGS]);
      const name = text(input, 'name');
      checkName(name);
      if (input.type === 'EXPRESS')
        throw new AwsError(
          'StateMachineTypeNotSupported',
          "State Machine Type Not Supported: 'The local cloud knows STANDARD only'",
        );
      const [definition, roleArn] = [text(input, 'definition'), roleIn(input)];
      const existing = states.machines.find(states.machines.arnOf(name));
      if (existing && (existing.revision.definition !== definition || existing.revision.roleArn !== roleArn))
        throw new AwsError('StateMachineAlreadyExists', `State Machine Already Exists: '${existing.arn}'`);
      const machine = states.putMachine(name, definition, roleArn);
      return { stateMachineArn: machine.arn, creationDate: machine.createdMs / 1000 };
    },
    UpdateStateMachine(input: Input) {
      only(input, 'UpdateStateMachine', ['stateMachineArn', 'definition', 'roleArn', ...SETTINGS]);
      const { name, revision } = states.machines.get(text(input, 'stateMachineArn'));
      const definition = (input.definition as string | undefined) ?? revision.definition;
      const machine = states.putMachine(name, definition, input.roleArn ? roleIn(input) : revision.roleArn);
      return { updateDate: machine.updatedMs / 1000, revisionId: machine.revision.id };
    },
    DescribeStateMachine: (input: Input) => described(states.machines.get(text(input, 'stateMachineArn'))),
    DescribeStateMachineForExecution(input: Input) {
      const { machineArn, revision } = states.executions.get(text(input, 'executionArn'));
      const machine = states.machines.get(machineArn);
      const { definition, roleArn, id } = states.machines.revision(machineArn, revision);
      const { name, updatedMs } = machine;
      return {
        stateMachineArn: machineArn,
        name,
        definition,
        roleArn,
        updateDate: updatedMs / 1000,
        revisionId: id,
        loggingConfiguration: LOGGING,
        tracingConfiguration: { enabled: false },
      };
    },
    ListStateMachines(input: Input) {
      const [offset, limit] = [startOf(input), limitOf(input, 100)];
      const all = states.machines.all();
      const stateMachines = all.slice(offset, offset + limit).map(({ arn, name, createdMs }) => ({
        stateMachineArn: arn,
        name,
        type: 'STANDARD',
        creationDate: createdMs / 1000,
      }));
      return { stateMachines, ...(all.length > offset + limit && { nextToken: String(offset + limit) }) };
    },
  };
}

const LOGGING = { level: 'OFF', includeExecutionData: false };

function described({ arn, name, createdMs, revision }: StateMachine): object {
  return {
    stateMachineArn: arn,
    name,
    status: 'ACTIVE',
    type: 'STANDARD',
    definition: revision.definition,
    roleArn: revision.roleArn,
    creationDate: createdMs / 1000,
    revisionId: revision.id,
    loggingConfiguration: LOGGING,
    tracingConfiguration: { enabled: false },
  };
}

function roleIn(input: Input): string {
  const roleArn = text(input, 'roleArn');
  if (!ROLE.test(roleArn)) throw invalidArn(roleArn);
  return roleArn;
}
