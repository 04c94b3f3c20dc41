// Several jobs on the same agents: shares by weight, newcomers, priorities, limits and labels. Agents and coordinators are the real ones on
// a NATS server, workers are processes.
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { JobOptions } from '../../coordinator/job.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { openAgent, openCoordinator, type Running, start, until, wait } from './cluster.js'

let server: NatsServer
test.beforeEach(async () => {
  server = await NatsServer.start(await stableServer())
})
test.afterEach.always(() => server?.stop())

/** Items of so many ms, for so many slot seconds. */
const items = (ms: number, seconds: number): number[] =>
  Array.from({ length: Math.ceil((seconds * 1000) / ms) }, () => ms)

/** Waits, and says from when to when. */
const when = (ms: number): readonly [number, number] => {
  const from = Date.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  return [from, Date.now()]
}

/** Slot seconds so far. */
const served = ({ progress }: Running, ms: number): number => ((progress()?.settled ?? 0) * ms) / 1000

const share = async (t: ExecutionContext, slots: number, ours: readonly [number, Partial<JobOptions>][]) => {
  const coordinators = await Promise.all(ours.map(() => openCoordinator(t, server.url)))
  await openAgent(t, server.url, 'ann', slots)
  await Promise.all(coordinators.map(({ heard }) => heard))
  const jobs: Running[] = []
  for (const [nth, [ms, options]] of ours.entries()) {
    const coordinator = coordinators[nth]
    if (coordinator !== undefined) jobs.push(await start(coordinator, wait, items(ms, 100), options))
  }
  await until(t, 'all have begun', () => jobs.every(job => (job.progress()?.settled ?? 0) > 0))
  const now = (): number[] => jobs.map((job, nth) => served(job, ours[nth]?.[0] ?? 0))
  const before = now()
  await sleep(6000)
  const after = now()
  for (const job of jobs) job.cancel()
  await Promise.all(jobs.map(({ end }) => end))
  const had = after.map((seconds, nth) => seconds - (before[nth] ?? 0))
  const all = had.reduce((sum, seconds) => sum + seconds, 0)
  t.log(`${had.map(seconds => seconds.toFixed(2)).join(', ')} slot seconds`)
  return { shares: had.map(seconds => seconds / all), all }
}

test.serial(
  'two jobs of two coordinators share the slots 1:3, whatever the length of their items and shards',
  async t => {
    const { shares, all } = await share(t, 2, [
      [40, { weight: 1, shardSize: 10 }],
      [8, { weight: 3, shardSize: 10 }],
    ])
    t.true(Math.abs((shares[0] ?? 0) - 0.25) < 0.1, `shares ${shares}`)
    t.true(all > 0.6 * 12, `${all} of 12 slot seconds were used`)
  },
)

test.serial('on one slot, too', async t => {
  const { shares } = await share(t, 1, [
    [5, { weight: 3 }],
    [20, { weight: 1 }],
  ])
  t.true(Math.abs((shares[0] ?? 0) - 0.75) < 0.1, `shares ${shares}`)
})

test.serial('a short job behind a long one begins within a second, and has its share', async t => {
  const first = await openCoordinator(t, server.url)
  const second = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'ann', 2)
  await Promise.all([first.heard, second.heard])
  const hour = await start(first, wait, items(10, 3600), { shardSize: 5000 })
  await until(t, 'the long one runs', () => (hour.progress()?.settled ?? 0) > 100)
  const short = await start(second, wait, items(10, 2))
  const began = performance.now()
  const end = await short.end
  const seconds = (performance.now() - began) / 1000
  t.is(end.state, 'done')
  t.log(`first outcome after ${short.firstSeconds()?.toFixed(3)} s, done after ${seconds.toFixed(2)} s`)
  t.true((short.firstSeconds() ?? 9) < 1)
  // Two slot seconds on one of two slots.
  t.true(seconds < 4, `${seconds} s`)
  hour.cancel()
  await hour.end
})

test.serial('a job of a higher priority comes first, and leaves what it does not use', async t => {
  const coordinator = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'ann', 2)
  await coordinator.heard
  const low = await start(coordinator, wait, items(10, 100))
  await until(t, 'it runs', () => (low.progress()?.settled ?? 0) > 20)
  const high = await start(coordinator, wait, items(10, 5), { priority: 1 })
  await until(t, 'the other runs', () => (high.progress()?.settled ?? 0) > 20)
  const before = served(low, 10)
  const end = await high.end
  t.is(end.state, 'done')
  t.true(served(low, 10) - before < 0.8, `${served(low, 10) - before} slot seconds beside a higher priority`)
  const one = await start(coordinator, wait, [2000], { priority: 1 })
  await sleep(700)
  const beside = served(low, 10)
  await sleep(1000)
  t.true(served(low, 10) - beside > 0.6, 'the slot that it leaves is used')
  await one.end
  low.cancel()
  await low.end
})

test.serial('a job with a limit of slots has no more, while others have the rest', async t => {
  const coordinator = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'ann', 2)
  await openAgent(t, server.url, 'bob', 2)
  await until(t, 'both are heard', () => coordinator.slots === 4)
  const capped = await start(coordinator, when, items(20, 4), { maxSlots: 2 })
  const began = performance.now()
  const end = await capped.end
  const seconds = (performance.now() - began) / 1000
  t.is(end.state, 'done')
  const times = end.values as readonly (readonly [number, number])[]
  const most = Math.max(...times.map(([from]) => times.filter(([other, to]) => other <= from && from < to).length))
  t.log(`${seconds.toFixed(2)} s, at most ${most} items at once`)
  t.true(seconds < 6, `${seconds} s for 4 slot seconds on two slots`)
  t.is(most, 2)
  t.notRegex(JSON.stringify(end.receipt), /slots are idle/)
})

test.serial('a job that needs a label waits and says so, and begins when an agent offers it', async t => {
  const coordinator = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'ann', 2, { labels: ['site=a'] })
  await coordinator.heard
  const job = await start(coordinator, wait, items(5, 0.2), { needs: ['site=a', 'gpu'] })
  await until(t, 'it says why it waits', () => job.progress()?.waiting !== undefined)
  t.is(job.progress()?.waiting, 'no agent offers gpu')
  await openAgent(t, server.url, 'bob', 1, { labels: ['gpu'] })
  await until(t, 'both are there', () => job.progress()?.waiting === 'no agent offers all of site=a, gpu')
  await sleep(1000)
  t.is(job.progress()?.settled, 0)
  await openAgent(t, server.url, 'cat', 1, { labels: ['gpu', 'site=a'] })
  const end = await job.end
  t.is(end.state, 'done')
  t.is(job.progress()?.agents, 1)
  const os = await start(coordinator, wait, items(5, 0.1), { needs: [`os=${process.platform}`] })
  t.is((await os.end).state, 'done')
})
