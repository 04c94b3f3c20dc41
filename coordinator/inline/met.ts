// What this process knows of functions that it has met, by their source: a closure that is made anew for each call is the same
// function. In: a function. Out: its acquaintance, to read and to write to. Always true: at most so many are remembered.

import { Loops } from '../../proto/loop.js'
import type { AnyFunction } from '../function/function.js'

export interface Met {
  /** Found to be one that a worker could have. */
  isSendable: boolean
  /** Of one item, by the last job that ran some in the caller. */
  itemSeconds: number | undefined
  /** Its own compiled loops: what the engine learned of it stays. */
  readonly loops: Loops
}

/** Larger: more memory for compiled loops. Smaller: programs with many functions compile them again and again. */
const MOST_MET = 200

const all = new Map<string, Met>()

export const metOf = (fn: AnyFunction): Met => {
  // What is native is told apart by its name, which is in its text.
  const source = Function.prototype.toString.call(fn)
  const known = all.get(source)
  if (known !== undefined) return known
  const met: Met = { isSendable: false, itemSeconds: undefined, loops: new Loops() }
  all.set(source, met)
  if (all.size > MOST_MET) all.delete(all.keys().next().value as string)
  return met
}
