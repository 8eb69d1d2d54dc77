/** The same app after a change of one function. */
import { synthesizeWithProbe } from './stacks.ts';

synthesizeWithProbe('changed-handler.ts');
