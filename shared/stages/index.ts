/** For those who write stages. */
export { type ExecutionData, StageData } from '../jobs/stage-data.ts';
export { runStage, type StageContext, type StageHandler } from './run-stage.ts';
export type { StageRuntime } from './runtime.ts';
