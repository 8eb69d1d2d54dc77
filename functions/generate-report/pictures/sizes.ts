import { ASSET_SIZES, type AssetSize } from '../../../shared/jobs/generate-report.ts';
import { decode, encodeJpeg, resize } from './codecs.ts';
import { CorruptPicture } from './corrupt-picture.ts';
import { headerOf } from './header.ts';
import { flatten, type Pixels, shrunk } from './pixels.ts';

/** Decoded, such a picture takes 96 MB, twice while its decoder hands it over: what the stage's memory holds. */
const MOST_PIXELS = 24_000_000;

export interface SizedPicture {
  readonly size: AssetSize;
  /** JPEG. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture in each of {@link ASSET_SIZES}, largest first. Its shape stays; a size that is larger than the original is not made larger.
 *
 * @throws CorruptPicture saying why it cannot be shown
 */
export async function sizesOf(bytes: Uint8Array<ArrayBuffer>): Promise<SizedPicture[]> {
  const { format, width, height } = headerOf(bytes);
  if (width * height > MOST_PIXELS)
    throw new CorruptPicture(`it has ${width} × ${height} pixels, more than ${MOST_PIXELS / 1e6} megapixels`);
  let pixels = await decode(format, bytes);
  const made: SizedPicture[] = [];
  // Each is made of the one before: a tenth of the work, and the original is let go after the first.
  for (const [size, side] of Object.entries(ASSET_SIZES) as [AssetSize, number][]) {
    pixels = await fitted(pixels, side);
    if (made.length === 0) flatten(pixels);
    made.push({ size, bytes: await encodeJpeg(pixels), width: pixels.width, height: pixels.height });
  }
  return made;
}

async function fitted(pixels: Pixels, side: number): Promise<Pixels> {
  const longer = Math.max(pixels.width, pixels.height);
  if (longer <= side) return pixels;
  const scale = side / longer;
  const width = Math.max(1, Math.round(pixels.width * scale));
  const height = Math.max(1, Math.round(pixels.height * scale));
  // Leaves the filter at least twice the pixels that it needs.
  const factor = Math.floor(longer / side / 2);
  return resize(factor > 1 ? shrunk(pixels, factor) : pixels, width, height);
}
