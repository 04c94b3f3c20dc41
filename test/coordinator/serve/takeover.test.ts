// Jobs outlive their daemons, killed, frozen and thawed, or asked to end; and their NATS server.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { JobView } from '../../../coordinator/serve/desk.js'
import { monotonicSeconds } from '../../../proto/timing.js'
import { newestServer, stableServer } from '../../support/nats-binaries.js'
import { allOf, endOf, moduleOf, parts, Site, slowTriple, tripled, until } from './site.js'

/** On a single server: how long a daemon that is not heard of keeps its jobs. */
const TTL_SECONDS = 5

const isPast =
  (settled: number) =>
  (view: JobView): boolean =>
    view.settled >= settled

const range = (items: number) => ({ start: 0, end: items, step: 1 })

for (const [server, binary] of [
  ["Debian's nats-server", stableServer],
  ['the newest nats-server', newestServer],
] as const) {
  test(`${server}: a job goes on within the TTL and 2 s when its daemon is killed, byte for byte`, async t => {
    const site = await Site.open(t, binary)
    await site.agent()
    const first = await site.process('first')
    const { desk } = await site.daemon({ name: 'second' })
    const before = await site.nats.left()
    const id = await first.submit(slowTriple(5, range(2500), { shardSize: 20 }))
    const { settled, owner } = await until(desk, id, isPast(500))
    t.regex(owner ?? '', /^first-/)
    const killedAt = monotonicSeconds()
    first.child.kill('SIGKILL')
    await until(desk, id, view => view.owner?.startsWith('second-') === true && view.settled > settled)
    const seconds = monotonicSeconds() - killedAt
    t.true(seconds <= TTL_SECONDS + 2, `${seconds} s`)
    t.like(await endOf(desk, id), { state: 'done', settled: 2500, failed: 0 })
    t.is((await allOf(desk, id)).text, tripled(0, 2500))
    const { items } = await allOf(desk, id, { ordered: false })
    t.is(items.length, 2500)
    await desk.forget(id)
    t.deepEqual(
      (await site.nats.left()).filter(name => !before.includes(name)),
      [],
    )
    t.log(`taken over, with new outcomes, after ${seconds.toFixed(2)} s`)
  })

  test(`${server}: a daemon that was frozen and is thawed does no harm to the job that another one has`, async t => {
    const site = await Site.open(t, binary)
    await site.agent()
    const first = await site.process('first')
    const { desk } = await site.daemon({ name: 'second' })
    const id = await first.submit(slowTriple(5, range(4000), { shardSize: 20 }))
    const { settled } = await until(desk, id, isPast(300))
    first.child.kill('SIGSTOP')
    await until(desk, id, view => view.owner?.startsWith('second-') === true && view.settled > settled + 100)
    first.child.kill('SIGCONT')
    t.like(await endOf(desk, id), { state: 'done', settled: 4000, failed: 0 })
    t.is((await allOf(desk, id)).text, tripled(0, 4000))
    t.is((await allOf(desk, id, { ordered: false })).items.length, 4000)
    // It has seen it, and takes jobs again.
    for (let tries = 0; tries < 100 && !first.said().includes('other daemons go on'); tries++) await sleep(100)
    t.regex(first.said(), /other daemons go on with the jobs of this one/)
    const again = await first.submit(slowTriple(1, range(100)))
    t.like(await endOf(desk, again), { state: 'done', settled: 100 })
  })
}

test('the jobs of a daemon that is asked to end go to another one at once', async t => {
  const site = await Site.open(t)
  await site.agent()
  const first = await site.process('first')
  const { desk } = await site.daemon({ name: 'second' })
  const ids: string[] = []
  for (let nth = 0; nth < 3; nth++) ids.push(await first.submit(slowTriple(2, range(1500))))
  await until(desk, ids[0] as string, isPast(100))
  first.child.kill('SIGTERM')
  const [code] = await once(first.child, 'exit')
  t.is(code, 0, first.said())
  const leftAt = monotonicSeconds()
  for (const id of ids) await until(desk, id, ({ owner }) => owner?.startsWith('second-') === true)
  t.true(monotonicSeconds() - leftAt < 2)
  for (const id of ids) {
    t.like(await endOf(desk, id), { state: 'done', settled: 1500, failed: 0 })
    t.is((await allOf(desk, id)).text, tripled(0, 1500))
  }
})

test('a job waits for the next daemon when none is left, and what it was asked meanwhile counts', async t => {
  const site = await Site.open(t)
  await site.agent()
  const first = await site.process('first')
  const goes = await first.submit(slowTriple(2, range(1500)))
  const ends = await first.submit(slowTriple(2, range(100_000)))
  await sleep(1500)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  const { desk } = await site.daemon({ name: 'second' })
  const cancelled = desk.cancel(ends, 'the owner is dead')
  t.like(await endOf(desk, goes), { state: 'done', settled: 1500 })
  t.is((await allOf(desk, goes)).text, tripled(0, 1500))
  t.like(await cancelled, { state: 'cancelled', why: 'the owner is dead' })
})

test('a submission that its daemon did not survive leaves nothing behind', async t => {
  const site = await Site.open(t)
  const { desk } = await site.daemon({ name: 'second' })
  const before = await site.nats.left()
  const first = await site.process('first')
  const { asked, source } = slowTriple(1, { format: 'jsonl' })
  // No end of its input: it goes on arriving.
  void first.submit({ asked, source, isEndless: true })
  for (let tries = 0; tries < 100 && (await site.nats.left()).length === before.length; tries++) await sleep(50)
  t.true((await site.nats.left()).some(name => name.startsWith('MH_I_')))
  first.child.kill('SIGKILL')
  for (let tries = 0; tries < 100 && (await site.nats.left()).some(name => name.includes('1-')); tries++)
    await sleep(100)
  t.deepEqual(
    (await site.nats.left()).filter(name => !before.includes(name)),
    [],
  )
  t.deepEqual(await desk.jobs(), [])
})

test('jobs survive a NATS server that is killed and comes back', async t => {
  const site = await Site.open(t)
  await site.agent()
  const { desk } = await site.daemon()
  const { asked, source } = slowTriple(3, range(3000))
  const { id } = await desk.submit(asked, parts(moduleOf(source)))
  const results = allOf(desk, id)
  for (const settled of [300, 1500]) {
    await until(desk, id, isPast(settled))
    await site.nats.kill()
    await sleep(500)
    await site.nats.restart()
  }
  t.like(await endOf(desk, id), { state: 'done', settled: 3000, failed: 0 })
  t.is((await results).text, tripled(0, 3000))
})
