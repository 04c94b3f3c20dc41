// Arrays of results, made once and of the right kind: growing one, or changing what kind of values it holds, makes it anew.
// In: an array, what goes into it. Out: the same array, longer or filled. Always true: nothing else in it is touched.

import { type Items, unpackItems } from '../../proto/items.js'

/** Values to be read one by one: doubles where they lie, others unpacked. */
export const valuesOf = (items: Items): ArrayLike<unknown> =>
  items.form === 'f64' || items.form === 'number' ? items.values : unpackItems(items)

/** An array that is made longer than this at once becomes a hash table. */
const MOST_RESERVED = 32 * 1024 * 1024

/** Makes the array as long as it will be, where it is empty for values such as `first`. Returns whether it is so long. */
export const reserve = (values: unknown[], length: number, first: ArrayLike<unknown>): boolean => {
  if (length > MOST_RESERVED) return false
  if (length <= values.length) return true
  if (values.length === 0 && first instanceof Float64Array) values[0] = 0.5
  values.length = length
  return true
}

/** Puts all of `from` at its place. */
export const putAll = (from: ArrayLike<unknown>, values: unknown[], at: number): void => {
  // Two loops, each over one kind of array: one for both takes several times as long.
  if (from instanceof Float64Array) for (let nth = 0; nth < from.length; nth++) values[at + nth] = from[nth]
  else for (let nth = 0; nth < from.length; nth++) values[at + nth] = from[nth]
}
