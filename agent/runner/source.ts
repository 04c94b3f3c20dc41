// A run's items as JavaScript values, one by one, without making arrays of them. In: a batch. Out: the value at an offset.
// Always true: what has no value (a text that is not JSON) throws at its own offset and nowhere else.
import { countOf, halvesOf, type Items, sizeOf, sliceItems, unpackItems, wholeAt } from '../../proto/items.js'

export interface Source {
  readonly count: number
  /** Makes [from, to) ready to be read; `from` is where reading stopped, at the last call's `to` or before it. */
  prepare(from: number, to: number): void
  at(offset: number): unknown
}

const nothing = (): void => {}

class Undecodable {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * Smaller: more calls for each item. Larger: more objects that wait, and grow old in the collector's eyes. As many as there
 * are lines between two of a text's known places (proto/texts.ts), so that none is looked for twice.
 */
const BLOCK_ITEMS = 256
/** What takes more is decoded when it is asked for. Larger: more large values lie in memory at once. */
const BLOCK_BYTES = 128 * 1024

/** Texts and records are decoded a block at a time, or, where they are large, a chunk, before its first item is begun. */
class DecodedSource implements Source {
  readonly count: number
  readonly #items: Items
  /** The offset of the first value. */
  #from = 0
  #values: unknown[] = []

  constructor(items: Items) {
    this.count = countOf(items)
    this.#items = items
  }

  prepare(from: number, to: number): void {
    const decoded = this.#from + this.#values.length
    if (to <= decoded) return
    const block = sliceItems(this.#items, decoded, Math.ceil(to / BLOCK_ITEMS) * BLOCK_ITEMS)
    const values = valuesOf(sizeOf(block) > BLOCK_BYTES ? sliceItems(block, 0, to - decoded) : block)
    this.#values = from < decoded ? this.#values.slice(from - this.#from).concat(values) : values
    this.#from = Math.min(from, decoded)
  }

  at(offset: number): unknown {
    const value = this.#values[offset - this.#from]
    if (value instanceof Undecodable) throw value.error
    return value
  }
}

/** The values of a block; where one cannot be read, each by itself. */
const valuesOf = (items: Items): unknown[] => {
  try {
    return unpackItems(items)
  } catch (error) {
    const count = countOf(items)
    if (count === 1) return [new Undecodable(error)]
    return [...valuesOf(sliceItems(items, 0, count >> 1)), ...valuesOf(sliceItems(items, count >> 1, count))]
  }
}

export const sourceOf = (items: Items): Source => {
  const count = countOf(items)
  switch (items.form) {
    case 'range': {
      const { start, step } = items
      return { count, prepare: nothing, at: offset => start + step * offset }
    }
    case 'json':
    case 'records':
      return new DecodedSource(items)
    case 'i64': {
      const { values } = items
      // Reading a BigInt64Array makes a bigint for each item.
      const halves = halvesOf(values)
      return { count, prepare: nothing, at: offset => wholeAt(halves, offset) ?? values[offset] }
    }
    default: {
      const { values } = items
      return { count, prepare: nothing, at: offset => values[offset] }
    }
  }
}
