// Agents that are drained and resized while they work, and one on which everything fails: real agents, a real server, workers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Site } from '../coordinator/serve/site.js'
import { ended, manyhands } from '../support/command.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { openAgent, openCoordinator, start, until, wait } from './cluster.js'

const items = (ms: number, count: number): number[] => Array.from({ length: count }, () => ms)

test('slots of an agent can be lowered and raised while it works, beyond the number that it began with', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const coordinator = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'ann', 2)
  await coordinator.heard
  const job = await start(coordinator, wait, items(10, 100_000), { shardSize: 10 })
  const busy = (): number => coordinator.agents()[0]?.busySlots ?? 0
  await until(t, 'both slots work', () => busy() === 2)
  t.is(coordinator.setSlots('nobody', 1), undefined)
  for (const slots of [1, 4]) {
    t.like(coordinator.setSlots('ann', slots), { name: 'ann' })
    await until(t, `it offers ${slots}`, () => coordinator.agents()[0]?.slots === slots)
    await until(t, `${slots} work`, () => busy() === slots)
  }
  job.cancel()
  t.is((await job.end).failed, 0)
})

test('a host on which everything fails is put aside, and gets no more of the job', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const folder = await mkdtemp(join(tmpdir(), 'manyhands-sick-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const coordinator = await openCoordinator(t, server.url)
  await openAgent(t, server.url, 'fine', 1)
  await openAgent(t, server.url, 'sick', 1, { cwd: folder })
  await until(t, 'both are heard', () => coordinator.slots === 2)
  // Fails at once there, and takes its time elsewhere: it would get nearly all items.
  const fn = (x: number): number => {
    if (process.cwd().includes('manyhands-sick')) throw new Error('no such disk')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    return x * 2
  }
  const job = await start(
    coordinator,
    fn,
    Array.from({ length: 300 }, (_, x) => x),
    { shardSize: 5, retries: 1 },
  )
  await until(t, 'it is put aside', () =>
    coordinator.agents().some(({ name, why }) => name === 'sick' && /no such disk/.test(why ?? '')),
  )
  const end = await job.end
  t.is(end.state, 'done')
  t.log(`${end.failed} of 300 items failed there as often as they may before it was put aside`)
  // Nearly all would have.
  t.true(end.failed < 100, `${end.failed} failed`)
  for (const [x, value] of end.values.entries()) t.true(value === x * 2 || value === undefined)
})

test('an agent that is asked to drain finishes what it holds and ends with 0, and the job goes on without it', async t => {
  const site = await Site.open(t)
  const desk = await site.desk('the desk over gRPC')
  const folder = await mkdtemp(join(tmpdir(), 'manyhands-drain-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const process = (name: string) => {
    const child = manyhands([
      'agent',
      '--nats',
      site.nats.url,
      '--name',
      name,
      '--slots',
      '1',
      '--cache',
      join(folder, name),
      '--label',
      'disk',
    ])
    t.teardown(() => child.kill('SIGKILL'))
    return ended(child)
  }
  const first = process('first')
  void process('second')
  const { id } = await desk.submit(
    {
      name: 'sleep',
      runner: 'exec',
      entry: '',
      function: '',
      command: ['sh', '-c', 'sleep 0.02', '{}'],
      needs: ['disk'],
      input: { start: 0, end: 300, step: 1 },
    },
    (async function* () {})(),
  )
  for await (const { settled } of desk.watch(id, new AbortController().signal)) if (settled > 30) break
  const agents = await desk.agents()
  t.deepEqual(
    agents.map(({ labels }) => labels.includes('disk')),
    [true, true],
  )
  const name = agents.find(agent => agent.name.startsWith('first'))?.name ?? ''
  await desk.drain(name)
  const end = await first
  t.is(end.code, 0, end.stderr)
  t.regex(end.stderr, /drains/)
  let last = ''
  for await (const { state, failed } of desk.watch(id, new AbortController().signal)) last = `${state} ${failed}`
  t.is(last, 'done 0')
  for (let tries = 0; tries < 100 && (await desk.agents()).length > 1; tries++) await sleep(100)
  t.deepEqual(
    (await desk.agents()).map(agent => agent.name.startsWith('second')),
    [true],
  )
  await t.throwsAsync(desk.drain(name), { code: 'AGENT_UNKNOWN' })
})
