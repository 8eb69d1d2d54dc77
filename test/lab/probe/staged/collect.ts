import { runStage } from '../../../../shared/stages/index.ts';
import { act } from './act.ts';
import { collect, staged } from './contract.ts';

export const handler = runStage(staged, collect, async (input, context) => {
  const more = await act('collect', context);
  return { words: more === '' ? input.words : [...input.words, more] };
});
