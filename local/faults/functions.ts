import { createHash } from 'node:crypto';
import { LocalCloudError } from '../kernel/errors.ts';
import type { FunctionConfiguration, InvocationResult, Lambda, Mapping } from '../lambda/index.ts';

/** Between two looks at a mapping whose last change has not taken effect yet. */
const SETTLING_PAUSE_MS = 1000;

/** A mapping's invocation that has ended. */
export interface ObservedAnswer {
  readonly functionName: string;
  /** Counts the answers of this function, from 1 on. */
  readonly nth: number;
  /** JSON. */
  readonly payload: string;
}

/** The start of an environment. */
export interface ObservedStart {
  readonly functionName: string;
  /** Counts the starts of this function, from 1 on. */
  readonly nth: number;
}

/** What a mapping gets in place of a function's answer. */
export type AnswerFault =
  /** No JSON. */
  | 'malformed'
  /** A failure of a message that is not in the batch. */
  | 'unknown-id'
  /** A failure without an id. */
  | 'empty-id'
  /** Nothing: all succeeded. */
  | 'null'
  /** All that it was given failed. */
  | 'all-failed';

const ANSWERS = {
  malformed: '{"batchItemFailures":[{"itemIdent',
  'unknown-id': '{"batchItemFailures":[{"itemIdentifier":"no-such-message"}]}',
  'empty-id': '{"batchItemFailures":[{"itemIdentifier":""}]}',
  null: 'null',
  // A list that the mapping cannot read counts as the failure of all, as does naming each.
  'all-failed': '{"batchItemFailures":[null]}',
} as const satisfies Record<AnswerFault, string>;

export type StartFault = 'fails-to-start' | { readonly skewSeconds: number };

/** Faults of functions and their mappings beside those of their calls. */
export class FunctionFaultRules {
  readonly #lambda: Lambda;
  readonly #answers = new Set<(answer: ObservedAnswer) => AnswerFault | undefined>();
  readonly #starts = new Set<(start: ObservedStart) => StartFault | undefined>();
  readonly #counts = new Map<string, number>();

  constructor(lambda: Lambda) {
    this.#lambda = lambda;
    lambda.faults = {
      start: ({ name }) => this.#start(name),
      answer: (functionName, result) => this.#answer(functionName, result),
    };
  }

  answer(rule: (answer: ObservedAnswer) => AnswerFault | undefined): () => void {
    this.#answers.add(rule);
    return () => this.#answers.delete(rule);
  }

  start(rule: (start: ObservedStart) => StartFault | undefined): () => void {
    this.#starts.add(rule);
    return () => this.#starts.delete(rule);
  }

  throttle(functionName: string): () => void {
    const before = this.#lambda.reservedConcurrency(functionName);
    this.#lambda.reserveConcurrency(functionName, 0);
    return () => this.#lambda.reserveConcurrency(functionName, before);
  }

  pause(queueArn: string): () => void {
    const mapping = [...this.#lambda.mappings.values()].find(
      ({ configuration }) => configuration.queueArn === queueArn,
    );
    if (!mapping) throw new LocalCloudError('UNKNOWN_MAPPING', `No function is mapped to ${queueArn}.`);
    this.#enable(mapping, false);
    return () => this.#enable(mapping, true);
  }

  skew(functionName: string, seconds: number): () => void {
    const set = (skewSeconds: number) => {
      for (const environment of this.#lambda.environmentsOf(functionName))
        environment.skewSeconds = skewSeconds;
    };
    set(seconds);
    const lift = this.start((start) =>
      start.functionName === functionName ? { skewSeconds: seconds } : undefined,
    );
    return () => {
      lift();
      set(0);
    };
  }

  deploy(functionName: string, codeDirectory: string): () => void {
    const before = this.#lambda.function(functionName);
    const codeSha256 = createHash('sha256').update(codeDirectory).digest('base64');
    this.#lambda.updateFunction({ ...before, codeDirectory, codeSha256 });
    return () => this.#lambda.updateFunction(withCodeOf(before, this.#lambda.function(functionName)));
  }

  #start(functionName: string) {
    const nth = this.#count(`start ${functionName}`);
    const fault = [...this.#starts]
      .map((rule) => rule({ functionName, nth }))
      .find((one) => one !== undefined);
    return fault === 'fails-to-start' ? { startError: 'The environment failed to start.' } : fault;
  }

  #answer(functionName: string, result: InvocationResult): InvocationResult | undefined {
    // A function that failed has given no answer that could be spoilt.
    if (result.functionError || this.#answers.size === 0) return undefined;
    const nth = this.#count(`answer ${functionName}`);
    const fault = [...this.#answers]
      .map((rule) => rule({ functionName, nth, payload: result.payload }))
      .find((one) => one !== undefined);
    return fault && { ...result, payload: ANSWERS[fault] };
  }

  /** A mapping whose last change has not taken effect takes no other meanwhile. */
  #enable(mapping: Mapping, enabled: boolean): void {
    if (mapping.state === 'Enabled' || mapping.state === 'Disabled')
      this.#lambda.updateMapping(mapping, { enabled });
    else this.#lambda.context.clock.after(SETTLING_PAUSE_MS, () => this.#enable(mapping, enabled));
  }

  #count(what: string): number {
    const nth = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, nth);
    return nth;
  }
}

function withCodeOf(
  { codeDirectory, codeSha256 }: FunctionConfiguration,
  now: FunctionConfiguration,
): FunctionConfiguration {
  return { ...now, codeDirectory, codeSha256 };
}
