// The plain loop over a piece of the items, in the caller's own process. In: a function, items, a place for its values. Out:
// how far it came, and why it stopped short of the end. Always true: values stand in the order of their items; each item is
// called once; an object is copied on its way in, as the wire would (proto/copy.ts), and a value that is an object stops the
// loop, which has no place for what may be a promise, or has to be copied.
import { copyValue } from '../../proto/copy.js'
import type { AnyFunction } from '../function/function.js'
import type { Readable } from '../input/source.js'

/** Why a loop stopped before its end, at the item that it returned. */
export interface Stop {
  /** `value`: the item's value is in `held` and is no primitive; `thrown`: so is what its call threw; `unsent`: it cannot be copied. */
  why: 'end' | 'value' | 'thrown' | 'unsent'
  held: unknown
}

/** Where values go: to the place of their item's index less `base`. */
export type Room =
  | { readonly type: 'array'; readonly values: unknown[]; readonly base: number }
  | { readonly type: 'doubles'; readonly values: Float64Array; readonly base: number }

// Two loops that differ in where they write. Each stands alone, with nothing around it, because each function gets its own
// compiled copy (see `fresh`); in such a copy the choices that never change cost next to nothing.

const toArray = (
  fn: AnyFunction,
  values: ArrayLike<unknown> | undefined,
  start: number,
  step: number,
  from: number,
  to: number,
  out: unknown[],
  shift: number,
  stop: Stop,
  copy: (value: unknown) => unknown,
): number => {
  let at = from
  // Adding is cheaper than multiplying, and as exact: a range has safe integers alone.
  let ranged = start + step * from
  let isCopying = false
  try {
    for (; at < to; at++, ranged += step) {
      let item: unknown = ranged
      if (values !== undefined) {
        item = values[at]
        if ((typeof item === 'object' && item !== null) || typeof item === 'function' || typeof item === 'symbol') {
          isCopying = true
          item = copy(item)
          isCopying = false
        }
      }
      const value = fn(item)
      if ((typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol') {
        stop.why = 'value'
        stop.held = value
        return at
      }
      out[at - shift] = value
    }
  } catch (error) {
    stop.why = isCopying ? 'unsent' : 'thrown'
    stop.held = error
  }
  return at
}

const toDoubles = (
  fn: AnyFunction,
  values: ArrayLike<unknown> | undefined,
  start: number,
  step: number,
  from: number,
  to: number,
  out: Float64Array,
  shift: number,
  stop: Stop,
  copy: (value: unknown) => unknown,
): number => {
  let at = from
  // Adding is cheaper than multiplying, and as exact: a range has safe integers alone.
  let ranged = start + step * from
  let isCopying = false
  try {
    for (; at < to; at++, ranged += step) {
      let item: unknown = ranged
      if (values !== undefined) {
        item = values[at]
        if ((typeof item === 'object' && item !== null) || typeof item === 'function' || typeof item === 'symbol') {
          isCopying = true
          item = copy(item)
          isCopying = false
        }
      }
      const value = fn(item)
      if (typeof value !== 'number') {
        stop.why = 'value'
        stop.held = value
        return at
      }
      out[at - shift] = value
    }
  } catch (error) {
    stop.why = isCopying ? 'unsent' : 'thrown'
    stop.held = error
  }
  return at
}

/**
 * A copy of the loop that the engine compiles for itself. What V8 learns of a call it keeps by the place of the call in the
 * source: two functions that go through one loop are both called the slow way from then on, several times slower than in a
 * loop of the user's own. Where code may not be made from text, the shared loop serves.
 */
export const fresh = <L extends AnyFunction>(loop: L): L => {
  try {
    return new Function(`return ${loop}`)() as L
  } catch {
    return loop
  }
}

/** The loops of one function. */
export class Loops {
  #toArray: typeof toArray | undefined
  #toDoubles: typeof toDoubles | undefined

  /** Calls items `[from, to)`, the first of which has the index; returns the first that is not done. */
  run(fn: AnyFunction, items: Readable, from: number, to: number, index: number, room: Room, stop: Stop): number {
    stop.why = 'end'
    const values = items.form === 'range' ? undefined : items.values
    const { start, step } = items.form === 'range' ? items : { start: 0, step: 0 }
    const shift = from - index + room.base
    if (room.type === 'array') {
      this.#toArray ??= fresh(toArray)
      return this.#toArray(fn, values, start, step, from, to, room.values, shift, stop, copyValue)
    }
    this.#toDoubles ??= fresh(toDoubles)
    return this.#toDoubles(fn, values, start, step, from, to, room.values, shift, stop, copyValue)
  }
}
