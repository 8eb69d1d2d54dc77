export { type ServiceEvent, StepFunctions, type StepFunctionsOptions } from './states.ts';
