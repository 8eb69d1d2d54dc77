import { CorruptPicture } from './corrupt-picture.ts';

export type Format = 'jpeg' | 'png' | 'webp';

export interface Header {
  readonly format: Format;
  readonly width: number;
  readonly height: number;
}

/**
 * Format and size from a picture's first bytes, before anything is decoded: a file of a few kB can claim to be gigabytes of pixels.
 *
 * @throws CorruptPicture for anything but JPEG, PNG and WebP, and for headers that make no sense
 */
export function headerOf(bytes: Uint8Array): Header {
  const header = jpeg(bytes) ?? png(bytes) ?? webp(bytes);
  if (!header)
    throw new CorruptPicture(bytes.length === 0 ? 'it is empty' : 'it is no JPEG, PNG or WebP picture');
  if (header.width === 0 || header.height === 0)
    throw new CorruptPicture(`its header says ${header.width} × ${header.height} pixels`);
  return header;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const ascii = (bytes: Uint8Array, from: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(from, from + length));

/** https://www.w3.org/TR/png-3/#11IHDR */
function png(bytes: Uint8Array): Header | undefined {
  if (ascii(bytes, 0, 8) !== '\x89PNG\r\n\x1A\n') return undefined;
  if (bytes.length < 24 || ascii(bytes, 12, 4) !== 'IHDR')
    throw new CorruptPicture('its PNG header is cut off');
  return { format: 'png', width: view(bytes).getUint32(16), height: view(bytes).getUint32(20) };
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webp(bytes: Uint8Array): Header | undefined {
  if (ascii(bytes, 0, 4) !== 'RIFF' || ascii(bytes, 8, 4) !== 'WEBP') return undefined;
  if (bytes.length < 30) throw new CorruptPicture('its WebP header is cut off');
  const data = view(bytes);
  switch (ascii(bytes, 12, 4)) {
    case 'VP8 ':
      return {
        format: 'webp',
        width: data.getUint16(26, true) & 0x3fff,
        height: data.getUint16(28, true) & 0x3fff,
      };
    case 'VP8L': {
      const bits = data.getUint32(21, true);
      return { format: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return {
        format: 'webp',
        width: (data.getUint32(24, true) & 0xffffff) + 1,
        height: (data.getUint32(26, true) >>> 8) + 1,
      };
    default:
      throw new CorruptPicture('its WebP header is of no known kind');
  }
}

/** Starts of frame, all but the tables among them (DHT, JPG, DAC). https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1.3 */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function jpeg(bytes: Uint8Array): Header | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const data = view(bytes);
  let at = 2;
  while (at + 9 <= bytes.length) {
    if (data.getUint8(at) !== 0xff) break;
    const marker = data.getUint8(at + 1);
    if (isStartOfFrame(marker))
      return { format: 'jpeg', width: data.getUint16(at + 7), height: data.getUint16(at + 5) };
    // Fill bytes may stand before a marker; markers without a length never come before the frame.
    at += marker === 0xff ? 1 : 2 + data.getUint16(at + 2);
  }
  throw new CorruptPicture('its JPEG header is cut off or broken');
}
