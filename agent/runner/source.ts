// A run's items as JavaScript values, one by one, without making arrays of them. In: a batch. Out: the value at an offset.
// Always true: what has no value (a text that is not JSON) throws at its own offset and nowhere else.
import { countOf, decodeValue, type Items } from '../../proto/items.js'

export interface Source {
  readonly count: number
  /** Makes [from, to) ready to be read; `from` is where reading stopped, at the last call's `to` or before it. */
  prepare(from: number, to: number): void
  at(offset: number): unknown
}

const LINE_FEED = 10
const nothing = (): void => {}

class Undecodable {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/** Texts are decoded a chunk at a time, before the chunk is begun. */
class JsonSource implements Source {
  readonly count: number
  readonly #text: Buffer
  #at = 0
  #from = 0
  #values: unknown[] = []

  constructor(items: Extract<Items, { form: 'json' }>) {
    this.count = items.count
    this.#text = Buffer.from(items.text.buffer, items.text.byteOffset, items.text.length)
  }

  prepare(from: number, to: number): void {
    // A chunk may have ended early: what was decoded of it is there, and its text has been passed.
    this.#values = this.#values.slice(from - this.#from)
    this.#from = from
    for (let offset = from + this.#values.length; offset < to; offset++) {
      const end = this.#text.indexOf(LINE_FEED, this.#at)
      const text = this.#text.toString('utf8', this.#at, end < 0 ? this.#text.length : end)
      this.#at = end < 0 ? this.#text.length : end + 1
      try {
        this.#values.push(decodeValue(text))
      } catch (error) {
        this.#values.push(new Undecodable(error))
      }
    }
  }

  at(offset: number): unknown {
    const value = this.#values[offset - this.#from]
    if (value instanceof Undecodable) throw value.error
    return value
  }
}

/** Through halves: reading a BigInt64Array makes a bigint for each item. */
const integers = (values: BigInt64Array): ((offset: number) => unknown) => {
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
  const high = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  return offset => {
    const number = (high[2 * offset + 1] as number) * 0x1_0000_0000 + (low[2 * offset] as number)
    return Number.isSafeInteger(number) ? number : values[offset]
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
      return new JsonSource(items)
    case 'i64':
      return { count, prepare: nothing, at: integers(items.values) }
    default: {
      const { values } = items
      return { count, prepare: nothing, at: offset => values[offset] }
    }
  }
}
