// A map run of a function that waits, in a Node worker: several items in progress at once. In: a function and a batch, and
// what is known of the function from its runs before. Out: one outcome an item, in parts.
// Always true: a function that returns no promises stays in the tight loop of map.ts; a careful run, or a job that asks for
// one item at a time, is map.ts's alone.

import { failureOf } from '../../../proto/failure.js'
import type { JobSpec } from '../../../proto/shard.js'
import type { WorkerRun } from '../../worker.js'
import { runConcurrent, type Settled } from '../concurrent.js'
import { ownCpuSeconds } from '../cpu.js'
import { Lanes } from '../lanes.js'
import type { Pace } from '../pace.js'
import { Part } from '../part.js'
import { sourceOf } from '../source.js'
import type { Loaded, UserFunction } from './load.js'
import { isThenable, type Left, nowSeconds, runMap, type Seat } from './map.js'

/** How a job's items wait, as far as its runs have shown. */
export class Waiting {
  readonly lanes: Lanes
  readonly timeoutSeconds: number | undefined
  readonly #isAsked: boolean
  #returns: 'unknown' | 'promises' | 'values' = 'unknown'

  constructor({ concurrency, timeoutSeconds, operation }: JobSpec) {
    this.lanes = new Lanes(operation === 'fold' ? 1 : concurrency, ownCpuSeconds)
    this.#isAsked = concurrency !== undefined
    this.timeoutSeconds = timeoutSeconds
    if (operation === 'fold' || concurrency === 1) this.#returns = 'values'
  }

  /** Runs begin where several items may be in progress. */
  get isCertain(): boolean {
    return this.#returns === 'promises'
  }

  /** Runs go there at the first promise. */
  get isPossible(): boolean {
    return this.#returns !== 'values'
  }

  /** Of a run's items so many returned a promise. */
  observe(promises: number, items: number): void {
    if (promises * 2 >= items) this.#returns = 'promises'
    // Few would wait, and all be slower for it.
    else this.#returns = this.#isAsked ? 'unknown' : 'values'
  }
}

const spreading = (call: UserFunction): UserFunction => {
  return value => (Array.isArray(value) ? call(...value) : call(value))
}

const ends = (promise: PromiseLike<unknown>, end: (settled: Settled) => void): void => {
  Promise.resolve(promise).then(
    value => end({ value }),
    error => end({ failure: failureOf(error) }),
  )
}

const fresh = (run: WorkerRun, { channel }: Seat): Omit<Left, 'promise' | 'sinceSeconds'> => {
  const source = sourceOf(run.items)
  const part = new Part(run.run, run.start, source.count, (outcomes, onWritten) => channel.send(outcomes, onWritten))
  return { source, part, offset: 0, preparedTo: 0, endSeconds: nowSeconds() + run.timeBoxSeconds }
}

/** Runs a batch as `runMap` does, with several items in progress where that may be. */
export const runItems = async (
  loaded: Loaded,
  run: WorkerRun,
  pace: Pace,
  seat: Seat,
  waiting: Waiting,
): Promise<void> => {
  let left: Left | undefined
  if (run.careful || !waiting.isCertain) {
    left = await runMap(loaded, run, pace, seat, !run.careful && waiting.isPossible)
    if (left === undefined) return
  }
  const { source, part, offset: from, preparedTo, endSeconds } = left ?? fresh(run, seat)
  const call = loaded.spread ? spreading(loaded.call) : loaded.call
  let promises = left === undefined ? 0 : 1
  let items = promises

  const begin = (offset: number, end: (settled: Settled) => void): Settled | undefined => {
    let reason: 'undecodable' | 'error' = 'undecodable'
    items += 1
    try {
      const value = source.at(offset)
      reason = 'error'
      const result = call(value)
      if (!isThenable(result)) return { value: result }
      promises += 1
      ends(result, end)
      return undefined
    } catch (error) {
      const failure = failureOf(error)
      return { failure: reason === 'error' ? failure : { reason, message: failure.message } }
    }
  }
  const hasOverdue = await runConcurrent({
    run: run.run,
    start: run.start,
    count: source.count,
    part,
    from,
    ...(left && { begun: { sinceSeconds: left.sinceSeconds, onEnd: end => ends(left.promise, end) } }),
    endSeconds,
    timeoutSeconds: waiting.timeoutSeconds,
    lanes: waiting.lanes,
    ...seat,
    prepare: offset => {
      if (offset >= preparedTo) source.prepare(offset, offset + 1)
    },
    begin,
  })
  if (hasOverdue) await seat.channel.leave()
  waiting.observe(promises, items)
}
