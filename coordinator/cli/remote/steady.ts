// What a daemon streams, without an end where the daemon has one: when it goes away, what follows is asked of whoever answers next.
// In: a Desk, a job. Out: its views; its outcomes. Always true: each item's outcome comes out once, in order where that was asked
// for; a daemon that stays away ends the stream with its error, after half a minute.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcomes } from '../../../proto/outcome.js'
import { type Clock, monotonicSeconds } from '../../../proto/timing.js'
import { sliceOutcomes } from '../../gather.js'
import { type Desk, DeskError, type JobDetail, type JobView, type ResultsAsked } from '../../serve/desk.js'
import { SpanSet } from '../../spans.js'

export interface Patience {
  readonly clock: Clock
  /** A job is taken over within seconds; a daemon is started again within some more. */
  readonly patienceSeconds: number
  readonly pauseSeconds: number
  readonly onTrouble: (error: DeskError) => void
}

export const patience = (onTrouble: (error: DeskError) => void): Patience => ({
  clock: monotonicSeconds,
  patienceSeconds: 30,
  pauseSeconds: 0.5,
  onTrouble,
})

const PASSING: readonly string[] = ['UNREACHABLE', 'ENDING', 'STORE', 'BUSY']

const isPassing = (error: unknown): error is DeskError => error instanceof DeskError && PASSING.includes(error.code)

async function* steadily<T>(
  open: () => AsyncIterable<T>,
  signal: AbortSignal,
  { clock, patienceSeconds, pauseSeconds, onTrouble }: Patience,
): AsyncGenerator<T> {
  for (let troubledAt: number | undefined; ; ) {
    try {
      for await (const one of open()) {
        troubledAt = undefined
        yield one
      }
      return
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error
      if (troubledAt === undefined) onTrouble(error)
      troubledAt ??= clock()
      if (clock() - troubledAt > patienceSeconds) throw error
      await sleep(pauseSeconds * 1000, undefined, { signal })
    }
  }
}

/** One answer, when there is one. */
export const steadyDetail = async (desk: Desk, job: string, patience: Patience): Promise<JobDetail> => {
  const ask = async function* (): AsyncGenerator<JobDetail> {
    yield await desk.describe(job)
  }
  for await (const detail of steadily(ask, new AbortController().signal, patience)) return detail
  throw new Error(`there is no answer about ${job}`)
}

export const steadyViews = (
  desk: Desk,
  job: string,
  signal: AbortSignal,
  patience: Patience,
): AsyncGenerator<JobView> => steadily(() => desk.watch(job, signal), signal, patience)

export async function* steadyOutcomes(
  desk: Desk,
  job: string,
  asked: ResultsAsked,
  signal: AbortSignal,
  patience: Patience,
): AsyncGenerator<Outcomes> {
  let start = asked.start ?? 0
  const had = new SpanSet([{ start: 0, end: start }])
  const open = (): AsyncIterable<Outcomes> => desk.results(job, { ...asked, start }, signal)
  for await (const outcomes of steadily(open, signal, patience)) {
    for (const span of had.missing(outcomes.start, outcomes.end)) yield sliceOutcomes(outcomes, span)
    had.add(outcomes.start, outcomes.end)
    if (asked.ordered !== false) start = Math.max(start, outcomes.end)
  }
}
