import pngEncoder from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import encodePng, { init } from '@jsquash/png/encode.js';
import { encodeJpeg } from '../../../functions/generate-report/pictures/codecs.ts';
import type { Pixels } from '../../../functions/generate-report/pictures/pixels.ts';

/** A picture whose colours tell where one is: red grows to the right, green downwards. */
export function gradient(width: number, height: number, alpha = 255): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data.set([(255 * x) / width, (255 * y) / height, 80, alpha], (y * width + x) * 4);
  return { data, width, height };
}

export async function jpeg(width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await encodeJpeg(gradient(width, height)));
}

export async function png(pixels: Pixels): Promise<Uint8Array<ArrayBuffer>> {
  await init(pngEncoder);
  return new Uint8Array(await encodePng(pixels));
}

/** 40 × 30 pixels. */
export const WEBP: Uint8Array<ArrayBuffer> = Uint8Array.from(
  Buffer.from(
    'UklGRnwDAABXRUJQVlA4IHADAADwEQCdASooAB4APqU+mEmmIyIhNUgAwBSJagCdO8AR28rKbVA3ZfoAwuX0QbyTvFk+a5Z/FHs/6OOAPkC1AqwHIE+T/Lv9l21+Afzz+n+BD+16Rd5Y/y/wBjpH63+xP9P9F/5P/YP+9/efgD/mP8y/x/qzeuv9bvYo/W0N5JdPl2Hkvqtj0dGYbYJSSqIuECJHXFL8ysNO4AD+dKa93u/k9b+b1knFBYP8H5t5miISkEfUMANnaogqS/CD3mVLaL6eO+bdxXahoXCpIUYmg0dxG8mGbLBt1SsqlY/JPqWN3LlWNU2hztF50Y+uhXBOTk7Uvn8+EJlAt6UhpTsPCx1KXmsaptDmEEW3+kcBJIr5YnK9YRqZPdLoxsYEDGlwesMvWw3/lru+b3zXW07iL0Qm3xeIN9lmCE8Ou6cHfJApWacYYl14Ria6HjPOWVJ2RBD232UIR0ned1J9kSYRMkPBfjv92Ho/arbe6+fMBZImsDYy3rBWYHpLeaA6UER8caw0CauGNubljksfI+PWzwEVQ1kCWfxMb9HesDU9D5sL16zwaE5ckBRsTn4UDw1hUYzoWjJDYmN+jvWBo+wmE6x0eeWG38dvgdqya2VLnb8IMqOwBRzpcgvoz3bktv+cy8yg5jAweYzgSM4PaZwOTKMGgXq/3qypGHNzxMaea3IjjK3XR85JPS5/BlgLWuXkIaqFNBX5UMBAzF/gw/6/nlPNNuzLPaxeb2Z9lnmus3q6mmEt4MsyWnzNApnQxWtuwxeaMHlSEqrP9bwoGneDOn90d6MkI1IxNAXzMKIGDcYO3MrqHP88J867s4QlB0vVX8X2v42nEVmSyqqf1Fdd4ChIfahvvsg+ZvU/e0nso0JAYlwKSAXEojlGWUDZ0a5FAXJ6aVz60MtVjVNoc1SlulVv1TX5UgZCuZg78aEpjbJa1gzfA41ODXNuxuA5w1OeyIsG0+4/ENqB03G/bqXlALJv28xpmUsZU36cwxF7SO0wEV/oESrtNZBDH2gd1ffHBlAQ7njDFG11K+cuQX5qaDTsmr4gjsq7sChtb3x1bgV397uTLBkj1gyVUlxkn27tdfuori7OR0MRdKp1CgAaRSR+4JJhs97U2cN0+Rh235C4KSnyDG0H95KVL0c/9FXOJpSjDpNifmPOfOde7QrxAAAA',
    'base64',
  ),
);
