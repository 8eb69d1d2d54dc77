export type { EventInvokeConfiguration } from './async-invocations.ts';
export type { Environment } from './environment.ts';
export type { FunctionConfiguration } from './function-configuration.ts';
export type { InvocationResult, LogLine } from './invocation.ts';
export type { LambdaMetric } from './invoker.ts';
export { Lambda, type LambdaOptions } from './lambda.ts';
export type { Mapping, MappingState } from './mapping.ts';
export type { MappingConfiguration } from './mapping-configuration.ts';
export type { QueueSource } from './mapping-host.ts';
