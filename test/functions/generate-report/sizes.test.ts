import { describe, expect, it } from 'vitest';
import { decode } from '../../../functions/generate-report/pictures/codecs.ts';
import { headerOf } from '../../../functions/generate-report/pictures/header.ts';
import { sizesOf } from '../../../functions/generate-report/pictures/sizes.ts';
import { gradient, jpeg, png, WEBP } from './pictures.ts';

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

describe('a picture', () => {
  it('is made in three sizes of its shape, each of which opens again', async () => {
    const sizes = await sizesOf(await jpeg(1600, 900));
    expect(sizes.map(({ size, width, height }) => [size, width, height])).toEqual([
      ['large', 1280, 720],
      ['medium', 640, 360],
      ['small', 160, 90],
    ]);
    for (const { bytes, width, height } of sizes) {
      expect(headerOf(bytes)).toEqual({ format: 'jpeg', width, height });
      const { data } = await decode('jpeg', copy(bytes));
      // Red grows to the right, green downwards, as in the original.
      const at = (x: number, y: number) => (Math.floor(y * height) * width + Math.floor(x * width)) * 4;
      expect(data[at(0.9, 0.5)]).toBeGreaterThan(200);
      expect(data[at(0.1, 0.5)]).toBeLessThan(60);
      expect(data[at(0.5, 0.9) + 1]).toBeGreaterThan(200);
    }
  });

  it('that is taller than wide fits by its height', async () => {
    const [large] = await sizesOf(await jpeg(500, 2000));
    expect(large).toMatchObject({ width: 320, height: 1280 });
  });

  it('is never made larger than it was', async () => {
    const sizes = await sizesOf(await jpeg(200, 100));
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([
      [200, 100],
      [200, 100],
      [160, 80],
    ]);
  });

  it('of one pixel, or of one row of them, keeps a pixel each way', async () => {
    expect((await sizesOf(await jpeg(1, 1))).at(-1)).toMatchObject({ width: 1, height: 1 });
    expect((await sizesOf(await jpeg(3000, 1))).at(-1)).toMatchObject({ width: 160, height: 1 });
  });

  it('that is a PNG is put on white where it is transparent', async () => {
    const [large] = await sizesOf(await png(gradient(300, 200, 0)));
    const { data } = await decode('jpeg', copy(large?.bytes ?? new Uint8Array()));
    expect(data.every((value) => value > 250)).toBe(true);
  });

  it('that is a WebP is read', async () => {
    expect((await sizesOf(WEBP))[0]).toMatchObject({ width: 40, height: 30 });
  });

  it('gives the same bytes each time', async () => {
    const original = await jpeg(900, 600);
    expect(await sizesOf(original)).toEqual(await sizesOf(original));
  });
});

describe('what cannot be shown is refused with the reason', () => {
  const whole = jpeg(800, 600);
  const claims = async (width: number): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await png(gradient(10, 10));
    new DataView(bytes.buffer).setUint32(16, width);
    return bytes;
  };
  const cases: [string, () => Promise<Uint8Array<ArrayBuffer>>, RegExp][] = [
    ['an empty file', async () => new Uint8Array(), /it is empty/],
    [
      'a text',
      async () => copy(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')),
      /no JPEG, PNG or WebP/,
    ],
    [
      'a JPEG that is cut off in its data',
      async () => (await whole).slice(0, 4000),
      /it is damaged \(.*[Pp]remature end/,
    ],
    [
      'a JPEG that is cut off in its header',
      async () => (await whole).slice(0, 30),
      /JPEG header is cut off/,
    ],
    ['a PNG that is cut off', async () => (await png(gradient(300, 300))).slice(0, 500), /cannot be decoded/],
    [
      'a PNG that is cut off in its header',
      async () => (await png(gradient(30, 30))).slice(0, 20),
      /PNG header is cut off/,
    ],
    ['a WebP that is cut off', async () => WEBP.slice(0, 60), /cannot be decoded/],
    ['a picture of no width', () => claims(0), /0 × 10 pixels/],
    [
      'a picture that claims more pixels than memory holds',
      () => claims(100_000_000),
      /more than 24 megapixels/,
    ],
  ];
  it.each(cases)('as %s', async (_what, bytes, reason) => {
    await expect(sizesOf(await bytes())).rejects.toMatchObject({
      name: 'CorruptPicture',
      message: expect.stringMatching(reason),
    });
  });

  it('and the next one is read as if nothing had been', async () => {
    for (const [, bytes] of cases) await sizesOf(await bytes()).catch(() => {});
    expect(await sizesOf(await jpeg(640, 480))).toHaveLength(3);
    expect(await sizesOf(await png(gradient(64, 48)))).toHaveLength(3);
    expect(await sizesOf(WEBP)).toHaveLength(3);
  });
});
