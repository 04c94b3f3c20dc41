// Receipts of real jobs, in local mode and over NATS: every core-second has its phase, whatever happens, and the JSON is what
// docs/receipt.schema.json says.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { ItemError, Pool, type Receipt, range } from '../../coordinator/map.js'
import { manyhands } from '../support/command.js'
import { schemaErrors } from '../support/json-schema.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'

const schema = JSON.parse(readFileSync(new URL('../../../docs/receipt.schema.json', import.meta.url), 'utf8'))

/** Work that looks at no clock, about 0.1 ms. */
const turn = (x: number): number => {
  let y = x | 1
  for (let i = 0; i < 100_000; i++) y = (Math.imul(y, 1103515245) + 12345) & 0x7fffffff
  return y
}

const receiptOf = (pool: Pool): Receipt => {
  if (pool.receipt === undefined) throw new Error('there is no receipt')
  return pool.receipt
}

const checkAccount = (t: ExecutionContext, pool: Pool, what: string): Receipt => {
  const receipt = receiptOf(pool)
  const { capacity_core_seconds: capacity, core_seconds: phases } = receipt
  const json = JSON.parse(JSON.stringify(receipt))
  t.deepEqual(schemaErrors(schema, json), [], what)
  const sum = Object.values(phases).reduce((all, seconds) => all + seconds, 0)
  t.true(Math.abs(sum - capacity) <= 1e-6 * capacity, `${what}: ${sum} of ${capacity} core-seconds`)
  t.true(phases.other <= 0.01 * capacity, `${what}: ${phases.other} of ${capacity} in no phase`)
  return receipt
}

/** The same jobs wherever they run. */
const checkJobs = async (t: ExecutionContext, pool: Pool): Promise<void> => {
  const check = (what: string): Receipt => checkAccount(t, pool, what)
  await pool.map(turn, range(0, 1000))
  const { core_seconds: work, cpu_core_seconds: cpu } = check('1000 items')
  t.true(work.compute > 0 && cpu > 0)
  await pool.map(turn, range(0, 60))
  check('a short job')
  await pool.map(turn, [1])
  t.true(check('one item').core_seconds.tail > 0, 'the second slot had nothing to do')
  await pool.map((x: number) => x, range(0, 300_000), { as: 'f64' })
  t.regex(check('tiny items').advice[0] ?? '', /^A plain loop would have been [\d.,]+ times faster: /)
  await pool.map(
    (x: number) => {
      if (x % 5 === 0) throw new Error('no')
      return x
    },
    range(0, 500),
    { onError: 'collect' },
  )
  check('failing items')
  await t.throwsAsync(
    pool.map(
      (x: number) => {
        if (x === 900) throw new Error('no')
        let y = x | 1
        for (let i = 0; i < 100_000; i++) y = (Math.imul(y, 1103515245) + 12345) & 0x7fffffff
        return y
      },
      range(0, 20_000),
    ),
    { instanceOf: ItemError },
  )
  check('a job that stops at a failure')
  await pool.map(
    (x: number) => {
      if (x === 300) process.exit(3)
      let y = x | 1
      for (let i = 0; i < 100_000; i++) y = (Math.imul(y, 1103515245) + 12345) & 0x7fffffff
      return y
    },
    range(0, 1000),
    { onError: 'collect' },
  )
  const crash = check('a worker that dies')
  t.true(crash.core_seconds.lost > 0 && crash.core_seconds.start > 0)
  await pool.map(
    (x: number) => {
      while (x === 30);
      return x
    },
    range(0, 60),
    { onError: 'collect', timeout: 0.2 },
  )
  t.true(check('an item that takes too long').core_seconds.lost > 0.15)
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 300)
  await t.throwsAsync(pool.map(turn, range(0, 1_000_000), { signal: stop.signal }))
  check('a job that is interrupted')
  await pool.reduce((a: number, b: number) => a + b, range(0, 100_000))
  t.is(check('a reduction').items, 100_000)
  // Long enough that neither has ended before the other has begun, however busy the machine is.
  await Promise.all([pool.map(turn, range(0, 6000)), pool.map(turn, range(0, 6000))])
  const shared = check('two jobs at once')
  t.true(shared.elsewhere_core_seconds > 0 && shared.slots < 2, `${shared.slots} slots`)
}

test.serial('in local mode every core-second of every kind of job has its phase', async t => {
  const cold = new Pool({ slots: 2, onPrint: () => {} })
  t.teardown(() => cold.close())
  await cold.map(turn, range(0, 100))
  t.true(checkAccount(t, cold, 'a cold pool').core_seconds.start > 0)
  await checkJobs(t, cold)
})

test.serial(
  'over NATS every core-second of every kind of job has its phase, and of agents that come late and die',
  async t => {
    const server = await NatsServer.start(await stableServer())
    t.teardown(() => server.stop())
    const url = server.url
    const agents: ChildProcess[] = []
    const startAgent = async (name: string): Promise<ChildProcess> => {
      const agent = manyhands(['agent', '--nats', url, '--slots', '2', '--name', name])
      agents.push(agent)
      let said = ''
      agent.stderr?.on('data', chunk => {
        said += chunk
      })
      for (let tries = 0; !/lends 2 slots/.test(said) && tries < 200; tries++) await sleep(50)
      return agent
    }
    t.teardown(() => {
      for (const agent of agents) agent.kill('SIGKILL')
    })
    await startAgent('first')
    const pool = new Pool({ nats: url, onPrint: () => {} })
    t.teardown(() => pool.close())
    await checkJobs(t, pool)

    const long = pool.map(turn, range(0, 60_000))
    await sleep(500)
    const late = await startAgent('late')
    await sleep(1500)
    late.kill('SIGKILL')
    await once(late, 'exit')
    await long
    const receipt = checkAccount(t, pool, 'an agent that comes late and dies')
    t.true(receipt.slots > 2 && receipt.slots < 4, `${receipt.slots} slots`)
  },
)
