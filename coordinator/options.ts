// What the library's callers may ask for, and the checks of it. In: options as they were given, from TypeScript or not.
// Out: the same, checked, or an error that says what was expected and what was got.
import type { Log } from '../proto/log.js'
import { concurrencyOf } from './concurrency.js'
import type { FunctionReference } from './function/from-module.js'
import type { AnyFunction } from './function/function.js'
import { nearest } from './function/nearest.js'
import { JOB_DEFAULTS, type JobOptions, type Progress } from './job.js'

export interface PoolOptions {
  /** Workers at once on this machine; by default the cores that this process may use. */
  readonly slots?: number
  /** Run on the agents of this NATS server instead, for instance `nats://127.0.0.1:4222`. */
  readonly nats?: string
  /** Allow plain nats:// beyond loopback. */
  readonly insecure?: boolean
  /** How many servers of a NATS cluster keep each stream of a job: 1, 3 or 5; by default 1. */
  readonly replicas?: 1 | 3 | 5
  /** Where jobs run unless they say otherwise. */
  readonly place?: Place
  /** Functions run in workers alone, never in this process: what they do to their process is done to a worker. */
  readonly isolate?: boolean
  /** What functions print in the workers; by default this process's standard error. Functions run in workers alone then. */
  readonly onPrint?: (line: string) => void
  readonly log?: Log
}

/** A function that a worker can have: self-contained, a built-in such as `Math.sqrt`, or a module's export by `fromModule`. */
export type Mappable<F extends AnyFunction> = F | FunctionReference<F>

/**
 * `auto`: this process begins with its own loop, and workers take over when what remains is worth it. `inline`: the loop
 * alone. `local`, `cluster`: workers alone, on this machine or on the pool's NATS server.
 */
export type Place = 'auto' | 'inline' | 'local' | 'cluster'

export interface MapOptions {
  /** Where this job runs; by default as the pool says. */
  readonly place?: Place
  /** Stops the job; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Seconds that one item may take. */
  readonly timeout?: number
  /**
   * Items in progress at once in each worker, for functions that return promises: a number, or `auto`, which begins with
   * one and takes more while that is measured to help. By default `auto`; 1 is one after the other.
   */
  readonly concurrency?: number | 'auto'
  /** Further tries of an item that failed. */
  readonly retries?: number
  /** Items of a shard; by default sized from what is measured. */
  readonly shardSize?: number
  /** On a cluster, when slots are idle: what a host is stuck with is run on another one as well, and the first outcome counts; by default true. */
  readonly speculation?: boolean
  /** Called once in each worker before its first item, with `shared`. Of the same kind as the function: an export of its module, or self-contained. */
  readonly init?: AnyFunction | string
  /** What `init` is given; sent to each agent once. */
  readonly shared?: unknown
  readonly onProgress?: (progress: Progress) => void
}

const POOL_NAMES: readonly string[] = [
  'slots',
  'nats',
  'insecure',
  'replicas',
  'place',
  'isolate',
  'onPrint',
  'log',
] satisfies (keyof PoolOptions)[]

const JOB_NAMES: readonly string[] = [
  'place',
  'signal',
  'timeout',
  'concurrency',
  'retries',
  'shardSize',
  'speculation',
  'init',
  'shared',
  'onProgress',
] satisfies (keyof MapOptions)[]

/** What each method takes beside. */
const OWN_NAMES = { map: ['onError', 'as'], imap: ['onError'], reduce: ['initial'] } as const
const ALL_OWN_NAMES: readonly string[] = Object.values(OWN_NAMES).flat()

/** A name that nobody reads would be a wish that nobody hears. */
const checkNames = (options: object, known: readonly string[], method = ''): void => {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    if (ALL_OWN_NAMES.includes(name) && Reflect.get(options, name) === undefined) continue
    if (method !== '' && ALL_OWN_NAMES.includes(name)) throw new TypeError(`${name} says nothing to ${method}`)
    const meant = nearest(name, known)
    const hint = meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${meant}?`
    throw new TypeError(`there is no option ${name}: ${hint}`)
  }
}

/** Of JavaScript callers: what TypeScript would have said. */
const checkTypes = (
  options: object,
  types: Readonly<Record<string, 'boolean' | 'function' | 'number' | 'string'>>,
): void => {
  for (const [name, type] of Object.entries(types)) {
    const value: unknown = Reflect.get(options, name)
    if (value !== undefined && typeof value !== type)
      throw new TypeError(`${name}: expected a ${type}, got ${value === null ? 'null' : `a ${typeof value}`}`)
  }
}

const PLACES: readonly unknown[] = ['auto', 'inline', 'local', 'cluster'] satisfies Place[]

const checkPlace = (place: unknown, nats: string | undefined): void => {
  if (place !== undefined && !PLACES.includes(place))
    throw new RangeError(`place: expected 'auto', 'inline', 'local' or 'cluster', got ${String(place)}`)
  if (place === 'cluster' && nats === undefined)
    throw new RangeError("place: 'cluster' needs a NATS server: new Pool({ nats: 'nats://…' })")
}

const checkReplicas = ({ replicas, nats }: PoolOptions): void => {
  if (replicas === undefined) return
  if (![1, 3, 5].includes(replicas)) throw new RangeError(`replicas: expected 1, 3 or 5, got ${String(replicas)}`)
  if (nats === undefined)
    throw new TypeError("replicas says nothing without a NATS cluster: new Pool({ nats: 'nats://…' })")
}

export const checkPoolOptions = (options: PoolOptions): PoolOptions => {
  // From JavaScript: Python's Pool(4) would otherwise be a pool of all cores.
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options of a Pool are ${String(options)}: expected an object, such as { slots: 4 }`)
  }
  checkNames(options, POOL_NAMES)
  checkTypes(options, { nats: 'string', insecure: 'boolean', isolate: 'boolean', onPrint: 'function', log: 'function' })
  if (options.slots !== undefined && !(Number.isInteger(options.slots) && options.slots > 0)) {
    throw new RangeError(`slots: expected a whole number of 1 or more, got ${options.slots}`)
  }
  checkReplicas(options)
  checkPlace(options.place, options.nats)
  return options
}

/** Of a call, as they were given. */
export const checkMapOptions = (options: MapOptions, method: keyof typeof OWN_NAMES): void => {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`the options are ${String(options)}: expected an object, such as { retries: 2 }`)
  checkNames(options, [...JOB_NAMES, ...OWN_NAMES[method]], method)
  checkTypes(options, { timeout: 'number', speculation: 'boolean', onProgress: 'function' })
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw new TypeError('signal: expected an AbortSignal, as an AbortController has')
}

/** The options of a job, checked, as the coordinator takes them. */
export const jobOptionsOf = (options: MapOptions, pool: PoolOptions): JobOptions => {
  if (options.shared !== undefined && options.init === undefined) {
    throw new TypeError('shared: nothing would be given it; name the function that takes it with init')
  }
  const { timeout, retries, shardSize, speculation } = options
  const concurrency = concurrencyOf(options.concurrency)
  if (timeout !== undefined && !(timeout > 0 && timeout < Number.POSITIVE_INFINITY))
    throw new RangeError(`timeout: expected seconds above 0, got ${timeout}`)
  const { onError, as } = options as { readonly onError?: unknown; readonly as?: unknown }
  if (as !== undefined && as !== 'f64') throw new RangeError(`as: expected 'f64' or nothing, got ${String(as)}`)
  if (onError !== undefined && onError !== 'stop' && onError !== 'collect') {
    throw new RangeError(`onError: expected 'stop' or 'collect', got ${String(onError)}`)
  }
  for (const [name, value, least] of [
    ['retries', retries, 0],
    ['shardSize', shardSize, 1],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      throw new RangeError(`${name}: expected a whole number of ${least} or more, got ${value}`)
    }
  }
  checkPlace(options.place, pool.nats)
  return {
    ...JOB_DEFAULTS,
    onError: onError === 'collect' ? 'collect' : 'stop',
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(concurrency !== undefined && { concurrency }),
    ...(retries !== undefined && { retries }),
    ...(shardSize !== undefined && { shardSize }),
    ...(speculation !== undefined && { speculation }),
  }
}

/** Where a job runs. `inline` where its caller's loop runs it, or begins it. */
export const placeOf = (
  options: MapOptions,
  pool: PoolOptions,
): { readonly place: Place; readonly isInline: boolean } => {
  const asked = options.place ?? pool.place ?? 'auto'
  const needsWorker = workerOnly(options, pool)
  if (asked === 'inline' && needsWorker !== undefined)
    throw new TypeError(`place: 'inline' has no worker, and ${needsWorker}`)
  return { place: asked, isInline: asked === 'inline' || (asked === 'auto' && needsWorker === undefined) }
}

/** What only a process of its own can do. */
const workerOnly = (options: MapOptions, pool: PoolOptions): string | undefined => {
  if (pool.isolate === true) return 'isolate: true wants one'
  if (options.timeout !== undefined) return 'only a worker can be ended when an item exceeds its timeout'
  if ((concurrencyOf(options.concurrency) ?? 1) > 1) return 'concurrency is how many items one has in progress'
  if (options.init !== undefined) return 'init prepares one'
  if (pool.onPrint !== undefined) return 'onPrint is given what workers print'
  return undefined
}
