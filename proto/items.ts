// Values on their way: packed forms that never become arrays of boxed values unless somebody asks for them.
// In: values of a language, lines of a file, a range. Out: the same values, item for item, in any of the three runners.
// Always true: what an item arrives as depends on the item alone, never on its neighbours or on where a shard was cut.
// (docs/worker-protocol.md has the rules for readers of other languages.)

import { halvesOf, isWhole, putWhole, unpackItems, wholeAt } from './pack.js'
import { joinRecords, type Records, sizeOfRecords, sliceRecords, textsOfRecords } from './records.js'
import { linesOf, TextWriter } from './texts.js'
import { encodeDouble } from './value.js'

export { halvesOf, packLines, packValues, smallWholesAt, unpackItems, wholeAt } from './pack.js'
export { toJsonLines } from './plain-json.js'
export { decodeValue, encodeValue } from './value.js'

/**
 * A batch of values.
 * - `range`: start, start + step, …; safe integers.
 * - `f64`: doubles, and doubles they stay (Python: float).
 * - `number`: JavaScript numbers; a safe integer other than -0 is an integer where the language has integers.
 * - `i64`: integers (JavaScript: a number where it is safe, else a bigint).
 * - `records`: objects with the same keys in the same order, as columns.
 * - `json`: `count` extended JSON texts in UTF-8, each ended by one line feed (JSON text never holds a raw one).
 */
export type Items =
  | { readonly form: 'range'; readonly start: number; readonly step: number; readonly count: number }
  | { readonly form: 'f64'; readonly values: Float64Array }
  | { readonly form: 'number'; readonly values: Float64Array }
  | { readonly form: 'i64'; readonly values: BigInt64Array }
  | { readonly form: 'json'; readonly count: number; readonly text: Uint8Array }
  | Records

export const EMPTY_ITEMS: Items = { form: 'json', count: 0, text: new Uint8Array() }

/** How many values the batch holds. */
export const countOf = (items: Items): number => ('count' in items ? items.count : items.values.length)

/** Bytes that the batch takes on its way. */
export const sizeOf = (items: Items): number => {
  switch (items.form) {
    case 'range':
      return 16
    case 'json':
      return items.text.byteLength
    case 'records':
      return sizeOfRecords(items)
    default:
      return items.values.byteLength
  }
}

/** Items `[from, to)` of the batch, as views without a copy. */
export const sliceItems = (items: Items, from: number, to: number): Items => {
  const count = countOf(items)
  const start = Math.min(Math.max(from, 0), count)
  const end = Math.min(Math.max(to, start), count)
  if (start === 0 && end === count) return items
  switch (items.form) {
    case 'range':
      return { form: 'range', start: items.start + items.step * start, step: items.step, count: end - start }
    case 'i64':
      return { form: 'i64', values: items.values.subarray(start, end) }
    case 'json':
      return { form: 'json', count: end - start, text: linesOf(items, start, end) }
    case 'records':
      return start === end ? EMPTY_ITEMS : sliceRecords(items, start, end)
    default:
      return { form: items.form, values: items.values.subarray(start, end) }
  }
}

/** Batches of one input, joined: each item still arrives as the same thing. */
export const joinItems = (batches: readonly Items[]): Items => {
  const filled = batches.filter(batch => countOf(batch) > 0)
  const [first] = filled
  if (!first) return batches[0] ?? { form: 'json', count: 0, text: new Uint8Array(0) }
  if (filled.length === 1) return first
  if (filled.every(batch => batch.form === 'json')) return joinTexts(filled)
  if (filled.every(batch => batch.form === 'range' || batch.form === 'i64'))
    return joinRanges(filled) ?? joinIntegers(filled)
  if (filled.every(batch => batch.form === 'f64')) return { form: 'f64', values: joinDoubles(filled) }
  if (filled.every(isNumbers)) return { form: 'number', values: joinDoubles(filled) }
  return (filled.every(isRecords) ? joinRecords(filled) : undefined) ?? joinTexts(filled.map(toTexts))
}

const joinRanges = (batches: readonly Items[]): Items | undefined => {
  let joined: (Items & { form: 'range' }) | undefined
  for (const batch of batches) {
    if (batch.form !== 'range') return undefined
    if (!joined) {
      joined = batch
      continue
    }
    // A range of one item goes in any step.
    const step = joined.count > 1 ? joined.step : batch.start - joined.start
    if (step === 0 || !Number.isSafeInteger(step) || batch.start !== joined.start + step * joined.count)
      return undefined
    if (batch.count > 1 && batch.step !== step) return undefined
    joined = { form: 'range', start: joined.start, step, count: joined.count + batch.count }
  }
  return joined
}

const joinIntegers = (batches: readonly Items[]): Items => {
  const values = new BigInt64Array(batches.reduce((sum, batch) => sum + countOf(batch), 0))
  const halves = halvesOf(values)
  let at = 0
  for (const batch of batches) {
    if (batch.form === 'i64') values.set(batch.values, at)
    else if (batch.form === 'range')
      for (let nth = 0; nth < batch.count; nth++) putWhole(halves, at + nth, batch.start + batch.step * nth)
    at += countOf(batch)
  }
  return { form: 'i64', values }
}

const isRecords = (items: Items): items is Records => items.form === 'records'

/** Whether the `number` form says of each item what this form says. */
const isNumbers = (items: Items): boolean => {
  switch (items.form) {
    case 'i64': {
      const halves = halvesOf(items.values)
      for (let at = 0; at < items.values.length; at++) if (wholeAt(halves, at) === undefined) return false
      return true
    }
    case 'f64':
      return !items.values.some(isWhole)
    default:
      return items.form === 'range' || items.form === 'number'
  }
}

const joinDoubles = (batches: readonly Items[]): Float64Array => {
  const values = new Float64Array(batches.reduce((sum, batch) => sum + countOf(batch), 0))
  let at = 0
  for (const batch of batches) {
    if (batch.form === 'f64' || batch.form === 'number') values.set(batch.values, at)
    else values.set(unpackItems(batch) as number[], at)
    at += countOf(batch)
  }
  return values
}

const joinTexts = (batches: readonly Items[]): Items => {
  const texts = batches.map(batch => (batch.form === 'json' ? batch.text : new Uint8Array(0)))
  return { form: 'json', count: batches.reduce((sum, batch) => sum + countOf(batch), 0), text: Buffer.concat(texts) }
}

/** The batch as lines. */
export const toTexts = (items: Items): Items & { form: 'json' } => {
  if (items.form === 'json') return items
  if (items.form === 'records') return textsOfRecords(items)
  const writer = new TextWriter()
  if (items.form === 'i64') for (const value of items.values) writer.push(`${value}`)
  else if (items.form === 'range')
    for (let at = 0; at < items.count; at++) writer.push(`${items.start + items.step * at}`)
  else for (const value of items.values) writer.push(encodeDouble(value, items.form === 'f64'))
  return writer.end()
}
