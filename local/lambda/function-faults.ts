import type { FunctionConfiguration } from './function-configuration.ts';
import type { InvocationResult } from './invocation.ts';

/** What is wrong with an environment from its start. */
export interface EnvironmentFault {
  /** How far its `Date` is ahead of the cloud's clock, below zero behind it. @default 0 */
  readonly skewSeconds?: number;
  /** Its init phase fails with this message, and every invocation in it. */
  readonly startError?: string;
}

/** Where the fault room takes part in what Lambda does. */
export interface FunctionFaults {
  /** Asked at the start of each environment. */
  readonly start?: (configuration: FunctionConfiguration) => EnvironmentFault | undefined;
  /** Asked after each invocation of a mapping: what the mapping is to take for its result. `undefined`: what it is. */
  readonly answer?: (functionName: string, result: InvocationResult) => InvocationResult | undefined;
}
