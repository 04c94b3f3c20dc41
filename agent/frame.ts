// Frames between an agent and its worker: bytes in, frames out, and back. Both ends of descriptor 3 use this file where
// they are JavaScript; docs/worker-protocol.md has the layout for the others.
// Always true: what this reader returns passed the checksum and the size cap; anything else is a FrameError, and after one
// the stream is dead: there is no way to find the next frame in a stream that somebody else wrote into.
import type { Writable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { joinChecksums, rememberChecksum } from '../proto/checksum.js'
import type { Items } from '../proto/items.js'
import { blockOf, readBlock } from '../proto/records-block.js'

export interface Frame {
  readonly type: number
  /** The load's number or the run's. */
  readonly id: number
  /** Of outcomes: the run has ended. */
  readonly last: boolean
  readonly meta: Record<string, unknown>
  readonly items?: Items
}

/** The bytes on the descriptor are no frame of ours. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

const MAGIC = 0x314b574d // "MWK1"
const HEADER_BYTES = 20
const LAST_FLAG = 1
/** A larger cap lets a mad worker take more of the agent's memory; a smaller one refuses large honest values. */
export const FRAME_LIMIT_BYTES = 256 * 1024 * 1024
/** Bodies up to this size are copied into one buffer with their header: one small copy is cheaper than a second write. */
const COPIED_BYTES = 16 * 1024

const FORMS = ['none', 'range', 'f64', 'number', 'i64', 'json', 'records'] as const
const EMPTY = new Uint8Array(0)

const bytesOf = (items: Items): Uint8Array => {
  if (items.form === 'range') return EMPTY
  if (items.form === 'json') return items.text
  if (items.form === 'records') return blockOf(items)
  return new Uint8Array(items.values.buffer, items.values.byteOffset, items.values.byteLength)
}

/** The description of a frame with these items: nearly all are small and many, so that none is copied in vain. */
const described = ({ meta, items }: Frame): Record<string, unknown> => {
  if (items?.form === 'range') return { ...meta, items: { start: items.start, step: items.step, count: items.count } }
  return items?.form === 'json' ? { items: { count: items.count }, ...meta } : meta
}

const alignedTo8 = (bytes: number): number => (bytes + 7) & ~7

/** The frame as parts to be written one after the other; packed values are passed on as they are, without a copy. */
export const encodeFrame = (frame: Frame): [head: Uint8Array] | [head: Uint8Array, values: Uint8Array] => {
  const meta = Buffer.from(JSON.stringify(described(frame)))
  const values = frame.items ? bytesOf(frame.items) : EMPTY
  const valuesAt = alignedTo8(4 + meta.length)
  const bodyBytes = valuesAt + values.length
  if (bodyBytes > FRAME_LIMIT_BYTES) throw new FrameError(`a frame of ${bodyBytes} bytes is over ${FRAME_LIMIT_BYTES}`)
  const copied = values.length <= COPIED_BYTES
  const head = Buffer.allocUnsafe(HEADER_BYTES + valuesAt + (copied ? values.length : 0))
  head.writeUInt32LE(MAGIC, 0)
  head[4] = frame.type
  head[5] = FORMS.indexOf(frame.items?.form ?? 'none')
  head.writeUInt16LE(frame.last ? LAST_FLAG : 0, 6)
  head.writeUInt32LE(frame.id, 8)
  head.writeUInt32LE(bodyBytes, 12)
  head.writeUInt32LE(meta.length, HEADER_BYTES)
  meta.copy(head, HEADER_BYTES + 4)
  head.fill(0, HEADER_BYTES + 4 + meta.length, HEADER_BYTES + valuesAt)
  if (copied) head.set(values, HEADER_BYTES + valuesAt)
  let checksum = crc32(head.subarray(HEADER_BYTES), crc32(head.subarray(0, 16)))
  if (!copied) checksum = crc32(values, checksum)
  head.writeUInt32LE(checksum, 16)
  return copied ? [head] : [head, values]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A view where the bytes lie aligned in memory, else a copy. */
const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes))

const recordsFrom = (block: Uint8Array): Items => {
  try {
    return readBlock(block)
  } catch (error) {
    throw new FrameError((error as Error).message)
  }
}

const itemsFrom = (form: string, meta: Record<string, unknown>, values: Uint8Array): Items => {
  const { start, step, count } = isRecord(meta.items) ? meta.items : {}
  if (form === 'range') {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(step) || !isCount(count))
      throw new FrameError('a range without its numbers')
    return { form, start: start as number, step: step as number, count }
  }
  if (form === 'json') {
    if (!isCount(count)) throw new FrameError('JSON items without their count')
    return { form, count, text: values }
  }
  if (form === 'records') return recordsFrom(values)
  if (values.length % 8 !== 0) throw new FrameError(`${values.length} bytes of packed values`)
  const whole = aligned(values)
  const place = [whole.buffer as ArrayBuffer, whole.byteOffset, whole.length / 8] as const
  return form === 'i64'
    ? { form, values: new BigInt64Array(...place) }
    : { form: form as 'f64' | 'number', values: new Float64Array(...place) }
}

const isAt = (bytes: Uint8Array, at: number, place: Uint8Array, placeAt: number): boolean =>
  bytes.buffer === place.buffer && bytes.byteOffset + at === place.byteOffset + placeAt

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Of the values alone where they are many: in a message they have the same one. */
const checkBody = (header: Buffer, body: Buffer, valuesAt: number): number | undefined => {
  const valuesBytes = body.length - valuesAt
  const front = crc32(header.subarray(0, 16))
  const isLarge = valuesBytes > COPIED_BYTES
  const values = isLarge ? crc32(body.subarray(valuesAt)) : undefined
  const checksum =
    values === undefined
      ? crc32(body, front)
      : joinChecksums(crc32(body.subarray(0, valuesAt), front), values, valuesBytes)
  if (checksum !== header.readUInt32LE(16)) throw new FrameError('wrong checksum')
  return values
}

const decodeBody = (header: Buffer, body: Buffer): Frame => {
  const metaBytes = body.length >= 4 ? body.readUInt32LE(0) : -1
  const isCut = metaBytes < 0 || 4 + metaBytes > body.length
  const valuesAt = isCut ? body.length : alignedTo8(4 + metaBytes)
  const valuesChecksum = checkBody(header, body, Math.min(valuesAt, body.length))
  if (isCut) throw new FrameError('a body shorter than its description')
  let meta: unknown
  try {
    meta = JSON.parse(body.toString('utf8', 4, 4 + metaBytes))
  } catch {
    throw new FrameError('a description that is not JSON')
  }
  if (!isRecord(meta)) throw new FrameError('a description that is not an object')
  const form = FORMS[header[5] as number]
  if (form === undefined) throw new FrameError(`items of form ${header[5]}`)
  const type = header[4] as number
  const id = header.readUInt32LE(8)
  const last = (header.readUInt16LE(6) & LAST_FLAG) !== 0
  if (form === 'none') return { type, id, last, meta }
  if (valuesAt > body.length) throw new FrameError('a body shorter than its description')
  const items = itemsFrom(form, meta, body.subarray(valuesAt))
  if (valuesChecksum !== undefined) rememberChecksum(items, valuesChecksum)
  return { type, id, last, meta, items }
}

/** Fresh memory costs more than what is read into it; larger: more of it is kept for each worker. */
const KEPT_BYTES = 2 * 1024 * 1024

/**
 * Cuts a stream of chunks into frames. A body that comes in pieces is collected once, in memory of its own, or, where its
 * frames are `passing`, in memory that is used again: then the values of a frame hold until the next one is asked for.
 */
export class FrameReader {
  readonly #types: ReadonlySet<number>
  readonly #limitBytes: number
  readonly #passing: boolean
  #kept: Buffer | undefined
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #body: Buffer | undefined
  #bodyBytes = 0
  #broken = false

  /** `types`: the frames that this side may be sent. */
  constructor(types: Iterable<number>, { limitBytes = FRAME_LIMIT_BYTES, passing = false } = {}) {
    this.#types = new Set(types)
    this.#limitBytes = limitBytes
    this.#passing = passing
  }

  /** Something of a frame has come, and not all of it. */
  get midFrame(): boolean {
    return this.#headerBytes > 0
  }

  /**
   * Where the stream's next bytes would best be put: a large body's own place, so that they are not copied there. Those are
   * handed to `read` like any others.
   */
  get target(): Uint8Array | undefined {
    return this.#body?.subarray(this.#bodyBytes)
  }

  /** The frames that this chunk completes, each as soon as it is whole; throws FrameError, then for ever. */
  *read(chunk: Uint8Array): Generator<Frame, void> {
    if (this.#broken) throw new FrameError('the stream is broken')
    this.#broken = true
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    let at = 0
    while (at < bytes.length || this.#headerBytes === HEADER_BYTES) {
      if (this.#headerBytes < HEADER_BYTES) {
        const taken = bytes.copy(this.#header, this.#headerBytes, at)
        this.#headerBytes += taken
        at += taken
        if (this.#headerBytes < HEADER_BYTES) break
        this.#checkHeader()
      }
      const body = this.#takeBody(bytes, at)
      if (body === undefined) break
      at += body.taken
      this.#headerBytes = 0
      const frame = decodeBody(this.#header, body.bytes)
      this.#broken = false
      yield frame
      this.#broken = true
    }
    this.#broken = false
  }

  #checkHeader(): void {
    const header = this.#header
    if (header.readUInt32LE(0) !== MAGIC) throw new FrameError('no frame begins here')
    if (!this.#types.has(header[4] as number)) throw new FrameError(`a frame of type ${header[4]}`)
    const bodyBytes = header.readUInt32LE(12)
    if (bodyBytes > this.#limitBytes) throw new FrameError(`a frame of ${bodyBytes} bytes is over ${this.#limitBytes}`)
  }

  #takeBody(bytes: Buffer, at: number): { bytes: Buffer; taken: number } | undefined {
    const wanted = this.#header.readUInt32LE(12)
    if (this.#body === undefined) {
      if (bytes.length - at >= wanted) {
        if (wanted > COPIED_BYTES) return { bytes: bytes.subarray(at, at + wanted), taken: wanted }
        // A small body would keep the whole chunk in memory for as long as its values live.
        const own = this.#passing ? this.#memory(wanted) : Buffer.allocUnsafe(wanted)
        bytes.copy(own, 0, at, at + wanted)
        return { bytes: own, taken: wanted }
      }
      this.#body = this.#memory(wanted)
      this.#bodyBytes = 0
    }
    const taken = Math.min(bytes.length - at, wanted - this.#bodyBytes)
    if (!isAt(bytes, at, this.#body, this.#bodyBytes)) bytes.copy(this.#body, this.#bodyBytes, at, at + taken)
    this.#bodyBytes += taken
    if (this.#bodyBytes < wanted) return undefined
    const body = this.#body
    this.#body = undefined
    return { bytes: body, taken }
  }

  #memory(bytes: number): Buffer {
    if (!this.#passing || bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes)
    if (this.#kept === undefined || this.#kept.length < bytes)
      this.#kept = Buffer.allocUnsafeSlow(Math.max(bytes, COPIED_BYTES))
    return this.#kept.subarray(0, bytes)
  }
}

/** Writes frames; those of one turn of the event loop leave together, unless they are let go before. */
export class FrameWriter {
  readonly #stream: Writable
  #isHolding = false

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** `onWritten`: the memory of the frame's values is the caller's again. */
  send(frame: Frame, onWritten?: () => void): void {
    const parts = encodeFrame(frame)
    if (!this.#isHolding) {
      this.#isHolding = true
      this.#stream.cork()
      process.nextTick(() => this.release())
    }
    const [head, values] = parts
    this.#stream.write(head)
    if (values === undefined) onWritten?.()
    else this.#stream.write(values, onWritten)
  }

  /** Lets go of the frames that are held. */
  release(): void {
    if (!this.#isHolding) return
    this.#isHolding = false
    this.#stream.uncork()
  }
}
