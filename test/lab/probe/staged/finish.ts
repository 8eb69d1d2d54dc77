import { runStage } from '../../../../shared/stages/index.ts';
import { act } from './act.ts';
import { finish, staged } from './contract.ts';

export const handler = runStage(staged, finish, async ({ count, join }, context) => {
  await act('finish', context);
  return { said: `${count}: ${join}` };
});
