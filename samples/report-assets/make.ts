/**
 * Draws the pictures beside this file: what a shop's report shows. Deterministic; run it after a change: `npm run samples`. Among them are those that
 * real days bring: one with transparency, one that was cut off while it was uploaded, and a text that somebody named `.jpg`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import encodePng, { init as initPng } from '@jsquash/png/encode.js';

type Colour = readonly [red: number, green: number, blue: number];

interface Shape {
  readonly colour: Colour;
  /** Of the picture's width and height: -1 inside, 1 outside, between them the edge. */
  readonly distance: (x: number, y: number) => number;
}

const require = createRequire(import.meta.url);
const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => never } })
  .WebAssembly;
const wasm = (path: string): never => new Module(readFileSync(require.resolve(path)));
const here = (file: string): URL => new URL(file, import.meta.url);
/** The width of an edge, so that it is smooth. */
const SOFT = 0.004;

const disc = (colour: Colour, cx: number, cy: number, radius: number): Shape => ({
  colour,
  distance: (x, y) => (Math.hypot((x - cx) * 4, (y - cy) * 3) / 4 - radius) / SOFT,
});
const box = (colour: Colour, left: number, top: number, right: number, bottom: number): Shape => ({
  colour,
  distance: (x, y) => Math.max(left - x, x - right, top - y, y - bottom) / SOFT,
});

const WALL: Colour = [236, 232, 224];
const WOOD: Colour = [150, 111, 74];
const mug = (colour: Colour, x: number): readonly Shape[] => [
  disc(colour, x + 0.09, 0.56, 0.06),
  disc(WALL, x + 0.09, 0.56, 0.035),
  box(colour, x - 0.08, 0.42, x + 0.08, 0.7),
];

const PICTURES: readonly (readonly [
  name: string,
  width: number,
  height: number,
  shapes: readonly Shape[],
])[] = [
  ['mugs', 1600, 1200, [...mug([52, 92, 150], 0.3), ...mug([245, 245, 245], 0.65), box(WOOD, 0, 0.7, 1, 1)]],
  [
    'shelf',
    1400,
    1050,
    [0.2, 0.5, 0.8].flatMap((y) => [
      ...[0.15, 0.3, 0.45, 0.6, 0.75].map((x, index) =>
        box([90 + 30 * index, 140 - 15 * index, 60 + 20 * index], x, y - 0.13, x + 0.1, y),
      ),
      box(WOOD, 0.05, y, 0.95, y + 0.03),
    ]),
  ],
  [
    'teapot',
    1200,
    900,
    [
      disc([44, 44, 48], 0.72, 0.5, 0.07),
      disc([60, 60, 66], 0.5, 0.55, 0.2),
      disc([44, 44, 48], 0.5, 0.27, 0.03),
      box(WOOD, 0, 0.8, 1, 1),
    ],
  ],
  [
    'window',
    900,
    1200,
    [
      box([70, 110, 90], 0.1, 0.1, 0.9, 0.85),
      box([190, 215, 235], 0.15, 0.14, 0.85, 0.8),
      ...mug([180, 60, 50], 0.4),
      box(WOOD, 0.05, 0.8, 0.95, 0.86),
    ],
  ],
];

function drawn(width: number, height: number, shapes: readonly Shape[], ground: 'wall' | 'none') {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const light = 1 - 0.15 * (y / height);
      let pixel = [...WALL.map((value) => value * light), ground === 'wall' ? 255 : 0];
      for (const { colour, distance } of shapes) {
        const cover = Math.min(1, Math.max(0, 0.5 - distance(x / width, y / height) / 2));
        pixel = [
          ...colour.map((value, index) => value * light * cover + (pixel[index] ?? 0) * (1 - cover)),
          Math.max(pixel[3] ?? 0, 255 * cover),
        ];
      }
      data.set(pixel, (y * width + x) * 4);
    }
  return { data, width, height, colorSpace: 'srgb' as const };
}

await initJpeg(wasm('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
await initPng(wasm('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'));
for (const [name, width, height, shapes] of PICTURES) {
  const bytes = Buffer.from(await encodeJpeg(drawn(width, height, shapes, 'wall'), { quality: 78 }));
  writeFileSync(here(`${name}.jpg`), bytes);
  if (name === 'window') writeFileSync(here('window-cut-off.jpg'), bytes.subarray(0, bytes.length / 2));
}
const logo = drawn(480, 360, [...mug([52, 92, 150], 0.45)], 'none');
writeFileSync(here('logo.png'), Buffer.from(await encodePng(logo)));
writeFileSync(here('not-a-picture.jpg'), 'The photograph follows by post.\n');
