import { describe, expect, it } from 'vitest';
import { FairSlots, type Slot } from '../../../local/lambda/fair-slots.ts';

describe('fair slots', () => {
  it('serve the owner with the fewest running next, and within an owner who came first', async () => {
    const slots = new FairSlots(3);
    const held = await Promise.all([slots.take('deep'), slots.take('deep'), slots.take('other')]);
    const served: string[] = [];
    const granted: Slot[] = [];
    for (const name of ['deep 1', 'deep 2', 'other 1', 'new 1'])
      void slots.take(name.split(' ')[0] ?? '').then((slot) => {
        served.push(name);
        granted.push(slot);
      });
    for (const slot of held) slot.release();
    await Promise.resolve();
    for (let round = 0; round < 4; round++) {
      for (const slot of granted.splice(0)) slot.release();
      await Promise.resolve();
    }
    expect(served).toEqual(['new 1', 'deep 1', 'other 1', 'deep 2']);
    expect(slots.running).toBe(0);
  });

  it('count a slot that is released twice once', async () => {
    const slots = new FairSlots(1);
    const slot = await slots.take('a');
    slot.release();
    slot.release();
    await slots.take('a');
    expect(slots.running).toBe(1);
  });

  it('forget who gave up waiting', async () => {
    const slots = new FairSlots(1);
    const slot = await slots.take('a');
    const gone = new AbortController();
    const waiting = slots.take('a', gone.signal);
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    slot.release();
    expect(slots.running).toBe(0);
    await expect(slots.take('a', gone.signal)).rejects.toThrow('gone');
  });
});
