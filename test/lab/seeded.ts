import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/** Makes a file's properties repeatable: prints their seed, which `PROPERTY_SEED` gives back. */
export function seedProperties(): void {
  const seed = Number(process.env.PROPERTY_SEED ?? randomInt(2 ** 31));
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
  process.stdout.write(`Properties run with PROPERTY_SEED=${seed}\n`);
}
