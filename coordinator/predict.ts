// How long a job would take at each place, before it is run. Pure: a sample of its items and what handing over costs go in,
// predictions come out. Always true: a prediction says what limits it; a plain loop is among them, so that no place is
// recommended that would lose to it.
import type { ClusterCosts, PlaceCosts } from './costs.js'
import { TARGET_SECONDS } from './sizing.js'

/** What was measured of some items, one after the other in one worker. */
export interface Sample {
  readonly items: number
  /** Items of the whole job; undefined where nobody can know before the end. */
  readonly total: number | undefined
  /** Inside the function, an item: the mean. */
  readonly itemSeconds: number
  /** The standard deviation of one item; undefined where items are too short to be seen apart. */
  readonly sigmaSeconds: number | undefined
  readonly longestSeconds: number
  /** Of `itemSeconds`, on a processor; undefined where it was not measured. */
  readonly cpuSeconds: number | undefined
  /** Until the function was loaded and its init had ended, in a worker that was there. */
  readonly loadSeconds: number
  /** What the first item took beyond the others. */
  readonly warmUpSeconds: number
  /** An item, and its value, on their way; of both together, what is text. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly textBytes: number
}

export type Limit = 'one core' | 'cores' | 'waiting' | 'start-up' | 'handing over' | 'network' | 'the longest item'

export interface Prediction {
  readonly place: 'inline' | 'local' | 'cluster'
  readonly slots: number
  readonly seconds: number
  /** Against a plain loop. */
  readonly speedup: number
  readonly efficiency: number
  readonly limit: Limit
  /** From how many such items on this place is faster than a loop; null when never. */
  readonly breakEvenItems: number | null
}

export interface Places {
  /** Cores of this machine that may be used. */
  readonly cores: number
  readonly localSlots: readonly number[]
  readonly local: PlaceCosts | undefined
  readonly cluster?: ClusterCosts | undefined
  /** Items in progress at once in each worker; 1 unless it is set. */
  readonly concurrency?: number
}

/** Below this a function spends most of its time waiting. */
const WAITING_BELOW = 0.5
/** Whoever is hardly faster is not worth more processes. */
const WORTH = 0.95

const isWaiting = ({ cpuSeconds, itemSeconds }: Sample): boolean =>
  cpuSeconds !== undefined && itemSeconds > 1e-4 && cpuSeconds < WAITING_BELOW * itemSeconds

const serialSecondsOf = (sample: Sample, items: number): number =>
  sample.loadSeconds + sample.warmUpSeconds + items * sample.itemSeconds

const inline = (sample: Sample, items: number): Prediction => ({
  place: 'inline',
  slots: 1,
  seconds: serialSecondsOf(sample, items),
  speedup: 1,
  efficiency: 1,
  limit: isWaiting(sample) ? 'waiting' : 'one core',
  breakEvenItems: null,
})

interface Parallel {
  readonly place: 'local' | 'cluster'
  readonly slots: number
  /** Cores that the slots share. */
  readonly cores: number
  readonly costs: PlaceCosts
  readonly concurrency: number
  readonly bytesPerSecond?: number
}

/** The parts that a job's time is made of; the largest is what limits it. */
const partsOf = (sample: Sample, items: number, where: Parallel): Record<Limit, number> => {
  const { costs, slots } = where
  const { itemSeconds } = sample
  const shards = Math.min(items, Math.max(Math.ceil((items * itemSeconds) / TARGET_SECONDS), 3 * slots))
  const cpuShare = Math.min(1, (sample.cpuSeconds ?? itemSeconds) / Math.max(itemSeconds, 1e-12))
  const busy = Math.max(1, Math.min(slots, items))
  // Items in progress: each waits by itself, and shares its core when it does not.
  const places = Math.max(1, Math.min(slots * where.concurrency, items))
  const onCores = (items * itemSeconds * cpuShare) / Math.min(busy, where.cores)
  const inSlots = (items * itemSeconds) / places
  const compute = Math.max(onCores, inSlots)
  const overhead = items * (costs.itemSeconds + sample.textBytes * costs.byteSeconds) + shards * costs.shardSeconds
  const caller =
    items * (costs.callerItemSeconds + sample.textBytes * costs.callerByteSeconds) + shards * costs.callerShardSeconds
  // The caller hands over while workers work: what it takes shows only where it is more than they do.
  const handing = Math.max(overhead / Math.min(busy, where.cores), caller - compute)
  const bytes = items * (sample.bytesIn + sample.bytesOut)
  const network = where.bytesPerSecond === undefined ? 0 : bytes / where.bytesPerSecond - compute
  // Whole items: the last ones leave slots idle, the more so when one is much longer than the others.
  const uneven = Math.ceil(items / places) * itemSeconds - (items * itemSeconds) / places
  const straggler = (Math.max(0, sample.longestSeconds - itemSeconds) * (places - 1)) / places / 2
  const tail = Math.max(uneven, straggler, sample.longestSeconds - compute, 0)
  return {
    'one core': 0,
    cores: isWaiting(sample) ? 0 : compute,
    waiting: isWaiting(sample) ? compute : 0,
    'start-up': costs.startSeconds + costs.jobSeconds + sample.loadSeconds + sample.warmUpSeconds,
    'handing over': Math.max(0, handing),
    network: Math.max(0, network),
    'the longest item': tail,
  }
}

const sumOf = (parts: Readonly<Record<Limit, number>>): number =>
  Object.values(parts).reduce((sum, seconds) => sum + seconds, 0)

/** The fewest items with which `where` is as fast as a loop. */
const breakEven = (sample: Sample, where: Parallel): number | null => {
  const isFaster = (items: number): boolean => sumOf(partsOf(sample, items, where)) <= serialSecondsOf(sample, items)
  let high = 1
  while (!isFaster(high)) {
    high *= 2
    if (high > Number.MAX_SAFE_INTEGER / 2) return null
  }
  let low = high === 1 ? 0 : high / 2
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isFaster(middle)) high = middle
    else low = middle
  }
  return high
}

const parallel = (sample: Sample, items: number, where: Parallel): Prediction => {
  const parts = partsOf(sample, items, where)
  const seconds = sumOf(parts)
  const speedup = serialSecondsOf(sample, items) / Math.max(seconds, 1e-12)
  const [limit] = (Object.entries(parts) as [Limit, number][]).reduce((most, part) => (part[1] > most[1] ? part : most))
  return {
    place: where.place,
    slots: where.slots,
    seconds,
    speedup,
    efficiency: speedup / where.slots,
    limit: limit === 'cores' && where.slots === 1 ? 'one core' : limit,
    breakEvenItems: breakEven(sample, where),
  }
}

/** How many items are predicted for: those of the job, or, where nobody knows, those that were sampled. */
export const itemsOf = (sample: Sample): number => sample.total ?? sample.items

/** One prediction a place and number of slots: the loop first, then this machine, then the cluster. */
export const predict = (sample: Sample, places: Places): Prediction[] => {
  const items = itemsOf(sample)
  const { cores, local, cluster, concurrency = 1 } = places
  const predictions = [inline(sample, items)]
  if (local !== undefined) {
    for (const slots of places.localSlots)
      predictions.push(
        parallel(sample, items, {
          place: 'local',
          slots,
          cores,
          costs: local,
          concurrency,
        }),
      )
  }
  if (cluster !== undefined && cluster.slots > 0) {
    const { slots, bytesPerSecond } = cluster
    const where = { place: 'cluster', slots, cores: slots, costs: cluster, bytesPerSecond, concurrency } as const
    predictions.push(parallel(sample, items, where))
  }
  return predictions
}

/** The fastest; of those that are about as fast, the one with the fewest slots, and this machine before a cluster. */
export const recommended = (predictions: readonly Prediction[]): Prediction => {
  const fastest = Math.min(...predictions.map(({ seconds }) => seconds))
  const worthwhile = predictions.find(({ seconds }) => seconds * WORTH <= fastest)
  return worthwhile ?? (predictions[0] as Prediction)
}
