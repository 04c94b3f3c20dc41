// What an agent has sent to one worker and has no answer for yet, in order. In: loads and runs sent, messages received, the
// progress record. Out: what may be passed on, how long the worker had it, and at its end who is to blame. Pure.
// Always true: answers come in the order of the requests, and a run's outcomes join without a gap.

import { countOf } from '../proto/items.js'
import type { JobSpec, Span } from '../proto/shard.js'
import type { Timing } from '../proto/timing.js'
import { FrameError } from './frame.js'
import type { WorkerOutcomes } from './message.js'
import type { Progress } from './progress.js'
import type { LoadedCode, WorkerRun } from './worker.js'

export interface RunInFlight {
  readonly type: 'run'
  readonly run: number
  readonly load: number
  readonly spec: JobSpec
  readonly careful: boolean
  readonly end: number
  /** All before this index are reported. */
  reported: number
  readonly sentSeconds: number
}

type InFlight = RunInFlight | { readonly type: 'load'; readonly load: number }

/** Chunks take 0.2 ms, workers look for a limit every ms. Smaller: some items run twice. Larger: fewer of them are given back. */
const CHUNKS_AHEAD = 8

export class Flight {
  readonly #loads = new Map<number, LoadedCode>()
  readonly #runs = new Map<number, RunInFlight>()
  #queue: InFlight[] = []
  #answeredSeconds = 0

  /** What the worker is at, unless it sits between two. */
  get current(): InFlight | undefined {
    return this.#queue[0]
  }

  run(run: number): RunInFlight | undefined {
    return this.#runs.get(run)
  }

  sendLoad(load: number, code: LoadedCode): void {
    this.#loads.set(load, code)
    this.#queue.push({ type: 'load', load })
  }

  sendRun(run: WorkerRun, nowSeconds: number): RunInFlight {
    const spec = this.#loads.get(run.load)?.spec
    if (spec === undefined) throw new Error(`run ${run.run} of load ${run.load}, which the worker was not given`)
    const { careful, start } = run
    const end = start + countOf(run.items)
    const sent: RunInFlight = {
      type: 'run',
      run: run.run,
      load: run.load,
      spec,
      careful,
      end,
      reported: start,
      sentSeconds: nowSeconds,
    }
    this.#runs.set(run.run, sent)
    this.#queue.push(sent)
    return sent
  }

  /** The answer to a load. */
  loaded(load: number, nowSeconds: number): void {
    this.#answeredSeconds = nowSeconds
    const current = this.#queue.shift()
    if (current?.type !== 'load' || current.load !== load) throw new FrameError(`an answer to load ${load} out of turn`)
  }

  /** The answer to a load that cannot be used: the worker passes over the runs that were sent for it. */
  refused(load: number, nowSeconds: number): void {
    this.loaded(load, nowSeconds)
    for (const entry of this.#queue) if (entry.type === 'run' && entry.load === load) this.#runs.delete(entry.run)
    this.#queue = this.#queue.filter(entry => entry.type !== 'run' || entry.load !== load)
  }

  /** Outcomes of a run, checked against what was sent; returns their timing. */
  outcomes({ run, span, timing, last }: WorkerOutcomes, nowSeconds: number): Timing {
    const current = this.#queue[0]
    if (current?.type !== 'run' || current.run !== run) throw new FrameError(`outcomes of run ${run} out of turn`)
    // A fold that failed at an item says so of that item alone.
    const joins =
      span.start === current.reported || (current.spec.operation === 'fold' && last && span.start > current.reported)
    if (!joins || span.end > current.end)
      throw new FrameError(`outcomes of [${span.start}, ${span.end}), expected [${current.reported}, …${current.end})`)
    current.reported = span.end
    if (last) {
      this.#queue.shift()
      this.#runs.delete(run)
    }
    // A run that waited in the pipe behind another was with the worker since the other's answer.
    const sinceSeconds = Math.max(current.sentSeconds, this.#answeredSeconds)
    this.#answeredSeconds = nowSeconds
    const { computeSeconds, decodeSeconds, encodeSeconds } = timing
    const dispatchSeconds = Math.max(0, nowSeconds - sinceSeconds - computeSeconds - decodeSeconds - encodeSeconds)
    return { ...timing, dispatchSeconds }
  }

  /** Where a run can end that is to end early: behind what its worker may have begun before it sees the limit. */
  curtail(run: number, progress: Progress): number | undefined {
    const found = this.#runs.get(run)
    if (found === undefined) return undefined
    if (progress.run !== run) {
      const at = this.#queue.findIndex(entry => entry.type === 'run' && entry.run === progress.run)
      // The worker is at a later one: the end of this one's outcomes is on its way.
      return at > this.#queue.indexOf(found) ? undefined : found.reported
    }
    // Chunks of many items are over in less time than a worker may take to look.
    const ahead = progress.count > 1 ? CHUNKS_AHEAD * progress.count : Math.max(1, progress.count)
    return Math.min(found.end, Math.max(found.reported, progress.start + ahead))
  }

  /** The items one of which was running when the worker died, as far as its record tells. */
  running(progress: Progress): { run: RunInFlight; span: Span } | undefined {
    const run = this.#runs.get(progress.run)
    if (run === undefined || progress.count === 0) return undefined
    const span = { start: progress.start, end: progress.start + progress.count }
    return span.start >= run.reported && span.end <= run.end ? { run, span } : undefined
  }

  /**
   * The items that had been called but not reported when the worker died between two records: one of them may have left
   * something behind, a closed descriptor or a patched built-in, that the report itself died of. A careful run reports
   * each item alone. A fold reports no items, so nobody can be blamed for its report.
   */
  unreported(progress: Progress): { run: RunInFlight; span: Span } | undefined {
    const run = this.#runs.get(progress.run)
    if (run === undefined || run.spec.operation === 'fold' || progress.count !== 0) return undefined
    if (progress.start <= run.reported || progress.start > run.end) return undefined
    return { run, span: { start: run.reported, end: run.careful ? run.reported + 1 : progress.start } }
  }

  /**
   * The items one of which broke the stream. By the time that the agent saw it the worker had gone on; but a careful run
   * reports each item before the next begins, so there it was the first one not reported.
   */
  breaking(progress: Progress): { run: RunInFlight; span: Span } | undefined {
    const run = this.#queue[0]
    if (run?.type !== 'run' || progress.run !== run.run || run.reported >= run.end) return undefined
    const reached = Math.min(run.end, Math.max(run.reported + 1, progress.start + progress.count))
    return { run, span: { start: run.reported, end: run.careful ? run.reported + 1 : reached } }
  }
}
