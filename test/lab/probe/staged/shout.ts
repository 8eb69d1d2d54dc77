import { runStage } from '../../../../shared/stages/index.ts';
import { act } from './act.ts';
import { shout, staged } from './contract.ts';

export const handler = runStage(staged, shout, async (word, context) => {
  await act('shout', context);
  await context.progress(1, 'shouted');
  return { word: word.toUpperCase() };
});
