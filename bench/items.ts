// The items of a measured run. In: a job's name and how many items of which cost. Out: the same items on every side.
import { noop, padded, promised, record, type SmallRecord, scored, sorted, spin, sqrt } from './functions.js'
import { randomOf } from './workload.js'

export const FUNCTIONS = { noop, padded, promised, record, scored, sorted, spin, sqrt } as const
export type Job = keyof typeof FUNCTIONS

export interface ItemsSpec {
  readonly count: number
  /** Of `sqrt` and `noop`: the first item; the others follow one by one. */
  readonly from?: number
  /** Of the others: how often each item turns; or one number for all. */
  readonly turns?: number | readonly number[]
  /** Of `padded`: bytes beside the work. */
  readonly padBytes?: number
  /** Of `sorted`: in each text. */
  readonly words?: number
}

const textOf = (nth: number, words: number): string => {
  const random = randomOf(nth)
  return Array.from({ length: words }, () => Math.floor(random() * 1e6).toString(36)).join(' ')
}

/** The item at each place. */
export const itemAt = (
  job: Job,
  { from = 0, turns = 0, padBytes = 0, words = 0 }: ItemsSpec,
): ((nth: number) => unknown) => {
  const turnsOf = (nth: number): number => (typeof turns === 'number' ? turns : (turns[nth] ?? 0))
  const pad = 'x'.repeat(padBytes)
  const recordOf = (nth: number): SmallRecord => ({
    id: nth,
    turns: turnsOf(nth),
    name: `item ${nth}`,
    score: nth / 2,
    isOpen: nth % 2 === 0,
  })
  const table: Record<Job, (nth: number) => unknown> = {
    noop: nth => from + nth,
    sqrt: nth => from + nth,
    spin: turnsOf,
    promised: turnsOf,
    record: recordOf,
    scored: recordOf,
    sorted: nth => textOf(nth, words),
    padded: nth => ({ turns: turnsOf(nth), pad }),
  }
  return table[job]
}

export const itemsOf = (job: Job, spec: ItemsSpec): unknown[] => {
  const at = itemAt(job, spec)
  const items: unknown[] = []
  for (let nth = 0; nth < spec.count; nth++) items.push(at(nth))
  return items
}

const same = (a: unknown, b: unknown): boolean => Object.is(a, b) || JSON.stringify(a) === JSON.stringify(b)

/** After the clock has stopped: as many values as items, and the first and the last one right. */
export const checkValues = async (job: Job, spec: ItemsSpec, values: ArrayLike<unknown>): Promise<void> => {
  const fn = FUNCTIONS[job] as (item: unknown) => unknown
  const at = itemAt(job, spec)
  let wrong: number | undefined
  for (const nth of [spec.count - 1, 0]) if (!same(values[nth], await fn(at(nth)))) wrong = nth
  if (values.length === spec.count && wrong === undefined) return
  const got = wrong === undefined ? '' : `, value ${wrong} is ${JSON.stringify(values[wrong])}`
  throw new Error(`${job} over ${spec.count} items gave ${values.length} values${got}`)
}
