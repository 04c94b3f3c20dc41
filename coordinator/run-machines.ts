// The machines of a run, made for what its request says: the ledger, the cutting, the account. In: a run's options. Out: the
// machines, which know nothing of each other. Always true: what an earlier process of the job has settled is settled for all.
import type { Log } from '../proto/log.js'
import type { ActiveJob } from '../proto/presence.js'
import type { JobSpec } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import type { VersionRange } from '../proto/version.js'
import { Accounts } from './accounts.js'
import type { Pace } from './crew.js'
import { Cutting } from './cutting.js'
import { firstShardOf } from './durable/checkpoint.js'
import type { JobRequest } from './job.js'
import { Ledger } from './ledger.js'
import type { QueueOptions } from './queue.js'
import type { Receipt } from './receipt.js'

export interface RunOptions
  extends Pick<QueueOptions, 'blobs' | 'taskBytes' | 'openChannel' | 'dropEpochsBefore' | 'version'> {
  readonly request: JobRequest
  readonly spec: JobSpec
  /** The spec as it is announced now, with its bytes where they are so few that every broadcast may hold them. */
  readonly announced: () => Pick<ActiveJob, 'spec' | 'specContent' | 'version'>
  /** What is read. */
  readonly versions: VersionRange
  /** Why the agents that are there cannot work for any job. */
  readonly incompatible: () => string | undefined
  /** Why no agent that is there offers all of these labels. */
  readonly unmet: (needs: readonly string[]) => string | undefined
  readonly placement: Exclude<Receipt['placement'], 'inline'>
  readonly clock: Clock
  readonly log: Log
  /** What an item took at the end of an earlier job of the same code. */
  readonly earlierItemSeconds?: number
  /** What the job is like, after each report. */
  readonly onPace?: (pace: Pace) => void
  /** The queue is there: agents may pull, and wait for nothing else. */
  readonly onOpen: () => void
  /** What agents should hear soon has changed. */
  readonly onChange: () => void
}

/**
 * Shards of a slot at once: one runs, one is at hand; the third hides a cluster's round trip. Beside a caller's loop, in which
 * workers wait for an item's end to be given more, it has more, since the caller takes back what they have not begun.
 */
const SHARDS_PER_SLOT = { local: 2, cluster: 3, besideCaller: 4 } as const

/** Shards below it are an earlier process's. */
export const firstShardIn = ({ request }: RunOptions): number => firstShardOf(request.durable?.owner ?? 1)

export const ledgerFor = (options: RunOptions): Ledger => {
  const { request, spec } = options
  return new Ledger({
    retries: request.options.retries,
    indivisible: spec.operation === 'fold',
    settled: request.durable?.from?.written ?? [],
    firstShard: firstShardIn(options),
    ...(request.options.maxSlots !== undefined && { mostLive: request.options.maxSlots }),
  })
}

export const cuttingFor = ({ request, spec, placement, earlierItemSeconds }: RunOptions): Cutting => {
  const { caller } = request
  const { shardSize: fixedSize, memoryBytes, maxSlots } = request.options
  const concurrency = spec.operation === 'fold' ? 1 : spec.concurrency
  return new Cutting({
    // Where slots are counted, what waits at an agent would be begun beside what runs elsewhere.
    shardsPerSlot:
      maxSlots !== undefined ? 1 : SHARDS_PER_SLOT[caller?.help === undefined ? placement : 'besideCaller'],
    ...(maxSlots !== undefined && { mostShards: maxSlots }),
    callers: caller === undefined ? 0 : 1,
    memoryBytes,
    ...(fixedSize !== undefined && { fixedSize }),
    ...(concurrency !== undefined && { concurrency }),
    ...(caller && { expected: caller }),
    ...(earlierItemSeconds !== undefined && { earlierItemSeconds }),
  })
}

export const accountsFor = ({ request, spec, placement }: RunOptions): Accounts => {
  const { shardSize } = request.options
  const { job, name } = spec
  return (
    request.caller?.accounts ?? new Accounts({ job, name, placement, ...(shardSize !== undefined && { shardSize }) })
  )
}
