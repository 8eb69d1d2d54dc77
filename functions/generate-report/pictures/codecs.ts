import jpegDecoder from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import jpegEncoder from '@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm';
import decodeJpeg, { init as initJpegDecoder } from '@jsquash/jpeg/decode.js';
import encodeJpegPixels, { init as initJpegEncoder } from '@jsquash/jpeg/encode.js';
import pngDecoder from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import decodePng, { init as initPngDecoder } from '@jsquash/png/decode.js';
import resizePixels, { initResize } from '@jsquash/resize';
import resizer from '@jsquash/resize/lib/resize/pkg/squoosh_resize_bg.wasm';
import webpDecoder from '@jsquash/webp/codec/dec/webp_dec.wasm';
import decodeWebp, { init as initWebpDecoder } from '@jsquash/webp/decode.js';
import { CorruptPicture } from './corrupt-picture.ts';
import type { Format } from './header.ts';
import type { Pixels } from './pixels.ts';

/** What the codecs expect of a browser: their glue code makes one for each picture. */
class BrowserImageData implements Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly colorSpace = 'srgb';

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

/** JPEG's, 0 to 100. Not progressive: that saves a tenth of the bytes for two and a half times the work. */
const QUALITY = 80;

/** What the decoder printed: where a picture ends early it pads with grey, says so here, and throws nothing. */
const complaints: string[] = [];
const printErr = (line: string): number => complaints.push(line);
/** Of libjpeg's warnings, those that are seen in the picture; cameras cause others every day. */
const SEEN_IN_THE_PICTURE = /premature end|bad huffman|corrupt data|instead of rst/i;

/** Node's types lack it. */
const { Module } = (
  globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array<ArrayBuffer>) => object } }
).WebAssembly;

type Init = (wasm: object, overrides?: object) => Promise<unknown>;

const load = async (init: unknown, wasm: Uint8Array<ArrayBuffer>): Promise<void> => {
  await (init as Init)(new Module(wasm), { printErr });
};

/** Each codec is compiled when it is first needed: most runs see one format. */
const once = (init: unknown, wasm: Uint8Array<ArrayBuffer>): (() => Promise<void>) => {
  let loaded: Promise<void> | undefined;
  return () => {
    Object.assign(globalThis, { ImageData: BrowserImageData });
    loaded ??= load(init, wasm);
    return loaded;
  };
};

const DECODERS: Readonly<
  Record<
    Format,
    {
      readonly ready: () => Promise<void>;
      readonly again: () => Promise<void>;
      readonly decode: (bytes: ArrayBuffer) => Promise<Pixels>;
    }
  >
> = {
  jpeg: {
    ready: once(initJpegDecoder, jpegDecoder),
    again: () => load(initJpegDecoder, jpegDecoder),
    // Turned as its camera was held.
    decode: (bytes) => decodeJpeg(bytes, { preserveOrientation: true }),
  },
  png: {
    ready: once(initPngDecoder, pngDecoder),
    again: async () => {},
    decode: (bytes) => decodePng(bytes),
  },
  webp: {
    ready: once(initWebpDecoder, webpDecoder),
    again: () => load(initWebpDecoder, webpDecoder),
    decode: decodeWebp,
  },
};
const encoderReady = once(initJpegEncoder, jpegEncoder);
const resizerReady = once(initResize, resizer);

/** @throws CorruptPicture for what cannot be decoded to its end */
export async function decode(format: Format, bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  const { ready, again, decode: decodeWith } = DECODERS[format];
  await ready();
  complaints.length = 0;
  let pixels: Pixels;
  try {
    pixels = await decodeWith(
      bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer,
    );
  } catch (error) {
    // A decoder that ended in the middle of its work may be left in any state: the next picture gets a new one.
    await again();
    throw new CorruptPicture(`it cannot be decoded (${complaints.join('; ') || (error as Error).message})`, {
      cause: error,
    });
  }
  const seen = complaints.find((line) => SEEN_IN_THE_PICTURE.test(line));
  if (seen !== undefined) throw new CorruptPicture(`it is damaged (${seen})`);
  return pixels;
}

export async function encodeJpeg(pixels: Pixels): Promise<Uint8Array> {
  await encoderReady();
  return new Uint8Array(await encodeJpegPixels(pixels, { quality: QUALITY, progressive: false }));
}

export async function resize(pixels: Pixels, width: number, height: number): Promise<Pixels> {
  await resizerReady();
  return resizePixels(pixels, { width, height, method: 'lanczos3' });
}
