import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { connect } from 'nats'
import { Pool, range } from '../../../coordinator/map.js'
import { ended, manyhands } from '../../support/command.js'
import { stableServer } from '../../support/nats-binaries.js'
import { NatsServer } from '../../support/nats-server.js'

/** Some milliseconds of work, and who did it. */
const work = (item: number): { readonly item: number; readonly pid: number } => {
  let sum = 0
  for (let turn = 0; turn < 3_000_000; turn++) sum += Math.sqrt(turn + item)
  return { item: sum > 0 ? item : -1, pid: process.pid }
}

test('a pool of a NATS server begins in the caller, and its agents join when it pays', async t => {
  const server = await NatsServer.start(await stableServer())
  const agent = manyhands(['agent', '--nats', server.url, '--slots', '2'])
  const gone = ended(agent)
  try {
    await new Promise<void>(resolve => agent.stderr?.on('data', text => /lends 2 slots/.test(text) && resolve()))
    await using pool = new Pool({ nats: server.url })
    const few = await pool.map(work, range(2))
    t.deepEqual(new Set(few.map(({ pid }) => pid)), new Set([process.pid]))
    t.is(pool.receipt?.placement, 'inline')
    const many = await pool.map(work, range(400))
    t.deepEqual(
      many.map(({ item }) => item),
      [...range(400)],
    )
    t.true(many.some(({ pid }) => pid !== process.pid))
    t.is(pool.receipt?.placement, 'cluster', JSON.stringify(pool.receipt?.decisions))
    t.true(pool.receipt?.decisions.some(({ decision }) => /cluster's workers/.test(decision)))
    const there = await pool.map(work, range(4), { place: 'cluster' })
    t.false(there.some(({ pid }) => pid === process.pid))
    const here = await pool.map(work, range(4), { place: 'local' })
    t.false(here.some(({ pid }) => pid === process.pid))
    t.is(pool.receipt?.placement, 'local')
  } finally {
    agent.kill('SIGTERM')
    await gone
    await server.stop()
  }
})

test('a pool of a NATS server whose cluster has nobody shares its jobs with workers of its own machine', async t => {
  const server = await NatsServer.start(await stableServer())
  try {
    await using pool = new Pool({ nats: server.url, slots: 2 })
    const done = await pool.map(work, range(300))
    t.true(done.some(({ pid }) => pid !== process.pid))
    t.is(pool.receipt?.placement, 'local')
    const chosen = pool.receipt?.decisions.find(({ decision }) => /this machine's workers/.test(decision))
    t.is(chosen?.figures.cluster_workers, 0)
    t.is(chosen?.figures.local_workers, 1)
  } finally {
    await server.stop()
  }
})

const streamsOf = async (server: NatsServer): Promise<string[]> => {
  const connection = await connect({ servers: `127.0.0.1:${server.port}` })
  const names: string[] = []
  for await (const name of (await connection.jetstreamManager()).streams.names()) names.push(name)
  await connection.close()
  return names
}

test('of short jobs nothing is left on the server, neither of those that were run nor of one to come', async t => {
  const server = await NatsServer.start(await stableServer())
  const agent = manyhands(['agent', '--nats', server.url, '--slots', '2'])
  const gone = ended(agent)
  const pool = new Pool({ nats: server.url })
  try {
    for (let nth = 0; nth < 5; nth++) t.deepEqual(await pool.map(Math.sqrt, [4, 9], { place: 'cluster' }), [2, 3])
    await sleep(500)
    // One queue and its reports, of the job that may come next.
    t.is((await streamsOf(server)).length, 2)
    for (let nth = 0; nth < 3; nth++) t.deepEqual(await pool.map(Math.sqrt, [16], { place: 'cluster' }), [4])
    await pool.close()
    t.deepEqual(await streamsOf(server), [])
  } finally {
    await pool.close()
    agent.kill('SIGTERM')
    await gone
    await server.stop()
  }
})

test('a server that is not there is the error of a job that needs it, and of no other', async t => {
  await using pool = new Pool({ nats: 'nats://127.0.0.1:1' })
  t.deepEqual(await pool.map(x => x + 1, [1, 2]), [2, 3])
  await t.throwsAsync(pool.map(work, range(400)), { message: /127\.0\.0\.1:1/ })
  await t.throwsAsync(
    pool.map(x => x + 1, [1, 2], { place: 'cluster' }),
    { message: /127\.0\.0\.1:1/ },
  )
})
