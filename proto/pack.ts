// JavaScript values into batches and back.
// In: values. Out: packed numbers where all are numbers (whole ones `i64`, none whole `f64`, both `number`), `records` where
// all are small objects with the same keys in the same order, else `json`.
// Always true: unpacking gives the values that were packed, item for item, whatever their neighbours are.
import type { Items } from './items.js'
import { unpackRecords } from './records-reader.js'
import { RecordWriter } from './records-writer.js'
import { TextWriter, valuesOfTexts } from './texts.js'
import { encodeValue } from './value.js'

/** What has no form is named by its place, and `items` holds the others in order. */
export interface Packed {
  readonly items: Items
  readonly unpackable: readonly { readonly offset: number; readonly message: string }[]
}

/** JavaScript values as a batch. */
export const packValues = (values: readonly unknown[]): Packed => {
  const records = packRecords(values)
  return records ? { items: records, unpackable: [] } : packLines(values)
}

const packRecords = (values: readonly unknown[]): Items | undefined => {
  const writer = new RecordWriter()
  try {
    for (let at = 0; at < values.length; at++) if (!writer.push(values[at])) return undefined
  } catch {
    // A getter of the user's: its item will be named.
    return undefined
  }
  return writer.end()
}

/** As packValues, but never as records: for who wants lines of it at once. */
export const packLines = (values: readonly unknown[]): Packed => {
  const numbers = packNumbers(values)
  if (numbers) return { items: numbers, unpackable: [] }
  const unpackable: Packed['unpackable'][number][] = []
  const writer = new TextWriter()
  for (let offset = 0; offset < values.length; offset++) {
    try {
      writer.push(encodeValue(values[offset]))
    } catch (error) {
      // A toJSON or a getter of the user's may throw anything.
      unpackable.push({ offset, message: error instanceof Error ? error.message : String(error) })
    }
  }
  return { items: writer.end(), unpackable }
}

const packNumbers = (values: readonly unknown[]): Items | undefined => {
  const count = values.length
  if (count > 0 && typeof values[0] !== 'number') return undefined
  const doubles = new Float64Array(count)
  let wholes = 0
  for (let at = 0; at < count; at++) {
    const value = values[at]
    if (typeof value !== 'number') return undefined
    doubles[at] = value
    if (isWhole(value)) wholes += 1
  }
  if (wholes === 0) return { form: 'f64', values: doubles }
  if (wholes < count) return { form: 'number', values: doubles }
  const integers = new BigInt64Array(count)
  const halves = halvesOf(integers)
  for (let at = 0; at < count; at++) putWhole(halves, at, doubles[at] as number)
  return { form: 'i64', values: integers }
}

/** What other languages read as an integer: a safe one other than -0. */
export const isWhole = (value: number): boolean => Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)

// 64-bit integers as two halves of 32 bits (low first, as the wire has them): many times faster than a bigint for each.
const HALF = 2 ** 32
export const halvesOf = (values: BigInt64Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length * 2)

export const putWhole = (halves: Int32Array, at: number, value: number): void => {
  const high = Math.floor(value / HALF)
  halves[at * 2] = value - high * HALF
  halves[at * 2 + 1] = high
}

/**
 * The integer as a number, where it is a safe one. One of 32 bits is what the engine makes of a number in the source: to a function
 * that has met 3 as a double, `%`, `|` and the like take several times as long from then on.
 */
export const wholeAt = (halves: Int32Array, at: number): number | undefined => {
  const low = halves[at * 2] as number
  const high = halves[at * 2 + 1] as number
  if (high === low >> 31) return low
  const value = high * HALF + (low >>> 0)
  return Number.isSafeInteger(value) ? value : undefined
}

/** The integers that begin there and have 32 bits, into `room`, up to its end or `to`; returns how many. */
export const smallWholesAt = (halves: Int32Array, from: number, to: number, room: Int32Array): number => {
  const count = Math.min(to - from, room.length)
  for (let at = 0; at < count; at++) {
    const low = halves[(from + at) * 2] as number
    if (halves[(from + at) * 2 + 1] !== low >> 31) return at
    room[at] = low
  }
  return count
}

/** The batch as JavaScript values. */
export const unpackItems = (items: Items): unknown[] => {
  switch (items.form) {
    case 'range': {
      const values = new Array<unknown>(items.count)
      for (let at = 0; at < items.count; at++) values[at] = items.start + items.step * at
      return values
    }
    case 'i64': {
      const values = new Array<unknown>(items.values.length)
      const halves = halvesOf(items.values)
      for (let at = 0; at < values.length; at++) values[at] = wholeAt(halves, at) ?? items.values[at]
      return values
    }
    case 'json':
      return valuesOfTexts(items)
    case 'records':
      return unpackRecords(items)
    default:
      return boxed(items.values)
  }
}

/** Five times as fast as Array.from. */
const boxed = (doubles: Float64Array): unknown[] => {
  const values = new Array<unknown>(doubles.length)
  for (let at = 0; at < doubles.length; at++) values[at] = doubles[at]
  return values
}
