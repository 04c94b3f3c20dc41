// A station is a process that holds one subject of the measurements warm: our pool, a peer's, or the bare floor.
// In: one JSON request a line on standard input. Out: one JSON answer a line on standard output, after a first "ready".
// Always true: items are made before the clock starts, and values are checked after it has stopped; a wrong one is an
// error, never a figure.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkValues, type ItemsSpec, itemsOf, type Job } from '../items.js'
import type { Account } from '../receipts.js'
import { type Answer, median } from '../samples.js'

export interface StationRequest {
  readonly job: Job
  readonly items: ItemsSpec
  /** Ours alone: a plain loop in the same process instead. */
  readonly by?: 'loop'
  /** Values as packed doubles. */
  readonly as?: 'f64'
  /** Ours alone: a pool of its own, that has no workers yet. */
  readonly isCold?: boolean
  /** Ours alone. */
  readonly place?: 'auto' | 'inline' | 'local' | 'cluster'
  readonly shardSize?: number
  /** Ours alone: the function itself is passed, in place of its module's name. */
  readonly isPassed?: boolean
  /** Ours alone: values are taken one by one from `imap`. */
  readonly isStreamed?: boolean
  /** Ours alone: an open job is given each item when the value of the last one is there; the answer is the median of an item's time. */
  readonly isInTurn?: boolean
  /** How a peer's items are cut by hand; item by item without it. */
  readonly chunks?: number
  /** The garbage of earlier requests is collected before the clock starts. It costs short runs: the engine forgets code as well. */
  readonly isCollected?: boolean
  /** So many runs, one after another; the answer is their median. */
  readonly times?: number
  /** Between two of them: what a caller does with a value before it asks for the next. */
  readonly restSeconds?: number
}

export interface Run {
  readonly seconds: number
  readonly values: ArrayLike<unknown>
  readonly account?: Account
}

/** Made when first asked for, so that a range need not be an array anywhere. */
export type Items = () => unknown[]

/** One measured run over the items. */
export type Measure = (request: StationRequest, items: Items) => Promise<Run>

/** Longer than word of a job's end is held back, and what it makes agents do takes. */
const AFTER_MS = 10

const answerTo = async (request: StationRequest, items: Items, measure: Measure): Promise<Answer> => {
  const runs: Run[] = []
  // Else one side's run would pay for the values of the other's: to give 80 MB back takes 5 ms.
  if (request.isCollected === true) {
    // Nor should the first of several pay for the items of all.
    if (request.items.turns !== undefined) items()
    gc?.()
    // Nor for the end of the last one's job, of which agents are told when it is over.
    await sleep(AFTER_MS)
  }
  for (let nth = 0; nth < (request.times ?? 1); nth++) {
    if (nth > 0 && request.restSeconds !== undefined) await sleep(request.restSeconds * 1000)
    const { values, ...run } = await measure(request, items)
    await checkValues(request.job, request.items, values)
    runs.push({ ...run, values: [] })
  }
  const receipts = runs.flatMap(({ account }) => account ?? [])
  return { seconds: median(runs.map(({ seconds }) => seconds)), ...(receipts.length > 0 && { receipts }) }
}

/** The same request comes again and again: its items are made once. */
const keepItems = (): ((request: StationRequest) => Items) => {
  let kept: { readonly key: string; readonly items: unknown[] } | undefined
  return ({ job, items }) => {
    const key = JSON.stringify([job, items])
    if (kept?.key !== key) kept = undefined
    return () => {
      kept ??= { key, items: itemsOf(job, items) }
      return kept.items
    }
  }
}

/** Answers requests until standard input ends. */
export const serveStation = async (measure: Measure, close: () => Promise<unknown>): Promise<void> => {
  const itemsFor = keepItems()
  process.stdout.write('"ready"\n')
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as StationRequest
    process.stdout.write(`${JSON.stringify(await answerTo(request, itemsFor(request), measure))}\n`)
  }
  await close()
}
