// The items of a measured run. In: a job's name and how many items of which cost. Out: the same items on every side.
import { noop, padded, record, spin, sqrt } from './functions.js'

export const FUNCTIONS = { noop, padded, record, spin, sqrt } as const
export type Job = keyof typeof FUNCTIONS

export interface ItemsSpec {
  readonly count: number
  /** Of `sqrt` and `noop`: the first item; the others follow one by one. */
  readonly from?: number
  /** Of the others: how often each item turns; or one number for all. */
  readonly turns?: number | readonly number[]
  /** Of `padded`: bytes beside the work. */
  readonly padBytes?: number
}

/** The item at each place. */
export const itemAt = (job: Job, { from = 0, turns = 0, padBytes = 0 }: ItemsSpec): ((nth: number) => unknown) => {
  const turnsOf = (nth: number): number => (typeof turns === 'number' ? turns : (turns[nth] ?? 0))
  const pad = 'x'.repeat(padBytes)
  const table: Record<Job, (nth: number) => unknown> = {
    noop: nth => from + nth,
    sqrt: nth => from + nth,
    spin: turnsOf,
    record: nth => ({ id: nth, turns: turnsOf(nth), name: `item ${nth}`, score: nth / 2, isOpen: nth % 2 === 0 }),
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
export const checkValues = (job: Job, spec: ItemsSpec, values: ArrayLike<unknown>): void => {
  const fn = FUNCTIONS[job] as (item: unknown) => unknown
  const at = itemAt(job, spec)
  const wrong = [0, spec.count - 1].find(nth => !same(values[nth], fn(at(nth))))
  if (values.length === spec.count && wrong === undefined) return
  const got = wrong === undefined ? '' : `, value ${wrong} is ${JSON.stringify(values[wrong])}`
  throw new Error(`${job} over ${spec.count} items gave ${values.length} values${got}`)
}
