// A station is a process that holds one subject of the measurements warm: our pool, a peer's, or a plain loop.
// In: one JSON request a line on standard input. Out: one JSON answer a line on standard output, after a first "ready".
// Always true: the result is checked after the clock has stopped, and a wrong one is an error, never a figure.
import { createInterface } from 'node:readline'

export interface StationRequest {
  readonly job: 'spin' | 'noop' | 'sqrt'
  /** Items are `from`, `from + 1`, …; of `spin`, all are `turns`. */
  readonly from: number
  readonly count: number
  readonly turns?: number
  /** How values come back, or how the work is cut: `f64`, `boxed`, or a number of chunks. */
  readonly how?: string
}

export interface StationAnswer {
  readonly seconds: number
  /** What our receipt says: compute / capacity. */
  readonly efficiency?: number
}

/** One measured run; what it returns is checked outside the clock. */
export type Measure = (request: StationRequest) => Promise<{
  readonly seconds: number
  readonly efficiency?: number
  readonly values: ArrayLike<number>
}>

const expectedLast = ({ job, from, count, turns }: StationRequest, spin: (turns: number) => number): number => {
  if (job === 'spin') return spin(turns ?? 0)
  const last = from + count - 1
  return job === 'sqrt' ? Math.sqrt(last) : last
}

/** Answers requests until standard input ends. */
export const serveStation = async (
  measure: Measure,
  spin: (turns: number) => number,
  close: () => Promise<void>,
): Promise<void> => {
  process.stdout.write('"ready"\n')
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as StationRequest
    const { values, ...answer } = await measure(request)
    const [got, wanted] = [values[values.length - 1], expectedLast(request, spin)]
    if (values.length !== request.count || got !== wanted)
      throw new Error(`${line} gave ${values.length} values, the last ${got}: expected ${request.count}, ${wanted}`)
    process.stdout.write(`${JSON.stringify(answer satisfies StationAnswer)}\n`)
  }
  await close()
}
