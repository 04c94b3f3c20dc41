// The plain loop over a piece of the items, in the caller's own process and in workers. In: a function, items, a place for its values. Out:
// how far it came, and why it stopped short of the end. Always true: values stand in the order of their items; each item is
// called once; an object is copied on its way in, as the wire would (proto/copy.ts), and a value that is an object stops the
// loop, which has no place for what may be a promise, or has to be copied.
import { copyValue } from './copy.js'

// biome-ignore lint/suspicious/noExplicitAny: the widest type that every function has, as in TypeScript's own ReturnType
export type AnyFunction = (...args: any[]) => unknown

/** Items that a loop reads by their index, unpacked and not copied. */
export type Readable =
  | { readonly form: 'range'; readonly start: number; readonly step: number }
  | { readonly form: 'doubles'; readonly values: Float64Array }
  | { readonly form: 'values'; readonly values: ArrayLike<unknown> }

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

// Loops that differ in where they read and where they write. Each stands alone, with nothing around it, because each function
// gets its own compiled copy (see `fresh`); one with a choice inside takes a fifth longer over a short function.

const rangeToArray = (
  fn: AnyFunction,
  first: number,
  step: number,
  from: number,
  to: number,
  out: unknown[],
  shift: number,
  stop: Stop,
): number => {
  let at = from
  try {
    // Adding is cheaper than multiplying, and as exact: a range has safe integers alone.
    for (let item = first; at < to; at++, item += step) {
      const value = fn(item)
      if ((typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol') {
        stop.why = 'value'
        stop.held = value
        return at
      }
      out[at - shift] = value
    }
  } catch (error) {
    stop.why = 'thrown'
    stop.held = error
  }
  return at
}

const rangeToDoubles = (
  fn: AnyFunction,
  first: number,
  step: number,
  from: number,
  to: number,
  out: Float64Array,
  shift: number,
  stop: Stop,
): number => {
  let at = from
  try {
    for (let item = first; at < to; at++, item += step) {
      const value = fn(item)
      if (typeof value !== 'number') {
        stop.why = 'value'
        stop.held = value
        return at
      }
      out[at - shift] = value
    }
  } catch (error) {
    stop.why = 'thrown'
    stop.held = error
  }
  return at
}

const valuesToArray = (
  fn: AnyFunction,
  values: ArrayLike<unknown>,
  from: number,
  to: number,
  out: unknown[],
  shift: number,
  stop: Stop,
  copy: (value: unknown) => unknown,
): number => {
  let at = from
  let isCopying = false
  try {
    for (; at < to; at++) {
      let item = values[at]
      if ((typeof item === 'object' && item !== null) || typeof item === 'function' || typeof item === 'symbol') {
        isCopying = true
        item = copy(item)
        isCopying = false
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

const valuesToDoubles = (
  fn: AnyFunction,
  values: ArrayLike<unknown>,
  from: number,
  to: number,
  out: Float64Array,
  shift: number,
  stop: Stop,
  copy: (value: unknown) => unknown,
): number => {
  let at = from
  let isCopying = false
  try {
    for (; at < to; at++) {
      let item = values[at]
      if ((typeof item === 'object' && item !== null) || typeof item === 'function' || typeof item === 'symbol') {
        isCopying = true
        item = copy(item)
        isCopying = false
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

let copies = 0

/**
 * A copy of the loop that the engine compiles for itself. What V8 learns of a call it keeps by the place of the call in the
 * source: two functions that go through one loop are both called the slow way from then on, several times slower than in a
 * loop of the user's own. Each text is another one, since V8 gives code of the same text what it has learned already. Where code may not
 * be made from text, the shared loop serves.
 */
const fresh = <L extends AnyFunction>(loop: L): L => {
  try {
    return new Function(`return ${loop} // ${++copies}`)() as L
  } catch {
    return loop
  }
}

/** The loops of one function. */
export class Loops {
  readonly #copies = new Map<AnyFunction, AnyFunction>()

  /** This function's own copy. */
  of<L extends AnyFunction>(loop: L): L {
    const known = this.#copies.get(loop)
    if (known !== undefined) return known as L
    const copy = fresh(loop)
    this.#copies.set(loop, copy)
    return copy
  }

  /** Calls items `[from, to)`, the first of which has the index; returns the first that is not done. */
  run(fn: AnyFunction, items: Readable, from: number, to: number, index: number, room: Room, stop: Stop): number {
    stop.why = 'end'
    const shift = from - index + room.base
    if (items.form === 'range') {
      const { start, step } = items
      const first = start + step * from
      return room.type === 'array'
        ? this.of(rangeToArray)(fn, first, step, from, to, room.values, shift, stop)
        : this.of(rangeToDoubles)(fn, first, step, from, to, room.values, shift, stop)
    }
    const { values } = items
    return room.type === 'array'
      ? this.of(valuesToArray)(fn, values, from, to, room.values, shift, stop, copyValue)
      : this.of(valuesToDoubles)(fn, values, from, to, room.values, shift, stop, copyValue)
  }
}
