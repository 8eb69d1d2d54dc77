import { SFNClient } from '@aws-sdk/client-sfn';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import type { Fault, ObservedCall } from '../../../local/faults/index.ts';
import {
  EXECUTION_ENDS,
  functionName,
  stageFunctionName,
  stateMachineName,
  tableName,
} from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import type { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';
import { type Lift, liftOf } from '../lift.ts';
import { isMeant, type Which } from '../trial.ts';
import { CALLS, type Call, type Update } from './calls.ts';

export type Acts = NonNullable<z.input<typeof staged.payload>['acts']>;

/** The stage that faults befall: it has another one before it, beside it and after it, and makes the job's one effect. */
export const STRUCK = 'join';
const STAGE_RUNS = ['collect', 'shout[0]', 'shout[1]', 'count', 'join', 'finish'] as const;

const ALL_CALLS = Object.keys(CALLS) as Call[];

let made = 0;

/** One staged job, and how faults befall what carries it: its starter, its stages, its execution and the record of its end. */
export class StagedTrial {
  readonly lab: Lab;
  readonly key = `staged-trial-${++made}`;
  readonly queueArn: string;
  readonly sfn: SFNClient;
  readonly starter = functionName(STAGE, staged.type);
  readonly stage = stageFunctionName(STAGE, staged.type, STRUCK);
  readonly ends = functionName(STAGE, EXECUTION_ENDS);

  /** What was looked at while the fault was under way. */
  readonly looks: unknown[] = [];
  readonly #seen = new Map<Call, Update[]>();
  readonly #endWatches: readonly (() => void)[];
  #received = 0;
  #held = false;

  constructor(lab: Lab) {
    this.lab = lab;
    this.queueArn = lab.queueArn(staged);
    this.#endWatches = [
      lab.cloud.faults.add((seen) => {
        const call = seen.moment === 'before' && ALL_CALLS.find((one) => this.#is(one, seen));
        if (call) this.#seen.set(call, [...this.seen(call), seen.input() as Update]);
        return undefined;
      }),
      lab.cloud.faults.deliver(({ queueArn, message }) => {
        if (queueArn === this.queueArn && message.body.includes(`"${this.key}"`)) this.#received++;
        return undefined;
      }),
    ];
    const { endpoint, region } = lab.cloud;
    this.sfn = new SFNClient({
      endpoint,
      region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    });
  }

  /** @param struck what the struck stage does in each of its runs */
  async publish(struck: Acts[string] = [], { twice = false } = {}): Promise<void> {
    const payload = {
      key: this.key,
      words: ['hello', 'world'],
      acts: { [STRUCK]: [...struck, ...new Array<'effect'>(20).fill('effect')] },
    };
    await (twice ? this.lab.publishTwice(staged, payload) : this.lab.publish(staged, payload));
  }

  /** Lets a fault befall calls of the job, or something happen at them. It strikes whenever such a call is made. */
  befall(
    call: Call,
    moment: ObservedCall['moment'],
    fault: Fault | (() => Fault | undefined),
    which: Which = 'first',
  ): Lift {
    let [nth, struck] = [0, 0];
    const end = this.lab.cloud.faults.add((seen) => {
      if (seen.moment !== moment || !this.#is(call, seen) || !isMeant(++nth, which)) return undefined;
      struck++;
      return typeof fault === 'function' ? fault() : fault;
    });
    return liftOf(end, () => struck);
  }

  /** How often its starter's mapping has received messages of the job. */
  get received(): number {
    return this.#received;
  }

  /** Whether a call is or was held back. */
  get held(): boolean {
    return this.#held;
  }

  /** Holds such a call back before it has its effect. @returns lets it go on */
  hold(call: Call, which?: Which): Lift {
    const { promise, resolve } = Promise.withResolvers<void>();
    const lift = this.befall(
      call,
      'before',
      () => {
        this.#held = true;
        return { heldUntil: promise };
      },
      which,
    );
    return liftOf(() => {
      lift();
      resolve();
    }, lift.struck);
  }

  /** What was asked for by such calls so far, the SDK's own tries too. */
  seen(call: Call): readonly Update[] {
    return this.#seen.get(call) ?? [];
  }

  /** Its execution, that of its last life. */
  async executionArn(): Promise<string> {
    const { executionArn } = (await this.lab.record(staged, this.key)) ?? {};
    if (executionArn === undefined) throw new Error(`${this.key} has no execution.`);
    return executionArn;
  }

  /** How often each stage was run, and each item of the one that fans out. */
  async runs(): Promise<ReadonlyMap<string, number>> {
    const counts = STAGE_RUNS.map(
      async (name) => [name, await this.#count(`stage:${this.key}:${name}`)] as const,
    );
    return new Map(await Promise.all(counts));
  }

  /** How often the job's one effect was made. */
  effects(): Promise<number> {
    return this.#count(`effect:${this.key}:${STRUCK}`);
  }

  /** The executions of the machine that still run, whose ever they are. */
  running(): readonly string[] {
    const machine = `:${stateMachineName(STAGE, staged.type)}:`;
    return this.lab.cloud.states.executions
      .running()
      .map(({ arn }) => arn)
      .filter((arn) => arn.includes(machine));
  }

  end(): void {
    for (const end of this.#endWatches) end();
    this.sfn.destroy();
    this.lab.cloud.states.intercept = undefined;
  }

  #is(call: Call, seen: ObservedCall): boolean {
    const { by, service, operation, concerns = () => true } = CALLS[call];
    return (
      seen.functionName === this[by] &&
      seen.service === service &&
      seen.operation === operation &&
      concerns(seen.input() as Update, this.key)
    );
  }

  async #count(sku: string): Promise<number> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({ TableName: tableName(STAGE, 'stock'), Key: { sku }, ConsistentRead: true }),
    );
    return (Item?.available as number | undefined) ?? 0;
  }
}
