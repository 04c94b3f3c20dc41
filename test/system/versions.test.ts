// Coordinators and agents of different versions on one transport: those that overlap work together, the others say why not.
// Agents, coordinators and workers are the real ones; what they read is given to them.
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Agent } from '../../agent/agent.js'
import { BundleCache } from '../../agent/bundles.js'
import { startWorker } from '../../agent/process.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import { literalFunction } from '../../coordinator/function/literal.js'
import { openValues } from '../../coordinator/input/values.js'
import { JOB_DEFAULTS, type JobEnd, type Progress } from '../../coordinator/job.js'
import { ArrayResults } from '../../coordinator/output/results.js'
import { versionOf } from '../../proto/envelope.js'
import type { Log } from '../../proto/log.js'
import { BEAT_SECONDS } from '../../proto/presence.js'
import { taskCodec } from '../../proto/shard-codec.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { createMemoryHub } from '../../proto/transport/memory.js'
import { openAgentTransport, openCoordinatorTransport } from '../../proto/transport/open.js'
import type { AgentTransport } from '../../proto/transport.js'
import { ANY_VERSION, type VersionRange } from '../../proto/version.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'

type Place = Parameters<typeof openAgentTransport>[0]

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest })
const clock = monotonicSeconds

const until = async (t: ExecutionContext, what: string, done: () => boolean): Promise<void> => {
  const end = performance.now() + 20_000
  while (!done()) {
    if (performance.now() > end) throw t.fail(what)
    await sleep(5)
  }
}

/** The versions of the messages that an agent was given and sent. */
interface Spoken {
  pulls: number
  readonly tasks: number[]
  /** The shards of these tasks. */
  readonly shards: number[]
  readonly reports: number[]
  readonly requests: number[]
  readonly answers: number[]
}

const listen = (transport: AgentTransport): Spoken => {
  const spoken: Spoken = { pulls: 0, tasks: [], shards: [], reports: [], requests: [], answers: [] }
  const { pull, report, requestBlob } = transport
  transport.pull = (job, epoch, credit, wait, onTask, signal) => {
    spoken.pulls++
    const hear = (task: Uint8Array): void => {
      spoken.tasks.push(versionOf(task))
      spoken.shards.push(taskCodec.decode(task, ANY_VERSION).shard)
      onTask(task)
    }
    return pull.call(transport, job, epoch, credit, wait, hear, signal)
  }
  transport.report = (address, id, message) => {
    spoken.reports.push(versionOf(message))
    return report.call(transport, address, id, message)
  }
  transport.requestBlob = async (request, timeoutSeconds) => {
    spoken.requests.push(versionOf(request))
    const answer = await requestBlob.call(transport, request, timeoutSeconds)
    spoken.answers.push(versionOf(answer))
    return answer
  }
  return spoken
}

const warningsTo =
  (warnings: string[]): Log =>
  (level, message) => {
    if (level === 'warn') warnings.push(message)
  }

const openCoordinator = async (t: ExecutionContext, place: Place, versions: VersionRange) => {
  const warnings: string[] = []
  const coordinator = new Coordinator({
    transport: await openCoordinatorTransport(place, 'test'),
    placement: 'cluster',
    // So that items travel as blobs too.
    inlineBytes: 4,
    aheadSeconds: 0,
    changeSeconds: 0.01,
    clock,
    log: warningsTo(warnings),
    versions,
  })
  t.teardown(() => coordinator.close())
  return { coordinator, warnings }
}

const openAgent = async (t: ExecutionContext, place: Place, name: string, versions: VersionRange, slots = 1) => {
  const warnings: string[] = []
  const transport = await openAgentTransport(place, name)
  const spoken = listen(transport)
  const agent = new Agent({
    name,
    slots,
    depth: 2,
    transport,
    cache: new BundleCache(),
    clock,
    log: warningsTo(warnings),
    startWorker,
    onPrint: () => {},
    cwd: process.cwd(),
    versions,
  })
  agent.start()
  t.teardown(() => agent.stop())
  return { agent, warnings, spoken }
}

interface Job {
  readonly progress: () => Progress | undefined
  readonly end: Promise<JobEnd & { readonly values: readonly unknown[] }>
}

const ITEMS = Array.from({ length: 60 }, (_, nth) => nth)
const DONE = ITEMS.map(nth => `${nth} is done`)

const startJob = async (coordinator: Coordinator): Promise<Job> => {
  let progress: Progress | undefined
  const output = new ArrayResults()
  const running = coordinator.run({
    function: await literalFunction((item: number) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
      return `${item} is done`
    }),
    operation: 'map',
    input: openValues(ITEMS),
    output,
    options: JOB_DEFAULTS,
    onProgress: newest => {
      progress = newest
    },
  })
  return { progress: () => progress, end: running.then(end => ({ ...end, values: output.values() })) }
}

const checkDone = async (t: ExecutionContext, { end }: Job): Promise<JobEnd> => {
  const ended = await end
  t.deepEqual([ended.state, ended.failed], ['done', 0])
  t.deepEqual(ended.values, DONE)
  return ended
}

let server: NatsServer
test.before(async () => {
  server = await NatsServer.start(await stableServer())
})
test.after.always(() => server?.stop())

const PLACES: readonly (readonly [string, () => Promise<Place>])[] = [
  ['memory', async () => createMemoryHub()],
  ['NATS', async () => ({ url: server.url, insecure: false })],
]

for (const [name, open] of PLACES) {
  test.serial(
    `${name}: an agent of other versions is given nothing, and both sides and the waiting job say why`,
    async t => {
      const place = await open()
      const { coordinator, warnings } = await openCoordinator(t, place, range(1))
      const other = await openAgent(t, place, 'other', range(3, 4), 8)
      const job = await startJob(coordinator)
      await until(t, 'the job says why it waits', () => /protocol/.test(job.progress()?.waiting ?? ''))
      t.is(
        job.progress()?.waiting,
        '1 agent speaks protocol 3 to 4, this coordinator 1: upgrade manyhands here [MH-AGENT-VERSION]',
      )
      await until(t, 'the coordinator says it', () => warnings.length > 0)
      await sleep(4 * BEAT_SECONDS * 1000)
      t.deepEqual([coordinator.slots, job.progress()?.slots, job.progress()?.settled], [0, 0, 0])

      const same = await openAgent(t, place, 'same', range(1))
      const { receipt } = await checkDone(t, job)
      t.true(receipt.slots <= 1, `${receipt.slots} slots`)
      t.deepEqual([coordinator.slots, job.progress()?.agents], [1, 1])
      t.is(warnings.length, 1, warnings.join('\n'))
      t.regex(
        warnings[0] ?? '',
        /^Agent other on .* speaks protocol 3 to 4 .*, this coordinator 1 .*\[MH-AGENT-VERSION\]$/,
      )
      t.is(other.warnings.length, 1, other.warnings.join('\n'))
      t.regex(other.warnings[0] ?? '', /it speaks protocol 1 .*, this agent 3 to 4 .*\[MH-AGENT-VERSION\]$/)
      t.deepEqual(same.warnings, [])
      t.deepEqual(other.spoken, { pulls: 0, tasks: [], shards: [], reports: [], requests: [], answers: [] })
      t.deepEqual(new Set(same.spoken.tasks), new Set([1]))
    },
  )

  test.serial(
    `${name}: an older agent that comes in the middle of a job works for it, and nobody waits for that`,
    async t => {
      const place = await open()
      const { coordinator, warnings } = await openCoordinator(t, place, range(1, 2))
      const young = await openAgent(t, place, 'young', range(1, 2))
      await coordinator.heard
      const job = await startJob(coordinator)
      await until(t, 'the job has begun', () => young.spoken.reports.length > 2)
      t.deepEqual(new Set(young.spoken.tasks), new Set([2]))
      const old = await openAgent(t, place, 'old', range(1), 2)
      await until(t, 'the older one reports', () => old.spoken.reports.length > 0)
      await checkDone(t, job)
      t.is(old.spoken.tasks.at(-1), 1)
      t.is(young.spoken.tasks.at(-1), 1)
      t.deepEqual(new Set(old.spoken.reports), new Set([1]))
      // One with one they speak the highest that both have, whatever is written for all.
      t.deepEqual(new Set(young.spoken.reports), new Set([2]))
      t.deepEqual([...warnings, ...old.warnings, ...young.warnings], [])

      // The coordinator knows them both by now.
      old.spoken.tasks.length = 0
      await checkDone(t, await startJob(coordinator))
      t.deepEqual(new Set(old.spoken.tasks), new Set([1]))
    },
  )

  test.serial(
    `${name}: a job whose agents are all older than its coordinator goes in the version that both have`,
    async t => {
      const place = await open()
      const { coordinator } = await openCoordinator(t, place, range(2, 3))
      const job = await startJob(coordinator)
      // Nobody was heard of yet: what is offered is in the newest.
      await until(t, 'it waits', () => job.progress()?.waiting !== undefined)
      const { spoken, warnings } = await openAgent(t, place, 'older', range(1, 2), 2)
      await checkDone(t, job)
      t.is(spoken.tasks.at(-1), 2)
      // What nobody read is offered again at once, and not when it has been passed over for seconds, behind all others.
      t.is(spoken.shards[spoken.tasks.indexOf(2)], 0)
      for (const said of [spoken.reports, spoken.requests, spoken.answers]) t.deepEqual(new Set(said), new Set([2]))
      t.deepEqual(warnings, [])
    },
  )

  test.serial(
    `${name}: where no version is read by all, those with fewer slots are left out and the job goes on`,
    async t => {
      const place = await open()
      const { coordinator, warnings } = await openCoordinator(t, place, range(1, 3))
      const many = await openAgent(t, place, 'many', range(3), 3)
      await coordinator.heard
      const few = await openAgent(t, place, 'few', range(1), 2)
      await until(t, 'it is said', () => warnings.length > 0)
      await checkDone(t, await startJob(coordinator))
      t.regex(
        warnings.join('\n'),
        /^Agent few on .* protocol 1 .* this coordinator 1 to 3, of which 3 is in use .* on \S+ \[MH-AGENT-VERSION\]$/,
      )
      t.deepEqual(few.spoken.tasks, [])
      t.deepEqual(new Set(many.spoken.tasks), new Set([3]))
    },
  )
}
