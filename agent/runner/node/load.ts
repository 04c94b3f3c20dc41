// The user's functions from a job's code. In: a module on disk, or a built-in's path. Out: functions, with init done.
// Always true: what comes out was there and callable; everything else throws an error that names what was looked for.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { decodeValue } from '../../../proto/items.js'
import { type AnyFunction, Loops } from '../../../proto/loop.js'
import type { LoadedCode } from '../../worker.js'

export type UserFunction = AnyFunction

export interface Loaded {
  readonly operation: 'map' | 'fold'
  readonly spread: boolean
  readonly call: UserFunction
  readonly loops: Loops
  readonly mapper?: UserFunction
  /** Values may leave as records. */
  readonly takesRecords: boolean
}

type Module = Record<string, unknown>

const builtIn = (path: string): UserFunction => {
  let owner: unknown
  let found: unknown = globalThis
  for (const name of path.split('.')) {
    owner = found
    found = (found as Module | null | undefined)?.[name]
  }
  if (typeof found !== 'function') throw new TypeError(`there is no built-in function ${path}`)
  // Math's functions do without `this`, and unbound they are inlined.
  return owner === Math ? (found as UserFunction) : found.bind(owner)
}

const exportOf = (module: Module, name: string, entry: string): UserFunction => {
  const found = module[name]
  if (typeof found === 'function') return found as UserFunction
  const there = Object.keys(module).filter(each => typeof module[each] === 'function')
  const what = found === undefined ? 'no export' : `an export that is no function (${typeof found}),`
  throw new TypeError(`${entry} has ${what} '${name}'; its functions: ${there.join(', ') || 'none'}`)
}

const sharedValue = (code: LoadedCode): unknown[] => {
  if (code.sharedFile === undefined) return []
  const bytes = readFileSync(code.sharedFile)
  return [code.spec.shared?.kind === 'bytes' ? new Uint8Array(bytes) : decodeValue(bytes.toString('utf8').trimEnd())]
}

/** Functions that other jobs have brought here come back with the loops that V8 knows. */
const met = new WeakMap<UserFunction, Loops>()

const loopsOf = (call: UserFunction): Loops => {
  const loops = met.get(call) ?? new Loops()
  met.set(call, loops)
  return loops
}

/** Imports the module, finds the functions and awaits init. */
export const loadCode = async (code: LoadedCode): Promise<Loaded> => {
  const { spec, bundleFolder } = code
  const { operation, spread, takesRecords = false } = spec
  const known = { operation, spread, takesRecords }
  if (bundleFolder === undefined) {
    const call = builtIn(spec.function)
    return { ...known, call, loops: loopsOf(call) }
  }
  const module = (await import(pathToFileURL(join(bundleFolder, spec.entry)).href)) as Module
  const call = exportOf(module, spec.function, spec.entry)
  const mapper = spec.mapper === undefined ? {} : { mapper: exportOf(module, spec.mapper, spec.entry) }
  if (spec.init !== undefined) await exportOf(module, spec.init, spec.entry)(...sharedValue(code))
  return { ...known, call, loops: loopsOf(call), ...mapper }
}
