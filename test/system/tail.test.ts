// The end of a job on real workers: uneven items are shared to the last, and what a slow or frozen worker is stuck with is run
// elsewhere. Items wait instead of computing, so that a busy machine says the same as an idle one.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Agent } from '../../agent/agent.js'
import { BundleCache } from '../../agent/bundles.js'
import { startWorker } from '../../agent/process.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import { literalFunction } from '../../coordinator/function/literal.js'
import { openValues } from '../../coordinator/input/values.js'
import { JOB_DEFAULTS, type JobEnd } from '../../coordinator/job.js'
import { Pool } from '../../coordinator/map.js'
import { ArrayResults } from '../../coordinator/output/results.js'
import { silentLog } from '../../proto/log.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { openAgentTransport, openCoordinatorTransport } from '../../proto/transport/open.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'

/** Waits for so many ms, and gives them back. */
const wait = (ms: number): number => {
  if (ms >= 0.1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  return ms
}

const JOBS: Readonly<Record<string, readonly number[]>> = {
  'fast, then slow': Array.from({ length: 1000 }, (_, nth) => (nth < 500 ? 0.001 : 5)),
  'slow, then fast': Array.from({ length: 1000 }, (_, nth) => (nth < 500 ? 5 : 0.001)),
  'slow ones in clusters': Array.from({ length: 1200 }, (_, nth) => ((nth >> 5) % 8 === 3 ? 15 : 0.2)),
  'a heavy tail at the end': Array.from({ length: 1000 }, (_, nth) => Math.min(200, (1 - nth / 1000) ** -0.83)),
}

for (const [name, items] of Object.entries(JOBS)) {
  test.serial(`two slots share a job to its end: ${name}`, async t => {
    await using pool = new Pool({ slots: 2, place: 'local' })
    await pool.map(wait, [1, 1, 1, 1])
    t.deepEqual(await pool.map(wait, items, { place: 'local' }), items)
    const { receipt } = pool
    if (receipt === undefined) throw new Error('no receipt')
    // What the slots had nothing to do for; the wall says more of the machine's other work than of ours.
    const { capacity_core_seconds: capacity, core_seconds: seconds } = receipt
    const best = Math.max(seconds.compute / 2, Math.max(...items) / 1000)
    t.log(`${receipt.wall_seconds.toFixed(3)} s, ${(receipt.wall_seconds / best).toFixed(3)} of the best`)
    t.true(seconds.tail < 0.1 * capacity + 0.1, `${seconds.tail} of ${capacity} core-seconds`)
  })
}

interface Hosts {
  readonly run: (speculation: boolean) => Promise<JobEnd & { readonly values: readonly unknown[] }>
  readonly close: () => Promise<void>
}

/** Two hosts of two slots on a NATS server; their workers find themselves in folders of their own. */
const openHosts = async (server: NatsServer, folders: readonly string[], items: readonly number[]): Promise<Hosts> => {
  const clock = monotonicSeconds
  const coordinator = new Coordinator({
    transport: await openCoordinatorTransport({ url: server.url, insecure: false }, 'test'),
    placement: 'cluster',
    inlineBytes: 256 * 1024,
    aheadSeconds: 0,
    changeSeconds: 0.01,
    clock,
    log: silentLog,
  })
  const agents: Agent[] = []
  for (const [nth, cwd] of folders.entries()) {
    const name = `host-${nth}`
    const transport = await openAgentTransport({ url: server.url, insecure: false }, name)
    const options = { slots: 2, clock, log: silentLog, startWorker, onPrint: () => {} }
    const agent = new Agent({ ...options, depth: 2, name, cwd, transport, cache: new BundleCache() })
    agent.start()
    agents.push(agent)
  }
  await coordinator.heard
  return {
    run: async speculation => {
      const output = new ArrayResults()
      const end = await coordinator.run({
        function: await literalFunction(atHost),
        operation: 'map',
        input: openValues(items),
        output,
        options: { ...JOB_DEFAULTS, speculation },
      })
      return { ...end, values: output.values() }
    },
    close: async () => {
      await coordinator.close()
      await Promise.all(agents.map(agent => agent.stop()))
    },
  }
}

/** Waits for 50 ms. In a folder that is called frozen, the worker stops for ever at its tenth item or later. */
const atHost = (item: number): number => {
  const calls = ((globalThis as { calls?: number }).calls ?? 0) + 1
  ;(globalThis as { calls?: number }).calls = calls
  if (process.cwd().endsWith('frozen') && calls > 10) process.kill(process.pid, 'SIGSTOP')
  const slower = process.cwd().endsWith('slow') ? 20 : 1
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50 * slower)
  return item
}

for (const kind of ['frozen', 'slow']) {
  test.serial(`what a ${kind} host is stuck with is run on another one, and every item has one outcome`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'manyhands-tail-'))
    const folders = ['quick', kind].map(name => join(folder, name))
    for (const each of folders) mkdirSync(each)
    const server = await NatsServer.start(await stableServer())
    const items = Array.from({ length: 240 }, (_, nth) => nth)
    const hosts = await openHosts(server, folders, items)
    try {
      const { values, receipt, state, failed } = await hosts.run(true)
      t.deepEqual([state, failed], ['done', 0])
      t.deepEqual(values, items)
      t.log(`${receipt.wall_seconds.toFixed(1)} s`, ...receipt.decisions.map(({ decision }) => decision))
      if (kind === 'frozen') t.true(receipt.decisions.some(({ decision }) => decision.includes('run a second time')))
    } finally {
      await hosts.close()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}
