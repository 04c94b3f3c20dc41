// Daemons with three replicas on a cluster of three NATS servers: those that lead what is kept of a job are killed one after the
// other, and then the daemon that has it.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { startAgent } from '../../../agent/main.js'
import { openDaemon } from '../../../coordinator/serve/daemon.js'
import { lineLog, silentLog } from '../../../proto/log.js'
import { monotonicSeconds } from '../../../proto/timing.js'
import { stableServer } from '../../support/nats-binaries.js'
import { NatsCluster } from '../../support/nats-cluster.js'
import { allOf, endOf, moduleOf, parts, slowTriple, startDaemon, tripled, until } from './site.js'

/** On a cluster: how long a daemon that is not heard of keeps its jobs. */
const TTL_SECONDS = 15
const ITEMS = 7000

test('a job of a daemon survives the servers that lead its state and its results, and then its daemon', async t => {
  t.timeout(180_000)
  const cluster = await NatsCluster.start(await stableServer())
  t.teardown(() => cluster.stop())
  const agent = await startAgent({ nats: cluster.url, slots: 1, log: silentLog, onPrint: () => {} })
  t.teardown(() => agent.stop())
  const first = await startDaemon(t, cluster.url, 'first', 3)
  const said: string[] = []
  const second = await openDaemon({
    nats: cluster.url,
    name: 'second',
    replicas: 3,
    log: lineLog(line => said.push(line)),
  })
  t.teardown(() => second.close())
  t.teardown(() => t.passed || t.log(said.join('')))
  const { desk } = second
  const streams = await cluster.streams()
  const id = await first.submit(slowTriple(8, { start: 0, end: ITEMS, step: 1 }, { shardSize: 20 }))
  const results = allOf(desk, id)
  let { settled } = await until(desk, id, view => view.settled > 100)
  for (const stream of ['KV_mh_jobs', `MH_O_${id}`, 'KV_mh_daemons']) {
    const leader = await cluster.leaderOf(stream)
    const killedAt = monotonicSeconds()
    await cluster.kill(leader)
    const before = settled
    settled = (await until(desk, id, view => view.settled > before + 300)).settled
    t.log(`${stream}: 300 more items ${(monotonicSeconds() - killedAt).toFixed(1)} s after its leader died`)
    await cluster.restart(leader)
    for (let tries = 0; tries < 300 && !(await cluster.isWhole(...(await cluster.streams()))); tries++) await sleep(100)
  }
  const killedAt = monotonicSeconds()
  const isMoved = (await desk.jobs())[0]?.owner?.startsWith('first-') !== true
  first.child.kill('SIGKILL')
  const { owner } = await until(desk, id, view => view.owner?.startsWith('second-') === true && view.settled > settled)
  const seconds = monotonicSeconds() - killedAt
  t.log(isMoved ? `${owner} had it before` : `taken over, with new outcomes, after ${seconds.toFixed(1)} s`)
  t.true(isMoved || seconds <= TTL_SECONDS + 2, `${seconds} s`)
  t.like(await endOf(desk, id), { state: 'done', settled: ITEMS, failed: 0 })
  t.is((await results).text, tripled(0, ITEMS))
  t.is((await allOf(desk, id, { ordered: false })).items.length, ITEMS)
  await desk.forget(id)
  t.deepEqual(await cluster.streams(), streams)
  // One more, from its beginning to its end here.
  const { asked, source } = slowTriple(1, { start: 0, end: 100, step: 1 })
  t.like(await endOf(desk, (await desk.submit(asked, parts(moduleOf(source)))).id), { state: 'done' })
})
