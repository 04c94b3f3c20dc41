// What a job would take at each place, before it is run: a sample of its items, what handing over costs here, and the
// predictions that follow. In: hands of this machine and perhaps of a cluster, a job without input and output, items from all
// over the input. Out: an explanation, and what the sample gave. Always true: costs that are not known are measured first and
// remembered.
import type { RunnerName } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import { calibrateCluster, calibrateLocal, countSlots } from './calibrate.js'
import {
  type ClusterCosts,
  type Costs,
  type CostsOptions,
  NO_COSTS,
  type PlaceCosts,
  readCosts,
  remember,
} from './costs.js'
import type { Hands, JobRequest } from './job.js'
import { withCluster, withLocal } from './learn.js'
import { type Prediction, predict, recommended, type Sample } from './predict.js'
import { runSample, type Sampling } from './sampling.js'
import type { Spread } from './spread.js'

export interface ExplainOptions {
  /** Opens this machine's hands with so many slots. */
  readonly openLocal: (slots: number) => Promise<Hands>
  /** As many as the job would have. */
  readonly slots: number
  readonly costs: CostsOptions
  readonly cluster?: { readonly hands: Hands; readonly server: string }
  readonly request: Omit<JobRequest, 'operation' | 'output' | 'input'>
  readonly spread: Spread
  /** What the items take on their way is nothing: they are described, not sent. */
  readonly isRange: boolean
  readonly keeps: boolean
  readonly clock: Clock
}

export interface Explained {
  readonly name: string
  readonly runner: RunnerName
  /** Items in progress at once in each worker, as far as it is set. */
  readonly concurrency: number
  readonly sampling: Sampling
  readonly sample: Sample
  readonly local: PlaceCosts
  readonly cluster: ClusterCosts | undefined
  /** Why there is no prediction for the cluster that was asked for. */
  readonly clusterFault: string | undefined
  readonly predictions: readonly Prediction[]
  readonly recommended: Prediction
}

/** A sample takes about so long, or so many items, whichever is less. */
const SAMPLE_SECONDS = 2
const MOST_ITEMS = 1_000_000
/** Outcomes that are kept are held one by one. */
const MOST_KEPT = 10_000
/** An agent that has not joined by then is not there. */
const JOIN_SECONDS = 3
const CALIBRATION_SECONDS = 20
/** One measurement may have been made on a busy machine. */
const ENOUGH_MEASUREMENTS = 3

/** 1, 2, 4 … and `slots` itself; all of them when they are few. */
export const slotCounts = (slots: number): number[] => {
  if (slots <= 4) return Array.from({ length: slots }, (_, nth) => nth + 1)
  const counts: number[] = []
  for (let count = 1; count < slots; count *= 2) counts.push(count)
  return [...counts, slots]
}

const withHands = async <T>(hands: Hands, use: (hands: Hands) => Promise<T>): Promise<T> => {
  try {
    return await use(hands)
  } finally {
    await hands.close()
  }
}

/** Of this machine: remembered, or measured now. */
const localCosts = async (
  { openLocal, slots, costs: where }: ExplainOptions,
  runner: RunnerName,
): Promise<PlaceCosts> => {
  const known = (await readCosts(where)).local[runner]
  if (known !== undefined && known.measurements >= ENOUGH_MEASUREMENTS) return known
  const signal = AbortSignal.timeout(CALIBRATION_SECONDS * 1000)
  const measured = await withHands(await openLocal(slots), hands => calibrateLocal({ hands, runner, signal }))
  const learn = (costs: Costs): Costs => withLocal(costs, runner, measured)
  await remember(where, learn)
  return learn(known === undefined ? NO_COSTS : { ...NO_COSTS, local: { [runner]: known } }).local[runner] ?? measured
}

/** Of a cluster: what handing over costs may be remembered, how many slots there are is asked now. */
const clusterCosts = async (
  where: CostsOptions,
  { hands, server }: NonNullable<ExplainOptions['cluster']>,
): Promise<ClusterCosts> => {
  const slots = await countSlots({ hands, runner: 'node', signal: AbortSignal.timeout(JOIN_SECONDS * 1000) })
  const known = (await readCosts(where)).clusters[server]
  // With twice the slots, or half, what a shard costs is another matter.
  if (known !== undefined && slots <= 2 * known.slots && known.slots <= 2 * slots) return { ...known, slots }
  const signal = AbortSignal.timeout(CALIBRATION_SECONDS * 1000)
  const measured = await calibrateCluster({ hands, runner: 'node', signal })
  await remember(where, costs => withCluster(costs, server, measured))
  return measured
}

export const explain = async (options: ExplainOptions): Promise<Explained> => {
  const { openLocal, request, spread, keeps, clock, slots, isRange } = options
  const { runner, name } = request.function
  const local = await localCosts(options, runner)
  let clusterFault: string | undefined
  const cluster =
    options.cluster === undefined
      ? undefined
      : await clusterCosts(options.costs, options.cluster).catch((error: unknown) => {
          clusterFault = error instanceof Error ? error.message : String(error)
          return undefined
        })
  const sampleOn = (hands: Hands): Promise<Sampling> =>
    runSample({
      hands,
      request,
      picks: spread.picks,
      total: spread.total,
      seconds: SAMPLE_SECONDS,
      mostItems: keeps ? MOST_KEPT : MOST_ITEMS,
      keeps,
      clock,
    })
  // One worker, so that no item is in the way of another.
  const sampling = await withHands(await openLocal(1), sampleOn)
  const sample: Sample = {
    ...sampling.sample,
    ...(isRange && { bytesIn: 0 }),
    loadSeconds: Math.max(0, sampling.startSeconds - local.startSeconds),
  }
  const concurrency = request.options.concurrency ?? 1
  const localSlots = slotCounts(slots)
  const predictions = predict(sample, { cores: options.costs.cores, localSlots, local, cluster, concurrency })
  const best = recommended(predictions)
  return { name, runner, concurrency, sampling, sample, local, cluster, clusterFault, predictions, recommended: best }
}

const EXPLAIN_SCHEMA = 'manyhands.explain/1'

/** The explanation for programs; docs/explain.md has the schema. */
export const explainedJson = ({
  name,
  runner,
  concurrency,
  sampling,
  sample,
  cluster,
  clusterFault,
  predictions,
  recommended: best,
}: Explained) => ({
  schema: EXPLAIN_SCHEMA,
  name,
  runner,
  concurrency,
  sample: {
    items: sample.items,
    failed: sampling.end.failed,
    total: sample.total ?? null,
    seconds: sampling.seconds,
    item_seconds: sample.itemSeconds,
    item_seconds_sigma: sample.sigmaSeconds ?? null,
    item_seconds_longest: sample.longestSeconds,
    item_cpu_seconds: sample.cpuSeconds ?? null,
    load_seconds: sample.loadSeconds,
    warm_up_seconds: sample.warmUpSeconds,
    item_bytes_in: sample.bytesIn,
    item_bytes_out: sample.bytesOut,
  },
  cluster:
    cluster === undefined
      ? clusterFault === undefined
        ? null
        : { fault: clusterFault }
      : { slots: cluster.slots, bytes_per_second: cluster.bytesPerSecond },
  predictions: predictions.map(prediction => ({
    place: prediction.place,
    slots: prediction.slots,
    seconds: prediction.seconds,
    speedup: prediction.speedup,
    efficiency: prediction.efficiency,
    limited_by: prediction.limit,
    break_even_items: prediction.breakEvenItems,
    recommended: prediction === best,
  })),
})
