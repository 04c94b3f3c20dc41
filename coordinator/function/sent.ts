// A function that the library was given, as workers have it. In: a function, or a reference to a module's export. Out: a
// JobFunction. Always true: what no worker could have is refused with the reason; what was made for workers once is not made
// again.
import { metOf } from '../inline/met.js'
import type { Mappable } from '../options.js'
import { builtInPath } from './built-in.js'
import { FunctionReference, resolveFunctionReference } from './from-module.js'
import type { AnyFunction, JobFunction } from './function.js'
import { literalFunction } from './literal.js'
import { isPlain } from './plain.js'

/** For people. */
export const nameOf = (fn: Mappable<AnyFunction>): string => {
  if (!(fn instanceof FunctionReference)) return fn.name || 'function'
  return typeof fn.export === 'string' ? fn.export : fn.export.name
}

/** Throws for a function that no worker could have. */
export const checkLiteral = async (fn: unknown): Promise<void> => {
  if (typeof fn !== 'function') throw noFunction(fn)
  if (natives.has(fn as AnyFunction)) return
  const met = metOf(fn as AnyFunction)
  if (met.isSendable) return
  const isKnown = isNative(fn) ? builtInPath(fn as AnyFunction) !== undefined : isPlain(sourceOf(fn))
  if (!isKnown) await literalFunction(fn as AnyFunction)
  if (isNative(fn)) natives.add(fn as AnyFunction)
  else met.isSendable = true
}

const noFunction = (value: unknown): TypeError =>
  new TypeError(
    `the function is ${value === null ? 'null' : `a ${typeof value}`}: expected a function or fromModule(…)`,
  )

/** Those that workers have by name: their texts do not tell them apart. */
const natives = new WeakSet<AnyFunction>()

/** Bundles of large modules take memory; more than this in one pool is unheard of. */
const MOST_MADE = 100

/** Functions as workers have them, made once: a module is bundled as it was when it was first used, as import does it. */
export class SentFunctions {
  readonly #made = new Map<string, Promise<JobFunction>>()

  get(fn: Mappable<AnyFunction>, init: AnyFunction | string | undefined): Promise<JobFunction> {
    // Two natives can have one text, such as isNaN and Number.isNaN; they are sent by name, which costs nothing.
    if (isNative(fn) || isNative(init)) return make(fn, init)
    const key = keyOf(fn, init)
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const making = make(fn, init)
    this.#made.set(key, making)
    making.catch(() => this.#made.delete(key))
    if (this.#made.size > MOST_MADE) this.#made.delete(this.#made.keys().next().value as string)
    return making
  }
}

const isNative = (fn: unknown): boolean => typeof fn === 'function' && sourceOf(fn).endsWith('{ [native code] }')

const sourceOf = (fn: unknown): string =>
  typeof fn === 'function' ? Function.prototype.toString.call(fn) : JSON.stringify(fn ?? null)

const keyOf = (fn: Mappable<AnyFunction>, init: AnyFunction | string | undefined): string =>
  fn instanceof FunctionReference
    ? JSON.stringify([
        fn.url,
        typeof fn.export === 'string' ? fn.export : [fn.export.name],
        sourceOf(fn.export),
        sourceOf(init),
      ])
    : JSON.stringify([sourceOf(fn), sourceOf(init)])

const make = async (fn: Mappable<AnyFunction>, init: AnyFunction | string | undefined): Promise<JobFunction> => {
  if (fn instanceof FunctionReference) {
    return resolveFunctionReference(fn, { cwd: process.cwd(), ...(init !== undefined && { init }) })
  }
  if (typeof fn !== 'function') throw noFunction(fn)
  if (typeof init === 'string')
    throw new TypeError('init: an export by name goes with fromModule; give a self-contained function here')
  return await literalFunction(fn, init === undefined ? {} : { init })
}
