// Where a job's slots are: those of the agents on a NATS server. In: its URL. Out: Hands. Always true: hands that were opened
// have had a queue with as many replicas as were asked for.
import { type Log, silentLog } from '../proto/log.js'
import { monotonicSeconds } from '../proto/timing.js'
import { Coordinator } from './coordinator.js'
import type { Hands } from './job.js'

export interface ClusterOptions {
  /** For instance nats://127.0.0.1:4222; user and password, or a token, may stand in it. */
  readonly nats: string
  /** Allows plain nats:// beyond loopback. */
  readonly insecure?: boolean
  /** Servers of a NATS cluster that keep each stream of a job; by default 1. */
  readonly replicas?: number
  readonly log?: Log
}

/** Smaller: more round trips for blobs. Larger: a queue that the server has to hold. */
const INLINE_BYTES = 256 * 1024

/** Smaller: a caller that thinks between its jobs waits for their queues. Larger: idle pools keep theirs on the server. */
const AHEAD_SECONDS = 5

/** `aheadSeconds`: how long the queue of a next job is kept for it; 0: none is made. */
export const openClusterCoordinator = async (options: ClusterOptions, aheadSeconds: number): Promise<Coordinator> => {
  // The client is loaded only by those who reach for a cluster.
  const { openCoordinatorTransport } = await import('../proto/transport/open.js')
  const { nats: url, insecure = false, replicas = 1, log = silentLog } = options
  const transport = await openCoordinatorTransport({ url, insecure, replicas }, 'manyhands coordinator', log)
  return new Coordinator({
    transport,
    placement: 'cluster',
    inlineBytes: INLINE_BYTES,
    aheadSeconds,
    changeSeconds: 0.01,
    clock: monotonicSeconds,
    log,
  })
}

export const openCluster = async (options: ClusterOptions): Promise<Hands> => {
  const { replicas = 1 } = options
  const coordinator = await openClusterCoordinator(options, AHEAD_SECONDS)
  // That the servers are too few is to be known before there is a job, which then has its queue.
  if (replicas > 1) {
    await coordinator.prepare().catch(async error => {
      await coordinator.close()
      throw error
    })
  }
  return {
    slots: Number.POSITIVE_INFINITY,
    run: request => coordinator.run(request),
    // Agents have their workers, or start them at the first task.
    claim: () => ({
      get ready() {
        return coordinator.slots
      },
      workers: async () => {
        const askedAtSeconds = monotonicSeconds()
        await coordinator.heard
        return monotonicSeconds() - askedAtSeconds
      },
      release: () => {},
    }),
    close: () => coordinator.close(),
  }
}
