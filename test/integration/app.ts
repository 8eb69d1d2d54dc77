import { synthesizeWithProbe } from './stacks.ts';

synthesizeWithProbe('handler.ts');
