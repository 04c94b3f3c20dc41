// What is remembered of costs, after a measurement or a job: pure, old costs and new figures in, new costs out.
// Always true: a figure moves towards what is measured and never jumps there once it is known well, so that one noisy run
// does no lasting harm; what a job cannot tell apart, it does not change.
import type { RunnerName } from '../proto/shard.js'
import type { ClusterCosts, Costs, FunctionCost, PlaceCosts } from './costs.js'
import type { Receipt } from './receipt.js'

/**
 * The share that a new figure has once there are several. Other processes only make figures larger: a smaller one is believed
 * sooner than a larger one, which has to come again and again.
 */
const SMALLER = 0.6
const LARGER = 0.25
/** A function may be given other items than before. */
const NEWEST = 0.4
/** Fewer shards than this say little of what a shard costs. */
const SHARDS_TO_LEARN_FROM = 50

const mix = (old: number, now: number, weight: number): number => old + (now - old) * weight

const mixed = <T extends PlaceCosts>(old: T | undefined, now: T): T => {
  if (old === undefined) return { ...now, measurements: 1 }
  const figures = Object.keys(now) as (keyof T)[]
  const both = figures.map(name => {
    const [before, newest] = [old[name] as number, now[name] as number]
    // Of a rate the larger figure is the quieter one.
    const isQuieter = name === 'bytesPerSecond' ? newest > before : newest < before
    return [name, mix(before, newest, isQuieter ? SMALLER : LARGER)]
  })
  return { ...(Object.fromEntries(both) as T), measurements: old.measurements + 1 }
}

export const withLocal = (costs: Costs, runner: RunnerName, now: PlaceCosts): Costs => ({
  ...costs,
  local: { ...costs.local, [runner]: mixed(costs.local[runner], now) },
})

/** The cluster met last stands last, so that those of long ago are the first to be forgotten. */
export const withCluster = (costs: Costs, server: string, now: ClusterCosts): Costs => {
  const { [server]: old, ...others } = costs.clusters
  return { ...costs, clusters: { ...others, [server]: { ...mixed(old, now), slots: now.slots } } }
}

const withFunction = (costs: Costs, now: FunctionCost): Costs => {
  const old = costs.functions.find(({ key }) => key === now.key)
  const others = costs.functions.filter(({ key }) => key !== now.key)
  // A job of more items says more.
  const weight = old === undefined ? 1 : Math.max(NEWEST, now.items / (now.items + old.items))
  const itemSeconds = old === undefined ? now.itemSeconds : mix(old.itemSeconds, now.itemSeconds, weight)
  const items = Math.max(now.items, old?.items ?? 0)
  return { ...costs, functions: [...others, { key: now.key, itemSeconds, items }] }
}

export interface Ended {
  readonly receipt: Receipt
  readonly runner: RunnerName
  /** Of the function (functionKey). */
  readonly key: string
  /** What the start of a worker took in this process; undefined where none was started. */
  readonly startSeconds: number | undefined
}

/** What a job that ended tells: of its function, of a start, and, where shards held an item or two, of what a shard costs. */
export const withJob = (costs: Costs, { receipt, runner, key, startSeconds }: Ended): Costs => {
  const { items, shards, placement, core_seconds: seconds, serial_seconds_estimate: serial } = receipt
  if (items === 0 || !(serial.value > 0)) return costs
  const learned = withFunction(costs, { key, itemSeconds: serial.value / items, items })
  const old = learned.local[runner]
  if (placement !== 'local' || old === undefined) return learned
  const alone = shards >= SHARDS_TO_LEARN_FROM && items <= 2 * shards
  const shardSeconds = (seconds.decode + seconds.encode + seconds.dispatch) / Math.max(1, shards)
  if (!alone && startSeconds === undefined) return learned
  const now = { ...old, ...(alone && { shardSeconds }), ...(startSeconds !== undefined && { startSeconds }) }
  // It is no measurement of the whole.
  const { measurements } = old
  return { ...learned, local: { ...learned.local, [runner]: { ...mixed(old, now), measurements } } }
}

/** What an item of a function took when it was met last; undefined for a stranger. */
export const itemSecondsOf = (costs: Costs, key: string): number | undefined =>
  costs.functions.find(known => known.key === key)?.itemSeconds
