import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import encodeJpeg, { init } from '@jsquash/jpeg/encode.js';
import { mulberry32 } from '../../samples/random.ts';

/** Width × height of what phones and cameras make, up to the largest that a report takes. */
const SIZES = [
  [1600, 1200],
  [2048, 1536],
  [1920, 1080],
  [1200, 1600],
  [4000, 3000],
  [6000, 4000],
] as const;

const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => never } })
  .WebAssembly;

/** Pictures with the fine grain of photographs: smooth ones would decode too fast. */
export async function photographs(): Promise<[name: string, bytes: Uint8Array][]> {
  const wasm = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  await init(new Module(readFileSync(wasm)));
  const random = mulberry32(7);
  const made: [string, Uint8Array][] = [];
  for (const [width, height] of SIZES) {
    const data = new Uint8ClampedArray(width * height * 4);
    for (let at = 0; at < data.length; at += 4) {
      const pixel = at / 4;
      const light = 120 + 80 * Math.sin(pixel / width / 90) + 12 * random();
      data.set([light, light * 0.9, 100 + 60 * Math.sin((pixel % width) / 130), 255], at);
    }
    const bytes = await encodeJpeg(
      { data, width, height, colorSpace: 'srgb' },
      { quality: 82, progressive: false },
    );
    made.push([`photograph-${width}x${height}.jpg`, new Uint8Array(bytes)]);
  }
  return made;
}
