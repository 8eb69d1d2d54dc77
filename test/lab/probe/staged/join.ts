import { runStage } from '../../../../shared/stages/index.ts';
import { act } from './act.ts';
import { join, staged } from './contract.ts';

export const handler = runStage(staged, join, async (shouted, context) => {
  await act('join', context);
  return shouted.map(({ word }) => word.slice(0, 10)).join(' ');
});
