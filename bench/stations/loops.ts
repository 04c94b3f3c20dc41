// The plain loops that a pool is measured against, each as one would write it by hand. In: a request. Out: a function that
// runs the loop. Always true: each kind of loop has a function of its own, so that the compiler sees one callee in it.
import { FUNCTIONS } from '../items.js'
import type { Items, StationRequest } from './protocol.js'

const rootsPushed = (from: number, end: number): number[] => {
  const values: number[] = []
  for (let x = from; x < end; x++) values.push(Math.sqrt(x))
  return values
}

const rootsPacked = (from: number, end: number): Float64Array => {
  const values = new Float64Array(end - from)
  for (let x = from; x < end; x++) values[x - from] = Math.sqrt(x)
  return values
}

const packed = (fn: (item: number) => number, items: ArrayLike<number>): Float64Array => {
  const values = new Float64Array(items.length)
  for (let nth = 0; nth < items.length; nth++) values[nth] = fn(items[nth] as number)
  return values
}

const pushed = (fn: (item: never) => unknown, items: ArrayLike<unknown>): unknown[] => {
  const values: unknown[] = []
  for (let nth = 0; nth < items.length; nth++) values.push(fn(items[nth] as never))
  return values
}

const awaited = async (fn: (item: never) => unknown, items: ArrayLike<unknown>): Promise<unknown[]> => {
  const values: unknown[] = []
  for (let nth = 0; nth < items.length; nth++) values.push(await fn(items[nth] as never))
  return values
}

type Values = ArrayLike<unknown>

export const loopOver = (request: StationRequest, items: Items): (() => Values | Promise<Values>) => {
  const { job, as } = request
  const { from = 0, count } = request.items
  if (job === 'sqrt') return () => (as === 'f64' ? rootsPacked(from, from + count) : rootsPushed(from, from + count))
  const input = items()
  if (job === 'promised') return () => awaited(FUNCTIONS[job], input)
  if (as !== 'f64') return () => pushed(FUNCTIONS[job], input)
  const numbers = Float64Array.from(input as number[])
  return () => packed(FUNCTIONS[job] as (item: number) => number, numbers)
}
