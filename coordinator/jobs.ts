// The jobs of a pool: where each runs, and from what it is made. In: a function and a source, with the options of a call and of the
// pool. Out: JobEnds. Always true: what may run in the caller's loop begins there; what may not is left to workers.
import { copyValue } from '../proto/copy.js'
import { encodeValue } from '../proto/items.js'
import { monotonicSeconds } from '../proto/timing.js'
import { combineReceipts } from './combine.js'
import { CalledFunctions } from './function/called.js'
import type { AnyFunction } from './function/function.js'
import { nameOf, SentFunctions } from './function/sent.js'
import { FoldPart } from './inline/fold.js'
import { HeadStart } from './inline/head-start.js'
import { MapPart } from './inline/map.js'
import { metOf } from './inline/met.js'
import type { Part } from './inline/part.js'
import { onFirstRead } from './input/first-read.js'
import { openSource, type Source } from './input/source.js'
import { inputOf } from './input/values.js'
import type { JobEnd, JobOptions, JobRequest } from './job.js'
import { jobOptionsOf, type MapOptions, type Mappable, type Place, type PoolOptions, placeOf } from './options.js'
import type { Results } from './output/results.js'
import type { Receipt } from './receipt.js'
import { NOTHING_TO_REDUCE, reduceJob } from './reduce.js'
import { type Tier, Tiers } from './tiers.js'

/** What a job is run with, beside its function and items. */
export interface How extends MapOptions {
  readonly onError?: 'collect' | 'stop'
  readonly spread: boolean
  /** Workers take the next items, not the last. */
  readonly inTurn: boolean
  readonly unordered?: boolean
}

export class PoolJobs {
  readonly #options: PoolOptions
  readonly #stop: AbortSignal
  readonly #tiers: Tiers
  readonly #called = new CalledFunctions()
  readonly #sent = new SentFunctions()

  /** `stop` ends all of them. */
  constructor(options: PoolOptions, stop: AbortSignal) {
    this.#options = options
    this.#stop = stop
    this.#tiers = new Tiers(options, stop)
  }

  /** One map, where its options say: begun by this process's own loop, or left to workers. */
  async map(fn: Mappable<AnyFunction>, source: Source, results: Results, how: How): Promise<JobEnd> {
    const { place, isInline, jobOptions } = this.#place(how)
    const call = isInline ? await this.#called.get(fn, place === 'inline') : undefined
    if (call === undefined) return this.#mapInWorkers(fn, source, results, how)
    return this.#headStart(fn, call, source, how, onWait => {
      const { spread } = how
      return new MapPart({ call, results, spread, retries: jobOptions.retries, onWait, clock: monotonicSeconds })
    })
  }

  async reduce(
    fn: Mappable<AnyFunction>,
    source: Source,
    options: MapOptions,
    initial: { readonly value: unknown } | undefined,
  ): Promise<{ readonly end: JobEnd; readonly value?: unknown }> {
    const { place, isInline, jobOptions } = this.#place(options)
    const call = isInline ? await this.#called.get(fn, place === 'inline') : undefined
    if (call !== undefined) return this.#reduceFromHere(fn, call, source, options, initial)
    const hands = await this.#tiers.open(this.tierOf(place))
    return reduceJob(hands, await this.#request(fn, source, options, jobOptions), initial)
  }

  /** Whose workers a job gets that is left to workers alone. */
  tierOf(place: Place): Tier {
    return this.#tiers.of(place)
  }

  /** Aborted with the call's signal, and with the pool. */
  abort(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stop : AbortSignal.any([signal, this.#stop])
  }

  /** Ends the workers. Idempotent. */
  close(): Promise<void> {
    return this.#tiers.close()
  }

  #place(options: MapOptions): { readonly place: Place; readonly isInline: boolean; readonly jobOptions: JobOptions } {
    return { ...placeOf(options, this.#options), jobOptions: jobOptionsOf(options, this.#options) }
  }

  /** Folds what there is, then the partial values of what was folded apart, until one is left. */
  async #reduceFromHere(
    fn: Mappable<AnyFunction>,
    call: AnyFunction,
    first: Source,
    options: MapOptions,
    initial: { readonly value: unknown } | undefined,
  ): Promise<{ readonly end: JobEnd; readonly value?: unknown }> {
    const receipts: Receipt[] = []
    let source = first
    for (;;) {
      const part = new FoldPart(call)
      const end = await this.#headStart(fn, call, source, { ...options, spread: false, inTurn: false }, () => part)
      receipts.push(end.receipt)
      const [firstReceipt, ...later] = receipts as [Receipt, ...Receipt[]]
      const whole = { ...end, receipt: combineReceipts(firstReceipt, later) }
      if (end.state !== 'done') return { end: whole }
      const values = part.partials().map(({ value }) => value)
      // It stands before all items.
      if (receipts.length === 1 && initial !== undefined) values.unshift(initial.value)
      if (values.length === 0) return { end: { ...whole, state: 'broken', why: NOTHING_TO_REDUCE } }
      if (values.length === 1) return { end: whole, value: copyValue(values[0]) }
      source = openSource(values)
    }
  }

  async #mapInWorkers(fn: Mappable<AnyFunction>, source: Source, results: Results, how: How): Promise<JobEnd> {
    const { place, jobOptions } = this.#place(how)
    const { spread } = how
    const request = await this.#request(fn, source, how, { ...jobOptions, unordered: isUnordered(how) })
    const tier = this.tierOf(place)
    const hands = await this.#tiers.open(tier)
    const pool = this.#tiers.workers(tier)
    const beganAt = monotonicSeconds()
    // A later job that begins in the caller's loop wants to know what joining costs.
    const learn = (): void => {
      pool.joinSeconds ??= monotonicSeconds() - beganAt
    }
    const input = pool.ready > 0 ? onFirstRead(request.input, learn) : request.input
    return hands.run({ ...request, input, spread, operation: 'map', output: results })
  }

  #headStart(
    fn: Mappable<AnyFunction>,
    call: AnyFunction,
    source: Source,
    how: How,
    part: (onWait: (seconds: number) => void) => Part,
  ): Promise<JobEnd> {
    const { place, jobOptions } = this.#place(how)
    const { onProgress, spread, inTurn } = how
    const workers = { ways: this.#tiers.ways(place), function: () => this.#sent.get(fn, undefined) }
    return new HeadStart({
      name: nameOf(fn),
      met: metOf(call),
      spread,
      source,
      part,
      inTurn,
      options: { ...jobOptions, unordered: isUnordered(how) },
      abort: this.abort(how.signal),
      ...(onProgress && { onProgress }),
      ...(place !== 'inline' && { workers }),
      clock: monotonicSeconds,
    }).run()
  }

  async #request(
    fn: Mappable<AnyFunction>,
    source: Source,
    { init, shared, onProgress, signal }: MapOptions,
    options: JobOptions,
  ): Promise<Omit<JobRequest, 'output' | 'operation'>> {
    return {
      function: await this.#sent.get(fn, init),
      input: inputOf(source),
      options,
      abort: this.abort(signal),
      ...(shared !== undefined && {
        shared: { kind: 'json', content: new TextEncoder().encode(encodeValue(shared)) } as const,
      }),
      ...(onProgress && { onProgress }),
    }
  }
}

/** Values find their places by themselves, but for those of a stream that has to keep its order. */
const isUnordered = ({ inTurn, unordered }: How): boolean => !inTurn || unordered === true
