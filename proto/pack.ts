// JavaScript values into batches and back.
// In: values. Out: packed numbers where all are numbers (whole ones `i64`, none whole `f64`, both `number`), else `json`.
// Always true: unpacking gives the values that were packed, item for item, whatever their neighbours are.
import type { Items } from './items.js'
import { decodeValue, encodeValue, isOrdinary } from './value.js'

/** Lines gathered in pieces, so that no string grows beyond what V8 holds. */
export class TextWriter {
  #pieces: Uint8Array[] = []
  #text = ''
  #count = 0

  push(line: string): void {
    this.#text += `${line}\n`
    this.#count += 1
    if (this.#text.length > 65_536) this.#flush()
  }

  end(): Items {
    this.#flush()
    const [only] = this.#pieces
    const text = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces)
    return { form: 'json', count: this.#count, text }
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text))
    this.#text = ''
  }
}

/** JavaScript values as a batch; what has no form is named by its place, and `items` holds the others in order. */
export const packValues = (
  values: readonly unknown[],
): { items: Items; unpackable: { offset: number; message: string }[] } => {
  const numbers = packNumbers(values)
  if (numbers) return { items: numbers, unpackable: [] }
  const unpackable: { offset: number; message: string }[] = []
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

/** The integer as a number, where it is a safe one. */
export const wholeAt = (halves: Int32Array, at: number): number | undefined => {
  const value = (halves[at * 2 + 1] as number) * HALF + ((halves[at * 2] as number) >>> 0)
  return Number.isSafeInteger(value) ? value : undefined
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
      return unpackText(items.text, items.count)
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

const unpackText = (text: Uint8Array, count: number): unknown[] => {
  let values: unknown[] = []
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  for (let from = 0; from < bytes.length; ) {
    const cut = bytes.length - from <= 65_536 ? bytes.length : bytes.indexOf(10, from + 65_536) + 1
    const lines = bytes.toString('utf8', from, cut)
    const piece = (isOrdinary(lines) ? parseAll(lines) : undefined) ?? parseEach(lines)
    if (from === 0 && cut === bytes.length) values = piece
    else for (let at = 0; at < piece.length; at++) values.push(piece[at])
    from = cut
  }
  if (values.length !== count) throw new RangeError(`the batch says ${count} items, its text has ${values.length}`)
  return values
}

/** As one array, which takes half as long; undefined where that has not a value for each line. */
const parseAll = (lines: string): unknown[] | undefined => {
  let count = 0
  for (let at = lines.indexOf('\n'); at !== -1; at = lines.indexOf('\n', at + 1)) count++
  try {
    const values = JSON.parse(`[${lines.slice(0, -1).replaceAll('\n', ',')}]`) as unknown[]
    return values.length === count ? values : undefined
  } catch {
    return undefined
  }
}

const parseEach = (lines: string): unknown[] => {
  const values: unknown[] = []
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\n', at)
    values.push(decodeValue(lines.slice(at, end)))
    at = end + 1
  }
  return values
}
