// Where a job's slots are: this machine. A coordinator and an agent in one process, with the in-process twin of the port
// between them: the same bytes, leases and retries as on a cluster. The one file that imports both sides.
import { setImmediate as turn } from 'node:timers/promises'
import { Agent } from '../agent/agent.js'
import { BundleCache, LINGER_SECONDS } from '../agent/bundles.js'
import { startWorker } from '../agent/process.js'
import { defaultSlots } from '../agent/slots.js'
import { type Log, silentLog } from '../proto/log.js'
import type { RunnerName } from '../proto/shard.js'
import { monotonicSeconds } from '../proto/timing.js'
import { createMemoryHub, type StoreOf } from '../proto/transport/memory.js'
import { Coordinator } from './coordinator.js'
import { Crew, type Pace } from './crew.js'
import type { Claim, Hands, JobEnd, JobRequest } from './job.js'
import { learnStart, startSecondsOf } from './start-costs.js'

export interface LocalOptions {
  /** Workers at once; by default the cores that this process may use. */
  readonly slots?: number
  /** What users' functions print; by default this process's standard error. */
  readonly onPrint?: (line: string) => void
  readonly log?: Log
  /** Where reports are kept beside memory, of jobs that a later process can go on with. */
  readonly reportStore?: StoreOf
  /** Instead of the usual: one worker may have been started ahead (agent/ahead.ts). */
  readonly startWorker?: typeof startWorker
}

export const openLocal = (options: LocalOptions = {}): Hands => {
  const hub = createMemoryHub(options.reportStore)
  const clock = monotonicSeconds
  const log = options.log ?? silentLog
  const slots = options.slots ?? defaultSlots().slots
  const coordinator = new Coordinator({
    transport: hub.coordinator(),
    placement: 'local',
    inlineBytes: Number.POSITIVE_INFINITY,
    aheadSeconds: 0,
    changeSeconds: 0.002,
    clock,
    log,
  })
  const agent = new Agent({
    name: 'local',
    slots,
    depth: 4,
    transport: hub.agent(),
    cache: new BundleCache({ lingerSeconds: LINGER_SECONDS }),
    clock,
    log,
    startWorker: options.startWorker ?? startWorker,
    onPrint: options.onPrint ?? (line => process.stderr.write(`${line}\n`)),
    cwd: process.cwd(),
  })
  agent.start()
  const claims = new Map<Claim, number>()
  const claim = (runner: RunnerName): Claim => {
    const own: Claim = {
      get ready() {
        return agent.ready(runner)
      },
      workers: count => {
        const wanted = Math.min(slots, count)
        claims.set(own, wanted)
        const inUse = Math.max(...claims.values())
        const ready = agent.prewarm(runner, wanted)
        if (!agent.use(inUse)) return ready
        // The coordinator hears of it first: the job is cut for so many slots.
        return turn().then(() => ready)
      },
      release: () => {
        claims.delete(own)
      },
    }
    return own
  }
  /** A job whose caller runs no items itself: its first worker is the baseline, further ones come when they pay. */
  const runWithCrew = async (request: JobRequest): Promise<JobEnd> => {
    const { runner } = request.function
    const crew = new Crew({ slots, startSeconds: startSecondsOf(runner), now: clock() })
    const own = claim(runner)
    let pace: Pace = { itemSeconds: undefined, measuredSeconds: 0, left: request.input.count }
    let asked = 0
    const ask = (): void => {
      const wanted = crew.wanted(clock(), pace, agent.busySince)
      if (wanted > asked) {
        asked = wanted
        void own.workers(wanted)
      }
      if (crew.isFull) clearInterval(timer)
    }
    const timer = setInterval(ask, Math.max(5, crew.startSeconds * 500))
    asked = Math.max(1, own.ready)
    own.workers(asked).then(startSeconds => {
      learnStart(runner, startSeconds)
      crew.ready(startSeconds)
    })
    try {
      return await coordinator.run(request, newest => {
        pace = newest
        ask()
      })
    } finally {
      clearInterval(timer)
      own.release()
    }
  }
  return {
    slots,
    run: async request => {
      // So that the job's account begins with its slots.
      await coordinator.heard
      return request.caller === undefined ? runWithCrew(request) : coordinator.run(request)
    },
    claim,
    close: async () => {
      await coordinator.close()
      await agent.stop()
    },
  }
}
