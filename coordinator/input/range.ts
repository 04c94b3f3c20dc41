// A range of integers, half-open as Python's: `10..5_000_000`, `0..100..5`, `10..0..-1`.
// In: bounds and a step. Out: batches of the form `range`, 16 bytes each, however many items they stand for.
// Always true: every item is a safe integer; nothing is ever as long as the range.
import type { Input, InputBatch } from './input.js'

/** `range(stop)`, `range(start, stop)`, `range(start, stop, step)`: the integers from `start` (0) up to `stop`, without it. */
export const range = (...bounds: [stop: number] | [start: number, stop: number, step?: number]): Range =>
  bounds.length === 1 ? new Range(0, bounds[0], 1) : new Range(bounds[0], bounds[1], bounds[2] ?? 1)

export class Range implements Iterable<number> {
  readonly start: number
  readonly stop: number
  readonly step: number
  /** How many integers there are. */
  readonly length: number

  constructor(start: number, stop: number, step: number) {
    for (const [name, value] of Object.entries({ start, stop, step }))
      if (!Number.isSafeInteger(value))
        throw new RangeError(`the range's ${name} is ${value}: expected an integer within ±${Number.MAX_SAFE_INTEGER}`)
    if (step === 0) throw new RangeError("the range's step is 0: expected any other integer")
    // -0 would be a float in other languages.
    this.start = start + 0
    this.stop = stop + 0
    this.step = step
    const distance = stop - start
    // Otherwise start + nth * step would be rounded on the way.
    if (!Number.isSafeInteger(distance))
      throw new RangeError(`the range from ${start} to ${stop} is wider than ${Number.MAX_SAFE_INTEGER}: split it`)
    this.length = Math.max(0, Math.ceil(distance / step))
  }

  *[Symbol.iterator](): Generator<number> {
    for (let nth = 0; nth < this.length; nth++) yield this.start + nth * this.step
  }
}

/** `A..B` or `A..B..STEP`; integers with an optional sign, `_` between digits. */
export const parseRange = (text: string): Range => {
  const parts = text.split('..')
  if (parts.length < 2 || parts.length > 3)
    throw new RangeError(
      `the range ${JSON.stringify(text)} is not understood: expected A..B or A..B..STEP, as in 10..5_000_000`,
    )
  const numbers = parts.map(part => {
    if (!/^[+-]?\d+(?:_\d+)*$/.test(part.trim()))
      throw new RangeError(
        `the range ${JSON.stringify(text)} is not understood: ${part.trim() === '' ? 'a bound is missing' : `${JSON.stringify(part)} is no integer`}`,
      )
    return Number(part.replaceAll('_', ''))
  })
  return new Range(numbers[0] as number, numbers[1] as number, numbers[2] ?? 1)
}

export const openRange = (items: Range): Input => {
  let taken = 0
  return {
    count: items.length,
    async next(maxItems): Promise<InputBatch | undefined> {
      const count = Math.min(Math.max(1, maxItems), items.length - taken)
      if (count <= 0) return undefined
      const start = items.start + taken * items.step
      taken += count
      return { items: { form: 'range', start, step: items.step, count } }
    },
    async close() {
      taken = items.length
    },
  }
}
