// Messages that nobody could have meant, on every subject, while a job runs: counted, logged once, dropped.
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { Agent } from '../../agent/agent.js'
import { BundleCache } from '../../agent/bundles.js'
import { startWorker } from '../../agent/process.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import { literalFunction } from '../../coordinator/function/literal.js'
import { openValues } from '../../coordinator/input/values.js'
import { JOB_DEFAULTS } from '../../coordinator/job.js'
import { ArrayResults } from '../../coordinator/output/results.js'
import { wrap } from '../../proto/envelope.js'
import type { Log } from '../../proto/log.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { createMemoryHub } from '../../proto/transport/memory.js'

test('a job on a transport full of garbage has every outcome, and says once on each side that it dropped something', async t => {
  const hub = createMemoryHub()
  const warnings: string[] = []
  const log: Log = (level, message) => {
    if (level === 'warn') warnings.push(message)
  }
  const clock = monotonicSeconds
  const coordinator = new Coordinator({
    transport: hub.coordinator(),
    placement: 'local',
    inlineBytes: 100_000,
    aheadSeconds: 0,
    changeSeconds: 0.01,
    clock,
    log,
  })
  const cache = new BundleCache()
  const agent = new Agent({
    name: 'a',
    slots: 2,
    depth: 2,
    transport: hub.agent(),
    cache,
    clock,
    log,
    startWorker,
    onPrint: () => {},
    cwd: process.cwd(),
  })
  agent.start()
  const stranger = hub.agent()
  const impostor = hub.coordinator()
  let job: string | undefined
  let sent = 0
  const noise = (): Uint8Array =>
    sent++ % 2 === 0
      ? randomBytes(1 + (sent % 300))
      : wrap((['beat', 'broadcast', 'report', 'part', 'task'] as const)[sent % 5] ?? 'beat', randomBytes(sent % 200))
  const spoil = setInterval(() => {
    stranger.beat(noise())
    impostor.broadcast(noise())
    stranger.requestBlob(noise(), 0.05).catch(() => {})
    if (job !== undefined)
      stranger.report({ job, shard: sent % 10, attempt: 1 }, `noise/${sent}`, noise()).catch(() => {})
  }, 1)
  const output = new ArrayResults()
  const end = await coordinator.run({
    function: await literalFunction((x: number) => {
      for (const until = performance.now() + 1; performance.now() < until; );
      return x + 1
    }),
    operation: 'map',
    input: openValues(Array.from({ length: 1000 }, (_, index) => index)),
    output,
    options: JOB_DEFAULTS,
    onProgress: () => {
      job ??= [...agent.jobs()][0]
    },
  })
  clearInterval(spoil)
  await coordinator.close()
  await agent.stop()
  t.is(end.state, 'done')
  t.deepEqual(
    output.values(),
    Array.from({ length: 1000 }, (_, index) => index + 1),
  )
  t.true(sent > 500, `${sent} messages of noise`)
  const dropped = warnings.filter(message => /was dropped/.test(message))
  t.is(dropped.filter(message => /^A message was dropped/.test(message)).length, 2, dropped.join('\n'))
  t.is(dropped.filter(message => /^A report was dropped/.test(message)).length, 1, dropped.join('\n'))
})
