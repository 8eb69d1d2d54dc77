import { runStage } from '../../../../shared/stages/index.ts';
import { act } from './act.ts';
import { count, staged } from './contract.ts';

export const handler = runStage(staged, count, async (shouted, context) => {
  await act('count', context);
  return shouted.length;
});
