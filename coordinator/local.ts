// Where a job's slots are: this machine. A coordinator and an agent in one process, with the in-process twin of the port
// between them: the same bytes, leases and retries as on a cluster. The one file that imports both sides.
import { Agent } from '../agent/agent.js'
import { BundleCache } from '../agent/bundles.js'
import { startWorker } from '../agent/process.js'
import { defaultSlots } from '../agent/slots.js'
import { type Log, silentLog } from '../proto/log.js'
import { monotonicSeconds } from '../proto/timing.js'
import { createMemoryHub } from '../proto/transport/memory.js'
import { Coordinator } from './coordinator.js'
import type { Hands } from './job.js'
import { TARGET_SECONDS } from './sizing.js'

export interface LocalOptions {
  /** Workers at once; by default the cores that this process may use. */
  readonly slots?: number
  /** What users' functions print; by default this process's standard error. */
  readonly onPrint?: (line: string) => void
  readonly log?: Log
}

export const openLocal = (options: LocalOptions = {}): Hands => {
  const hub = createMemoryHub()
  const clock = monotonicSeconds
  const log = options.log ?? silentLog
  const slots = options.slots ?? defaultSlots().slots
  const coordinator = new Coordinator({
    transport: hub.coordinator(),
    placement: 'local',
    targetSeconds: TARGET_SECONDS.local,
    inlineBytes: Number.POSITIVE_INFINITY,
    clock,
    log,
  })
  const agent = new Agent({
    name: 'local',
    slots,
    transport: hub.agent(),
    cache: new BundleCache(),
    clock,
    log,
    startWorker,
    onPrint: options.onPrint ?? (line => process.stderr.write(`${line}\n`)),
    cwd: process.cwd(),
  })
  agent.start()
  return {
    run: async request => {
      // So that the job's account begins with its slots.
      await coordinator.heard
      // The first workers start while the input is still being opened.
      agent.prewarm(request.function.runner, Math.min(slots, request.input.count ?? slots))
      return coordinator.run(request)
    },
    close: async () => {
      await coordinator.close()
      await agent.stop()
    },
  }
}
