// Items on the wire: the codecs' part for the packed forms. Only they import it.
// Always true: what comes out holds exactly `count` values; packed numbers are views where they are aligned, as they are in
// every message that was written here and lies at the start of its memory.
import { MessageError } from './envelope.js'
import type * as wire from './gen/wire.js'
import { countOf, type Items, sizeOf } from './items.js'
import { blockOf, checkLines, readBlock } from './records-block.js'
import type { BlobRef } from './shard.js'
import { lineFeedsIn } from './texts.js'

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const DOUBLE_BYTES = 8
const LINE_FEED = 10

/** A count or an index that crossed the wire: a safe integer, or the message is refused. */
export const whole = (value: bigint): number => {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new MessageError(`${value} is beyond 2^53`)
  return number
}

/** A name that crossed the wire: the 32 bytes of a SHA-256, in hex. */
export const hashFromWire = (sha256: Uint8Array): string => {
  if (sha256.byteLength !== 32) throw new MessageError('a blob is named by 32 bytes')
  return Buffer.from(sha256).toString('hex')
}

export const refToWire = (ref: BlobRef): wire.BlobRef => ({
  sha256: Buffer.from(ref.sha256, 'hex'),
  sizeBytes: BigInt(ref.sizeBytes),
})

export const refFromWire = (ref: wire.BlobRef | undefined): BlobRef => {
  if (ref === undefined) throw new MessageError('the name of a blob is missing')
  return { sha256: hashFromWire(ref.sha256), sizeBytes: whole(ref.sizeBytes) }
}

const bytesOf = (values: Float64Array | BigInt64Array): Uint8Array => {
  if (!LITTLE_ENDIAN) throw new Error('manyhands runs on little-endian machines only')
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

const NO_BYTES = new Uint8Array()

export const itemsToWire = (items: Items | BlobRef): wire.Items => {
  if ('sha256' in items) return { count: 0n, form: { $case: 'reference', value: refToWire(items) }, padding: NO_BYTES }
  switch (items.form) {
    case 'range':
      return {
        count: BigInt(items.count),
        form: { $case: 'range', value: { start: BigInt(items.start), step: BigInt(items.step) } },
        padding: NO_BYTES,
      }
    case 'json':
      return { count: BigInt(items.count), form: { $case: 'json', value: items.text }, padding: NO_BYTES }
    case 'records':
      return { count: BigInt(items.count), form: { $case: 'records', value: blockOf(items) }, padding: NO_BYTES }
    default:
      return {
        count: BigInt(items.values.length),
        form: { $case: items.form, value: bytesOf(items.values) },
        padding: NO_BYTES,
      }
  }
}

/** Whether it is bytes that say what the values are. */
export const hasBytes = (items: Items | BlobRef): items is Items =>
  !('sha256' in items) && items.form !== 'range' && sizeOf(items) > 0

/** The values as the bytes that travel. */
export const bytesOfItems = (items: Items): Uint8Array => {
  switch (items.form) {
    case 'range':
      throw new Error('a range has no bytes')
    case 'json':
      return items.text
    case 'records':
      return blockOf(items)
    default:
      return bytesOf(items.values)
  }
}

// Field numbers of wire.proto's Items with the type of their contents, as protobuf puts them in front of a field.
const COUNT_TAG = 1 << 3
const FORM_TAGS = {
  f64: (3 << 3) | 2,
  number: (4 << 3) | 2,
  i64: (5 << 3) | 2,
  json: (6 << 3) | 2,
  records: (9 << 3) | 2,
} as const
const PADDING_TAG = (8 << 3) | 2

const pushVarint = (to: number[], value: number): void => {
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) to.push((rest % 0x80) + 0x80)
  to.push(rest)
}

/**
 * What stands in front of the values of a message whose last field is `items`, so that they can be copied into their place
 * once: `field` is the items' number in the message, or none where the message is the items; `byteLength`, that of the
 * values; `at`, the bytes before.
 */
export const beforeValues = (field: number | undefined, items: Items, byteLength: number, at: number): number[] => {
  if (items.form === 'range') throw new Error('a range has no bytes')
  const tag = FORM_TAGS[items.form]
  const head = [COUNT_TAG]
  pushVarint(head, countOf(items))
  for (let zeros = -1; ; zeros++) {
    const inner = zeros < 0 ? [...head] : [...head, PADDING_TAG, zeros, ...new Array<number>(zeros).fill(0)]
    inner.push(tag)
    pushVarint(inner, byteLength)
    const before: number[] = []
    if (field !== undefined) {
      before.push((field << 3) | 2)
      pushVarint(before, inner.length + byteLength)
    }
    if ((at + before.length + inner.length) % DOUBLE_BYTES === 0) return before.concat(inner)
  }
}

const aligned = (bytes: Uint8Array, count: number): { buffer: ArrayBuffer; offset: number } => {
  if (bytes.byteLength !== count * DOUBLE_BYTES) throw new MessageError(`${count} numbers in ${bytes.byteLength} bytes`)
  if (bytes.byteOffset % DOUBLE_BYTES === 0) return { buffer: bytes.buffer as ArrayBuffer, offset: bytes.byteOffset }
  // Not bytes.slice(): that of a Buffer is a view, and its memory begins elsewhere.
  return { buffer: new Uint8Array(bytes).buffer as ArrayBuffer, offset: 0 }
}

const checkTexts = (text: Uint8Array, count: number): void => {
  if (text.byteLength > 0 && text[text.byteLength - 1] !== LINE_FEED) throw new MessageError('the last text is cut')
  if (lineFeedsIn(text, count) !== count) throw new MessageError(`not ${count} texts`)
}

const recordsFrom = (block: Uint8Array, count: number): Items => {
  const records = readBlock(block)
  if (records.count !== count) throw new MessageError(`${records.count} records where ${count} are said to be`)
  checkLines(records)
  return records
}

export const itemsFromWire = (message: wire.Items | undefined): Items | BlobRef => {
  const form = message?.form
  if (message === undefined || form === undefined) throw new MessageError('items without a form')
  const count = whole(message.count)
  switch (form.$case) {
    case 'reference':
      return refFromWire(form.value)
    case 'range': {
      const start = whole(form.value.start)
      const step = whole(form.value.step)
      if (!Number.isSafeInteger(start + step * Math.max(0, count - 1))) throw new MessageError('a range beyond 2^53')
      return { form: 'range', start, step, count }
    }
    case 'json':
      checkTexts(form.value, count)
      return { form: 'json', count, text: form.value }
    case 'records':
      return recordsFrom(form.value, count)
    case 'i64': {
      const { buffer, offset } = aligned(form.value, count)
      return { form: 'i64', values: new BigInt64Array(buffer, offset, count) }
    }
    default: {
      const { buffer, offset } = aligned(form.value, count)
      return { form: form.$case, values: new Float64Array(buffer, offset, count) }
    }
  }
}
