// Functions that every worker has already. In: a function. Out: its path from the global object, `Math.sqrt`, if it has one
// and works when called with an item alone.
import type { AnyFunction } from './function.js'
import { FunctionError } from './function.js'

// Those of the language's constructors that may be called without `new`.
const CALLABLE = new Set([
  ...['Array', 'BigInt', 'Boolean', 'Date', 'Function', 'Number', 'Object', 'RegExp', 'String', 'Symbol'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
])

// `node -e` and the REPL put these on the global object; a worker has none of them.
const MODULE_NAMES = new Set(['require', 'module', 'exports', '__filename', '__dirname'])

/** The names that every worker's global object has; what a program adds to its own later is not among them. */
export const GLOBAL_NAMES: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(globalThis).filter(name => !MODULE_NAMES.has(name)),
)

// Looking for a function takes longer than a small job.
const found = new WeakMap<AnyFunction, string>()

/** A program may have put another one in its place since. */
function isAt(fn: AnyFunction, path: string | undefined): boolean {
  if (path === undefined) return false
  let value: unknown = globalThis
  for (const key of path.split('.')) value = valueAt(value as object, key)
  return value === fn
}

/** `Math.sqrt` for Math.sqrt; undefined for a function that is no built-in. */
export function builtInPath(fn: AnyFunction): string | undefined {
  const path = isAt(fn, found.get(fn)) ? found.get(fn) : find(fn)
  if (path !== undefined) found.set(fn, path)
  if (path !== undefined && isConstructor(fn) && !CALLABLE.has(path)) {
    throw new FunctionError(
      'FUNCTION_LITERAL',
      `${path} is a class, which cannot be called without "new". Write a function: x => new ${path}(x)`,
    )
  }
  return path
}

/** Where on a prototype the function is, `String.prototype.trim`: such a function needs a `this` that no item is. */
export function prototypePath(fn: AnyFunction): string | undefined {
  for (const name of GLOBAL_NAMES) {
    const prototype = (valueAt(globalThis, name) as { prototype?: unknown } | undefined)?.prototype
    if (typeof prototype !== 'object' || prototype === null) continue
    const key = Object.getOwnPropertyNames(prototype).find(each => valueAt(prototype, each) === fn)
    if (key !== undefined) return `${name}.prototype.${key}`
  }
  return undefined
}

function find(fn: AnyFunction): string | undefined {
  // Both parseFloat and Number.parseFloat are the same function: the shortest path wins.
  for (const name of GLOBAL_NAMES) if (valueAt(globalThis, name) === fn) return name
  for (const name of GLOBAL_NAMES) {
    const holder = valueAt(globalThis, name)
    if (holder === globalThis || (typeof holder !== 'object' && typeof holder !== 'function') || holder === null)
      continue
    for (const key of Object.getOwnPropertyNames(holder)) {
      if (key !== 'prototype' && key !== 'constructor' && valueAt(holder, key) === fn) return `${name}.${key}`
    }
  }
  return undefined
}

/** The value of a plain property; getters are not run, save that of Node's Buffer. */
function valueAt(holder: object, key: string): unknown {
  if (holder === globalThis && key === 'Buffer') return Buffer
  if (holder === undefined || holder === null) return undefined
  return Object.getOwnPropertyDescriptor(holder, key)?.value
}

/** Ordinary functions have a prototype, too; by custom only classes begin with a capital. */
function isConstructor(fn: AnyFunction): boolean {
  const { prototype } = fn as { prototype?: { constructor?: unknown } }
  return /^[A-Z]/.test(fn.name) && prototype?.constructor === fn
}
