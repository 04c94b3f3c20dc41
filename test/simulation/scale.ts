// A job on a simulated cluster: the real coordinator with its codec, ledger, sizing and accounts, on a fake clock, with
// fake agents. In: the cluster's shape, the job. Out: how well the slots were used, and what the coordinator needed for it.
import { Coordinator } from '../../coordinator/coordinator.js'
import { openRange, range } from '../../coordinator/input/range.js'
import { JOB_DEFAULTS, type JobEnd, type JobRequest } from '../../coordinator/job.js'
import { silentLog } from '../../proto/log.js'
import type { Outcomes } from '../../proto/outcome.js'
import { Fleet, type FleetOptions } from './fleet.js'
import { Timeline } from './timeline.js'
import { VirtualTime } from './virtual-time.js'

export interface ScaleOptions extends Pick<FleetOptions, 'hosts' | 'workSeconds'> {
  readonly items: number
  readonly shardSize?: number
  readonly speculation?: boolean
}

export interface ScaleResult {
  readonly slots: number
  /** Work of the job, over what all slots together could have done meanwhile, each at its speed. */
  readonly efficiency: number
  readonly wallSeconds: number
  /** What ran beside the work of the job, as a part of it. */
  readonly extra: number
  readonly shards: number
  readonly reports: number
  /** CPU time of the coordinator. */
  readonly secondsPerShard: number
  /** The same over the first and the last fifth of its reports. */
  readonly firstSecondsPerShard: number
  readonly lastSecondsPerShard: number
  readonly broadcastBytesPerSecond: number
  readonly end: JobEnd
}

const LATENCY_SECONDS = 0.0005
/** More than is measured below, so that a coordinator that cannot keep up is seen. */
const SERVICE_SECONDS = 100e-6
const REPORTS_PER_SPELL = 100
const LONGEST_SECONDS = 1e6

export const runScale = async (options: ScaleOptions): Promise<ScaleResult> => {
  const { hosts, workSeconds, items, shardSize, speculation = true } = options
  const timeline = new Timeline()
  const time = new VirtualTime(timeline)
  const fleet = new Fleet(
    { hosts, workSeconds, latencySeconds: LATENCY_SECONDS, serviceSeconds: SERVICE_SECONDS },
    timeline,
    time,
  )
  time.install()
  try {
    const coordinator = new Coordinator({
      transport: fleet,
      placement: 'cluster',
      inlineBytes: 256 * 1024,
      aheadSeconds: 0,
      changeSeconds: 0.01,
      clock: timeline.clock,
      log: silentLog,
    })
    fleet.start()
    await time.run(() => false, 2 * LATENCY_SECONDS + hosts.length * SERVICE_SECONDS)
    const beganSeconds = timeline.now
    const written = new Written()
    let end: JobEnd | undefined
    time.busySeconds = 0
    let ended = Promise.resolve()
    const request: JobRequest = {
      function: { runner: 'node', name: 'f', entry: '', function: 'Math.sqrt' },
      operation: 'map',
      input: openRange(range(items)),
      output: written,
      options: { ...JOB_DEFAULTS, speculation, ...(shardSize !== undefined && { shardSize }) },
    }
    time.call(() => {
      ended = coordinator.run(request).then(found => {
        end = found
      })
    })
    /** CPU seconds by the end of each spell of reports. */
    const spells = [0]
    const look = (): boolean => {
      if (fleet.reports >= spells.length * REPORTS_PER_SPELL) spells.push(time.busySeconds)
      return end !== undefined
    }
    if (!(await time.run(look, LONGEST_SECONDS))) throw new Error('the job does not end')
    const wallSeconds = timeline.now - beganSeconds
    await ended
    await coordinator.close()
    if (end === undefined || written.items !== items) throw new Error(`${written.items} of ${items} items were written`)
    const work = workSeconds(0, items)
    const capacity = hosts.reduce((sum, { slots, speed }) => sum + slots * speed, 0) * wallSeconds
    const { shards } = (end as JobEnd).receipt
    const reportsPerShard = fleet.reports / shards
    const of = (from: number, to: number): number => {
      const [first, last] = [Math.round(from * (spells.length - 1)), Math.round(to * (spells.length - 1))]
      const seconds = (spells[last] as number) - (spells[first] as number)
      return (seconds / Math.max(1, last - first) / REPORTS_PER_SPELL) * reportsPerShard
    }
    return {
      slots: fleet.slots,
      efficiency: work / capacity,
      wallSeconds,
      extra: (fleet.workedSeconds - work) / work,
      shards,
      reports: fleet.reports,
      secondsPerShard: time.busySeconds / shards,
      firstSecondsPerShard: of(0, 0.2),
      lastSecondsPerShard: of(0.8, 1),
      broadcastBytesPerSecond: fleet.broadcastBytes / wallSeconds,
      end,
    }
  } finally {
    time.restore()
  }
}

/** Counts, and checks that everything comes once and in order. */
class Written {
  items = 0

  async write({ start, end }: Outcomes): Promise<void> {
    if (start !== this.items) throw new Error(`[${start}, ${end}) was written where ${this.items} comes next`)
    this.items = end
  }

  async commit(): Promise<void> {}
  async abandon(): Promise<void> {}
}

/** Hosts of eight slots, or one of fewer, all of one speed. */
export const evenHosts = (slots: number): FleetOptions['hosts'] =>
  Array.from({ length: Math.ceil(slots / 8) }, (_, nth) => ({ slots: Math.min(8, slots - 8 * nth), speed: 1 }))
