import { consume } from '../../../../shared/consumer/index.ts';
import { starterOf } from '../../../../shared/stages/starter.ts';
import { staged } from './contract.ts';

export const handler = consume(staged, starterOf(staged));
