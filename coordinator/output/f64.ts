// Packed little-endian doubles, 8 bytes an item: item i is at byte 8 * i.
// In: outcomes whose values are numbers (a bigint is rounded to the nearest double). Out: their doubles; a failed item is
// NaN; unordered, it is left out. A value that is no number ends the job with the item's index.
import { endianness } from 'node:os'
import { type Items, unpackItems } from '../../proto/items.js'
import type { Format, FormatOptions } from './format.js'
import { runsOf } from './runs.js'

const BIG_ENDIAN = endianness() === 'BE'

export const f64Format = ({ tagged, unordered }: FormatOptions): Format => {
  if (tagged) throw new TypeError('.f64 has no place for failures: --tagged needs a .jsonl or .json output')
  return {
    *encode(outcomes) {
      for (const run of runsOf(outcomes)) {
        if ('failure' in run) {
          if (!unordered) yield bytesOf(Float64Array.of(Number.NaN))
        } else yield bytesOf(doublesOf(run.values, run.start))
      }
    },
    end: () => [],
    state: () => null,
  }
}

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** The values as doubles; a view where they are doubles already. `start` is the first one's index, for the error. */
export const doublesOf = (items: Items, start: number): Float64Array => {
  if (items.form === 'f64' || items.form === 'number') return items.values
  const values = unpackItems(items)
  return Float64Array.from(values, (value, nth) => doubleOf(value, start + nth))
}

/** The value of the item with this index as a double. */
export const doubleOf = (value: unknown, index: number): number => {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  throw new TypeError(`item ${index} cannot be written as a double: its value is ${kindOf(value)}; use .jsonl`)
}

const bytesOf = (doubles: Float64Array): Uint8Array => {
  const bytes = Buffer.from(doubles.buffer, doubles.byteOffset, doubles.byteLength)
  return BIG_ENDIAN ? Buffer.from(bytes).swap64() : bytes
}
