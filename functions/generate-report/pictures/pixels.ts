/** Decoded: red, green, blue, alpha, a byte each, row by row. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Averages blocks of `factor` × `factor` pixels: most of the way down for a large original, in one pass and without a copy of it.
 * What is left over at the right and the bottom belongs to the last blocks.
 */
export function shrunk({ data, width, height }: Pixels, factor: number): Pixels {
  const across = Math.max(1, Math.floor(width / factor));
  const down = Math.max(1, Math.floor(height / factor));
  const small = new Uint8ClampedArray(across * down * 4);
  for (let y = 0; y < down; y++) {
    const lastRow = y === down - 1 ? height : (y + 1) * factor;
    for (let x = 0; x < across; x++) {
      const lastColumn = x === across - 1 ? width : (x + 1) * factor;
      let red = 0;
      let green = 0;
      let blue = 0;
      let alpha = 0;
      for (let row = y * factor; row < lastRow; row++)
        for (let at = (row * width + x * factor) * 4; at < (row * width + lastColumn) * 4; at += 4) {
          red += data[at] as number;
          green += data[at + 1] as number;
          blue += data[at + 2] as number;
          alpha += data[at + 3] as number;
        }
      const count = (lastRow - y * factor) * (lastColumn - x * factor);
      small.set([red / count, green / count, blue / count, alpha / count], (y * across + x) * 4);
    }
  }
  return { data: small, width: across, height: down };
}

/** Puts the picture on white, in place: JPEG has no alpha, and would show what transparent pixels hide. */
export function flatten({ data }: Pixels): void {
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] as number;
    if (alpha === 255) continue;
    const white = 255 - alpha;
    data[at] = ((data[at] as number) * alpha) / 255 + white;
    data[at + 1] = ((data[at + 1] as number) * alpha) / 255 + white;
    data[at + 2] = ((data[at + 2] as number) * alpha) / 255 + white;
    data[at + 3] = 255;
  }
}
