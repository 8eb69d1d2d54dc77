import { crc32 as zlibCrc32 } from 'node:zlib';

export function crc32(bytes: Buffer): Buffer {
  return unsigned32(zlibCrc32(bytes));
}

/** CRC-32C (Castagnoli), reflected polynomial. */
const CASTAGNOLI = 0x82f63b78;
const CASTAGNOLI_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CASTAGNOLI : 0);
  return crc;
});

export function crc32c(bytes: Buffer): Buffer {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CASTAGNOLI_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return unsigned32((crc ^ 0xffffffff) >>> 0);
}

/** CRC-64/NVME, reflected polynomial. */
const NVME = 0x9a6c9329ac4bc9b5n;
/** As halves, since 64-bit integers are slow here. */
const NVME_HIGH = new Uint32Array(256);
const NVME_LOW = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? NVME : 0n);
  NVME_HIGH[byte] = Number(crc >> 32n);
  NVME_LOW[byte] = Number(crc & 0xffffffffn);
}

export function crc64nvme(bytes: Buffer): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of bytes) {
    const at = (low ^ byte) & 0xff;
    low = (((low >>> 8) | (high << 24)) ^ (NVME_LOW[at] ?? 0)) >>> 0;
    high = ((high >>> 8) ^ (NVME_HIGH[at] ?? 0)) >>> 0;
  }
  return Buffer.concat([unsigned32((high ^ 0xffffffff) >>> 0), unsigned32((low ^ 0xffffffff) >>> 0)]);
}

function unsigned32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
