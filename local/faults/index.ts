export {
  type AcknowledgementFault,
  Deliveries,
  type DeliveryFault,
  type ObservedAcknowledgement,
  type ObservedArrival,
  type ObservedDelivery,
} from './deliveries.ts';
export type {
  CallPoint,
  Fault,
  FaultRule,
  HeldFault,
  ObservedCall,
  RefusedEntries,
  SlowFault,
} from './fault.ts';
export { Faults } from './faults.ts';
export type { AnswerFault, ObservedAnswer, ObservedStart, StartFault } from './functions.ts';
export type { Plan, PlannedFault } from './plan.ts';
export type { Storm, StormOptions, StormRates } from './storm.ts';
