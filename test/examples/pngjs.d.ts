// What the tests use of pngjs, which comes without types.
declare module 'pngjs' {
  export class PNG {
    constructor(options: { readonly width: number; readonly height: number })
    readonly width: number
    readonly height: number
    /** RGBA. */
    readonly data: Buffer
    static readonly sync: {
      read(bytes: Uint8Array, options?: { readonly checkCRC?: boolean }): PNG
      write(png: PNG): Buffer
    }
  }
}
