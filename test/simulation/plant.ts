/**
 * `node --import ./test/simulation/plant.ts`: loads the product's code with one of the planted bugs in it, the one whose number is
 * in SIMULATION_PLANTED_BUG. The files themselves stay as they are.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { PLANTED_BUGS } from './planted-bugs.ts';

const bug = PLANTED_BUGS[Number(process.env.SIMULATION_PLANTED_BUG)];
if (!bug) throw new Error(`There is no planted bug ${process.env.SIMULATION_PLANTED_BUG}.`);
const { file, text, instead } = bug;
const url = pathToFileURL(file).href;

registerHooks({
  load(loaded, context, next) {
    const module = next(loaded, context);
    if (loaded !== url) return module;
    const source = String(module.source);
    if (source.split(text).length !== 2)
      throw new Error(`The text to be replaced is not there once in ${file}: ${text}`);
    return { ...module, source: source.replace(text, () => instead) };
  },
});
