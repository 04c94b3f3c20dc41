// The library: Pool.map for every core you can reach.
//
//   map ─> input ─> split ─> ledger ─> coordinator ─> codec ─> transport ─> agent/intake ─> pool ─> worker ─> your function
//    ^                (sizes from plan)                       (memory | nats)                                      │
//    └─ output <─ gather <─ ledger <─ coordinator <─ codec <─ transport <─ agent/outbox <─ pool <─ worker <─ outcomes
//
// In: a function and items. Out: its values, in input order unless asked otherwise, each item's exactly once.
// Names and meanings follow Python's multiprocessing where JavaScript has no stronger habit.
import { setMaxListeners } from 'node:events'
import { encodeValue } from '../proto/items.js'
import type { Log } from '../proto/log.js'
import { FunctionReference, resolveFunctionReference } from './function/from-module.js'
import type { AnyFunction, JobFunction } from './function/function.js'
import { literalFunction } from './function/literal.js'
import { type ItemSource, openValues } from './input/values.js'
import { ItemError, JobError } from './item-error.js'
import { type Hands, JOB_DEFAULTS, type JobEnd, type JobOptions, type JobRequest, type Progress } from './job.js'
import { collectDoubles, collectValues, type Settled, streamValues } from './output/collect.js'
import type { Output } from './output/output.js'
import type { Receipt } from './receipt.js'
import { reduceJob } from './reduce.js'

export { type FunctionReference, fromModule } from './function/from-module.js'
export { FunctionError } from './function/function.js'
export { range } from './input/range.js'
export type { ItemSource } from './input/values.js'
export { ItemError, JobError } from './item-error.js'
export type { Progress } from './job.js'
export type { Receipt } from './receipt.js'

export interface PoolOptions {
  /** Workers at once on this machine; by default the cores that this process may use. */
  readonly slots?: number
  /** Run on the agents of this NATS server instead, for instance `nats://127.0.0.1:4222`. */
  readonly nats?: string
  /** Allow plain nats:// beyond loopback. */
  readonly insecure?: boolean
  /** What functions print in the workers; by default this process's standard error. */
  readonly onPrint?: (line: string) => void
  readonly log?: Log
}

/** A function that a worker can have: self-contained, a built-in such as `Math.sqrt`, or a module's export by `fromModule`. */
export type Mappable<F extends AnyFunction> = F | FunctionReference<F>

export interface MapOptions {
  /** Stops the job; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Seconds that one item may take. */
  readonly timeout?: number
  /** Further tries of an item that failed. */
  readonly retries?: number
  /** Items of a shard; by default sized from what is measured. */
  readonly shardSize?: number
  /** Called once in each worker before its first item, with `shared`. Of the same kind as the function: an export of its module, or self-contained. */
  readonly init?: AnyFunction | string
  /** What `init` is given; sent to each agent once. */
  readonly shared?: unknown
  readonly onProgress?: (progress: Progress) => void
}

/** As in `Promise.allSettled`: one for each item. */
export type ItemResult<R> = PromiseSettledResult<R>

export interface Submitted<R> {
  readonly result: Promise<R>
  /** The result rejects; what runs is ended. */
  cancel(): void
}

const settledResult = <R>(settled: Settled<R>): ItemResult<R> =>
  'failure' in settled
    ? { status: 'rejected', reason: new ItemError(settled.failure) }
    : { status: 'fulfilled', value: settled.value }

export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #hands: Promise<Hands> | undefined
  #closed = false
  #receipt: Receipt | undefined

  constructor(options: PoolOptions = {}) {
    if (process.env.MANYHANDS_WORKER !== undefined) {
      throw new JobError(
        'A worker loaded a module that makes a Pool at its top level. Move the mapped function into a module of its own, so that workers load only that.',
      )
    }
    // From JavaScript: Python's Pool(4) would otherwise be a pool of all cores.
    if (typeof options !== 'object' || options === null) {
      throw new TypeError(`the options of a Pool are ${String(options)}: expected an object, such as { slots: 4 }`)
    }
    if (options.slots !== undefined && !(Number.isInteger(options.slots) && options.slots > 0)) {
      throw new RangeError(`slots: expected a whole number of 1 or more, got ${options.slots}`)
    }
    // Every call listens to it.
    setMaxListeners(0, this.#stop.signal)
    this.#options = options
  }

  /** The account of the last job that ended. */
  get receipt(): Receipt | undefined {
    return this.#receipt
  }

  /**
   * The function's value for each item, in input order. Rejects with the first ItemError, or with `onError: 'collect'`
   * gives one settled result an item; with `as: 'f64'` the values are doubles and stay packed.
   */
  map<I>(
    fn: Mappable<(item: I) => unknown>,
    items: ItemSource<I>,
    options: MapOptions & { readonly as: 'f64' },
  ): Promise<Float64Array>
  map<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): Promise<ItemResult<Awaited<R>>[]>
  map<I, R>(fn: Mappable<(item: I) => R>, items: ItemSource<I>, options?: MapOptions): Promise<Awaited<R>[]>
  async map(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly as?: 'f64'; readonly onError?: 'collect' | 'stop' } = {},
  ): Promise<unknown> {
    return await this.#track(this.#map(fn, items, options, false))
  }

  /** As `map`, with each item an array of arguments. */
  async starmap<A extends readonly unknown[], R>(
    fn: Mappable<(...args: [...A]) => R>,
    items: ItemSource<A>,
    options: MapOptions = {},
  ): Promise<Awaited<R>[]> {
    return (await this.#track(this.#map(fn as Mappable<AnyFunction>, items, options, true))) as Awaited<R>[]
  }

  /** Values in input order, as they are asked for; memory stays bounded. Throws the first ItemError. */
  imap<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): AsyncGenerator<ItemResult<Awaited<R>>, void>
  imap<I, R>(fn: Mappable<(item: I) => R>, items: ItemSource<I>, options?: MapOptions): AsyncGenerator<Awaited<R>, void>
  imap(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' } = {},
  ): AsyncGenerator<unknown, void> {
    return this.#stream(fn, items, options, false)
  }

  /** As `imap`, in the order in which items settle. */
  imapUnordered<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): AsyncGenerator<ItemResult<Awaited<R>>, void>
  imapUnordered<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options?: MapOptions,
  ): AsyncGenerator<Awaited<R>, void>
  imapUnordered(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' } = {},
  ): AsyncGenerator<unknown, void> {
    return this.#stream(fn, items, options, true)
  }

  /** `fn(a, b)` over all items from left to right; it must be associative. Each shard is folded where it is. */
  async reduce<T>(
    fn: Mappable<(a: T, b: T) => T | Promise<T>>,
    items: ItemSource<T>,
    options: MapOptions & { readonly initial?: T } = {},
  ): Promise<T> {
    return (await this.#track(this.#reduce(fn as Mappable<AnyFunction>, items, options))) as T
  }

  /** One call, in one worker. */
  submit<A extends readonly unknown[], R>(
    fn: Mappable<(...args: [...A]) => R>,
    args: [...A],
    options: MapOptions = {},
  ): Submitted<Awaited<R>> {
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    const result = this.#track(this.#map(fn as Mappable<AnyFunction>, [args], { ...options, signal }, true)).then(
      values => (values as Awaited<R>[])[0] as Awaited<R>,
    )
    // Whoever cancels need not look at the result.
    result.catch(() => {})
    return { result, cancel: () => stop.abort(new JobError('the call was cancelled')) }
  }

  /** Waits for what runs, then ends the workers. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#running])
    await this.#end()
  }

  /** Ends everything at once; what runs rejects. Idempotent. */
  async terminate(): Promise<void> {
    this.#closed = true
    this.#stop.abort(new JobError('the pool was terminated'))
    await Promise.allSettled([...this.#running])
    await this.#end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #map(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly as?: 'f64'; readonly onError?: 'collect' | 'stop' },
    spread: boolean,
  ): Promise<unknown> {
    const collect = options.onError === 'collect'
    if (collect && options.as === 'f64')
      throw new TypeError("as: 'f64' has no place for failures: leave out onError: 'collect'")
    const request = await this.#request(fn, items, options)
    const collected = options.as === 'f64' ? collectDoubles(request.input.count) : collectValues(request.input.count)
    const end = await this.#run({ ...request, spread, operation: 'map', output: collected }, collect)
    this.#check(end, options.signal)
    if (!collect) return collected.values
    const failures = new Map(collected.failures.map(failure => [failure.index, failure]))
    return Array.from(collected.values, (value, index) => {
      const failure = failures.get(index)
      return settledResult(failure === undefined ? { index, value } : { index, failure })
    })
  }

  async #reduce(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly initial?: unknown },
  ): Promise<unknown> {
    const request = await this.#request(fn, items, options)
    const initial = 'initial' in options ? { value: options.initial } : undefined
    const { end, value } = await reduceJob(await this.#open(), request, initial)
    this.#receipt = end.receipt
    this.#check(end, options.signal)
    return value
  }

  async *#stream(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' | 'stop' },
    unordered: boolean,
  ): AsyncGenerator<unknown, void> {
    const collect = options.onError === 'collect'
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    const stream = streamValues()
    // Whether the stream ends well is known only when the job has ended.
    const output: Output = {
      write: outcomes => stream.write(outcomes),
      commit: async () => {},
      abandon: async () => {},
    }
    const run = async (): Promise<void> => {
      try {
        const request = await this.#request(fn, items, { ...options, signal })
        const jobOptions = { ...request.options, unordered }
        this.#check(
          await this.#run({ ...request, options: jobOptions, operation: 'map', output }, collect),
          options.signal,
        )
        await stream.commit()
      } catch (error) {
        stream.fail(error)
      }
    }
    const ended = this.#track(run())
    try {
      for await (const settled of stream) {
        if (collect) yield settledResult(settled)
        else if ('failure' in settled) throw new ItemError(settled.failure)
        else yield settled.value
      }
    } finally {
      // Whoever stops asking stops the job.
      stop.abort(new JobError('nobody takes the results any more'))
      await stream.return()
      await ended
    }
  }

  async #request(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions,
  ): Promise<Omit<JobRequest, 'output' | 'operation'>> {
    if (this.#closed) throw new JobError('The pool is closed; make another one.')
    if (options.shared !== undefined && options.init === undefined) {
      throw new TypeError('shared: nothing would be given it; name the function that takes it with init')
    }
    const { timeout, retries, shardSize, shared, onProgress } = options
    if (timeout !== undefined && !(timeout > 0))
      throw new RangeError(`timeout: expected seconds above 0, got ${timeout}`)
    const { onError } = options as { readonly onError?: unknown }
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
    const input = openValues(items)
    const jobOptions: JobOptions = {
      ...JOB_DEFAULTS,
      ...(timeout !== undefined && { timeoutSeconds: timeout }),
      ...(retries !== undefined && { retries }),
      ...(shardSize !== undefined && { shardSize }),
    }
    const signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal])
    return {
      function: await resolve(fn, options.init),
      input,
      options: jobOptions,
      abort: signal,
      ...(shared !== undefined && {
        shared: { kind: 'json', content: new TextEncoder().encode(encodeValue(shared)) } as const,
      }),
      ...(onProgress && { onProgress }),
    }
  }

  async #run(request: JobRequest, collect: boolean): Promise<JobEnd> {
    const options: JobOptions = { ...request.options, onError: collect ? 'collect' : 'stop' }
    const hands = await this.#open()
    const end = await hands.run({ ...request, options })
    this.#receipt = end.receipt
    return end
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    this.#running.add(promise)
    const forget = (): void => {
      this.#running.delete(promise)
    }
    promise.then(forget, forget)
    return promise
  }

  /** Throws for a job that has no result. */
  #check(end: JobEnd, signal: AbortSignal | undefined): void {
    if (end.state === 'done') return
    if (end.state === 'interrupted') throw signal?.aborted === true ? signal.reason : this.#stop.signal.reason
    const [first] = end.failures
    if (end.state === 'stopped' && first !== undefined) throw new ItemError(first)
    throw new JobError(end.why ?? 'the job could not run')
  }

  #open(): Promise<Hands> {
    this.#stop.signal.throwIfAborted()
    this.#hands ??= this.#openHands()
    return this.#hands
  }

  async #openHands(): Promise<Hands> {
    const { nats, insecure, slots, onPrint, log } = this.#options
    const logging = log === undefined ? {} : { log }
    if (nats !== undefined) {
      const { openCluster } = await import('./cluster.js')
      return openCluster({ nats, ...(insecure !== undefined && { insecure }), ...logging })
    }
    const { openLocal } = await import('./local.js')
    return openLocal({ ...(slots !== undefined && { slots }), ...(onPrint && { onPrint }), ...logging })
  }

  async #end(): Promise<void> {
    const hands = await this.#hands?.catch(() => undefined)
    await hands?.close()
  }
}

const resolve = async (fn: Mappable<AnyFunction>, init: AnyFunction | string | undefined): Promise<JobFunction> => {
  if (fn instanceof FunctionReference) {
    return resolveFunctionReference(fn, { cwd: process.cwd(), ...(init !== undefined && { init }) })
  }
  if (typeof fn !== 'function')
    throw new TypeError(
      `the function is ${fn === null ? 'null' : `a ${typeof fn}`}: expected a function or fromModule(…)`,
    )
  if (typeof init === 'string')
    throw new TypeError('init: an export by name goes with fromModule; give a self-contained function here')
  return literalFunction(fn, init === undefined ? {} : { init })
}
