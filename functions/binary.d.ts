/** Files that the bundler holds in the bundle, byte for byte (infra/constructs/bundled-code.ts). */
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

declare module '*.ttf' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

declare module '*.woff' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
