// What items cost, in seconds, for jobs that are not all alike. Pure: the same seed gives the same job on every machine.

/** Numbers in [0, 1), evenly spread: mulberry32. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** The smaller, the heavier the tail. */
const PARETO_SHAPE = 1.2
/** No item costs more than so many times the cheapest one. */
const PARETO_CAP = 200

const pareto = (random: () => number): number => Math.min(PARETO_CAP, (1 - random()) ** (-1 / PARETO_SHAPE))

const scaled = (costs: readonly number[], sumSeconds: number): number[] => {
  const factor = sumSeconds / sumOf(costs)
  return costs.map(cost => cost * factor)
}

/** The worst order: the expensive items come last. */
export const paretoLast = (count: number, sumSeconds: number): number[] => {
  const random = randomOf(20_240_501)
  const costs = Array.from({ length: count }, () => pareto(random))
  return scaled(
    costs.toSorted((a, b) => a - b),
    sumSeconds,
  )
}

/** The first half of the items takes 1 us each, the second 5 ms. */
export const fastThenSlow = (count: number): number[] =>
  Array.from({ length: count }, (_, nth) => (nth < count / 2 ? 1e-6 : 5e-3))

/** No schedule on so many slots ends sooner. */
export const lowerBound = (costs: readonly number[], slots: number): number =>
  Math.max(sumOf(costs) / slots, Math.max(...costs))

const SPREADS = ['the same', 'even', 'a heavy tail', 'fast, then slow', 'slow, then fast'] as const
const PAYLOADS = ['numbers', 'records', 'texts'] as const

export interface RandomJob {
  readonly seed: number
  readonly payload: (typeof PAYLOADS)[number]
  readonly spread: (typeof SPREADS)[number]
  /** Of each item. */
  readonly costsSeconds: readonly number[]
  readonly padBytes: number
}

/** Limits that keep one run of a job below a second or so. */
const MOST_ITEMS = { numbers: 200_000, records: 50_000, texts: 20_000 } as const
const MOST_PAD_BYTES = 20e6

/** N, grain, spread and payload from a seed; each size from its range, evenly on a logarithmic scale. */
export const randomJob = (seed: number): RandomJob => {
  const random = randomOf(seed * 7919 + 1)
  const from = (low: number, high: number): number => low * (high / low) ** random()
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T
  const payload = pick(PAYLOADS)
  const spread = pick(SPREADS)
  const grain = from(50e-9, 20e-3)
  const sum = from(200e-6, 0.5)
  const count = Math.max(1, Math.min(MOST_ITEMS[payload], Math.round(sum / grain)))
  const padBytes = Math.round(Math.min(from(16, 65_536), MOST_PAD_BYTES / count))
  const costOf = (nth: number): number => {
    if (spread === 'even') return 2 * random()
    if (spread === 'a heavy tail') return pareto(random)
    if (spread === 'the same') return 1
    return (spread === 'fast, then slow') === nth < count / 2 ? 0.02 : 1.98
  }
  const costs = Array.from({ length: count }, (_, nth) => costOf(nth))
  return { seed, payload, spread, costsSeconds: scaled(costs, count * grain), padBytes }
}
