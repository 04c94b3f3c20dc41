// The floor's frames: u32 length, then an operation (u8, 7 bytes of padding) and doubles. In: a socket. Out: whole frames.
import type { Duplex } from 'node:stream'

export const OPERATIONS = { rootsOfRange: 1, spin: 2, noop: 3 } as const

const HEAD_BYTES = 8
const LENGTH_BYTES = 4

/** From here on a frame is gathered in a buffer of its own, at an address that doubles can be read from. */
const LARGE_BYTES = 65_536

export const frameOf = (operation: number, values: ArrayLike<number>): Buffer => {
  const frame = Buffer.from(new ArrayBuffer(HEAD_BYTES + 8 * values.length))
  frame[0] = operation
  new Float64Array(frame.buffer, HEAD_BYTES).set(values)
  return frame
}

export const valuesOf = (frame: Buffer): Float64Array => {
  const at = frame.byteOffset + HEAD_BYTES
  if (at % 8 === 0) return new Float64Array(frame.buffer, at, (frame.length - HEAD_BYTES) / 8)
  return new Float64Array(frame.buffer.slice(at, at + frame.length - HEAD_BYTES))
}

export class FloorFrames {
  readonly #socket: Duplex
  readonly #onFrame: (frame: Buffer) => void
  #rest: Buffer | undefined
  #large: { readonly frame: Buffer; filled: number } | undefined
  #isCorked = false

  constructor(socket: Duplex, onFrame: (frame: Buffer) => void) {
    this.#socket = socket
    this.#onFrame = onFrame
    socket.on('data', (bytes: Buffer) => this.#feed(bytes))
  }

  /** What is sent in one turn of the event loop leaves in one write. */
  send(frame: Buffer): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeUInt32LE(frame.length, 0)
    this.#socket.write(length)
    this.#socket.write(frame)
  }

  #feed(received: Buffer): void {
    let bytes = received
    let at = 0
    if (this.#large !== undefined) {
      const large = this.#large
      at = bytes.copy(large.frame, large.filled)
      large.filled += at
      if (large.filled < large.frame.length) return
      this.#large = undefined
      this.#onFrame(large.frame)
    } else if (this.#rest !== undefined) bytes = Buffer.concat([this.#rest, bytes])
    this.#rest = undefined
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt32LE(at)
      const begin = at + LENGTH_BYTES
      if (bytes.length - begin < length) {
        if (length < LARGE_BYTES) break
        const frame = Buffer.allocUnsafeSlow(length)
        this.#large = { frame, filled: bytes.copy(frame, 0, begin) }
        return
      }
      this.#onFrame(bytes.subarray(begin, begin + length))
      at = begin + length
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at)
  }
}
