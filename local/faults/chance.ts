/** A number in [0, 1) that depends on the seed and on what it is drawn for, and on nothing else: FNV-1a, well mixed. */
export function chance(seed: number, occasion: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < occasion.length; at++)
    hash = Math.imul(hash ^ occasion.charCodeAt(at), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
