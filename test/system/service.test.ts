// A service that outlives its parts: thirty jobs submitted at once by three clients to two daemons, worked on by four agents on hosts of
// their own; every process, the NATS server among them, is killed with -9 in the middle of it. MANYHANDS_TEST_SEEDS=N repeats it.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { openClient } from '../../coordinator/client.js'
import { ended, MAIN, manyhands } from '../support/command.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { createNetns, type NetnsHost } from '../support/netns.js'
import { seeded } from '../support/random.js'
import type { ServiceOrder } from './fixtures/service-client.js'

const CLIENTS = 3
const JOBS_OF_A_CLIENT = 10
const AGENTS = 4
const SEEDS = Array.from({ length: Number(process.env['MANYHANDS_TEST_SEEDS'] ?? 1) }, (_, index) => index + 1)
const CLIENT = fileURLToPath(new URL('./fixtures/service-client.js', import.meta.url))

let netns: Awaited<ReturnType<typeof createNetns>>
test.before(async () => {
  netns = await createNetns(AGENTS + 1)
})
test.after.always(() => netns?.close())

const NODE = `export default x => {
  const until = performance.now() + 4
  while (performance.now() < until);
  if (x % 17 === 5) throw new Error('no ' + x)
  return { x, cube: x ** 3 }
}`
const PYTHON = `import time
def triple(x):
    time.sleep(0.004)
    if x % 13 == 7:
        raise ValueError('no %d' % x)
    return x * 3
`

type Kind = readonly [
  order: Omit<ServiceOrder['asked'], 'name' | 'input'>,
  source: string | undefined,
  items: number,
  of: (x: number) => object,
]

const KINDS: readonly Kind[] = [
  [
    { runner: 'node', entry: 'job.mjs', function: 'default' },
    NODE,
    300,
    x => (x % 17 === 5 ? { failure: `no ${x}` } : { value: { x, cube: x ** 3 } }),
  ],
  [
    { runner: 'python', entry: 'job.py', function: 'triple' },
    PYTHON,
    300,
    x => (x % 13 === 7 ? { failure: `ValueError: no ${x}` } : { value: x * 3 }),
  ],
  [{ runner: 'node', entry: '', function: 'Math.sqrt' }, undefined, 20_000, x => ({ value: Math.sqrt(x) })],
]

/** What each client asks for, and what a loop would make of it. */
const ordersOf = (client: number) =>
  Array.from({ length: JOBS_OF_A_CLIENT }, (_, nth) => {
    const [asked, source, items, of] = KINDS[nth % KINDS.length] as Kind
    const start = client * 1000 + nth * 10
    const name = `c${client}-${nth}`
    const lines = Array.from({ length: items }, (_, index) => JSON.stringify({ index, ...of(start + index) }))
    const order: ServiceOrder = {
      asked: { ...asked, name, input: { start, end: start + items, step: 1 } },
      ...(source !== undefined && { source }),
    }
    return { order, name, serial: `${[...lines, 'done'].join('\n')}\n` }
  })

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

/** A process that is started again when it was killed. */
class Revived {
  readonly #t: ExecutionContext
  readonly #start: () => ChildProcess
  #child: ChildProcess
  #said = ''
  kills = 0

  constructor(t: ExecutionContext, name: string, start: () => ChildProcess) {
    this.#t = t
    this.#start = start
    this.#child = this.#begin()
    t.teardown(() => {
      this.#child.kill('SIGKILL')
      if (!t.passed) t.log(`${name}:\n${this.#said.slice(-3000)}`)
    })
  }

  async kill(awaySeconds: number): Promise<void> {
    // One that has ended by itself was not killed.
    if (this.#child.exitCode !== null) return
    this.kills++
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
    await sleep(awaySeconds * 1000)
    this.#child = this.#begin()
  }

  /** Resolves with its exit code, when it ends by itself. */
  async toEnd(): Promise<number> {
    for (;;) {
      const child = this.#child
      const code = child.exitCode ?? (await new Promise<number | null>(resolve => child.once('exit', resolve)))
      if (code !== null) return code
      while (this.#child === child) await sleep(20)
    }
  }

  #begin(): ChildProcess {
    const child = this.#start()
    child.stderr?.on('data', text => {
      this.#said += text
    })
    child.on('error', error => this.#t.log(error.message))
    return child
  }
}

for (const seed of SEEDS)
  test.serial(
    `thirty jobs of three clients are what loops make of them, whatever was killed (seed ${seed})`,
    async t => {
      t.timeout(240_000)
      const random = seeded(seed)
      const between = (low: number, high: number): number => low + (high - low) * random()
      const [natsHost, ...hosts] = netns.hosts as [NetnsHost, ...NetnsHost[]]
      const folder = await mkdtemp(join(tmpdir(), 'manyhands-service-'))
      t.teardown(() => rm(folder, { recursive: true, force: true }))
      const nats = await NatsServer.start(await stableServer(), {
        host: natsHost.address,
        there: { spawn: natsHost.spawn, port: 4222 },
      })
      t.teardown(() => nats.stop())
      const ports = [await freePort(), await freePort()]
      const daemons = ports.map(
        (port, nth) =>
          new Revived(t, `daemon ${nth}`, () =>
            manyhands(
              ['serve', '--nats', nats.url, '--insecure', '--name', `d${nth}`, '--listen', `127.0.0.1:${port}`],
              {
                stdio: ['ignore', 'ignore', 'pipe'],
              },
            ),
          ),
      )
      const agents = hosts.map(
        (host, nth) =>
          new Revived(t, `agent ${nth}`, () => {
            const own = ['--name', `a${nth}`, '--slots', '1', '--cache', join(folder, `cache${nth}`)]
            return host.spawn(process.execPath, [MAIN, 'agent', '--nats', nats.url, '--insecure', ...own], {
              stdio: ['ignore', 'ignore', 'pipe'],
            })
          }),
      )
      const addresses = ports.map(port => `127.0.0.1:${port}`).join(',')
      const desk = await openClient(addresses)
      t.teardown(() => desk.close())
      for (let tries = 0; tries < 100 && !(await isUp(desk)); tries++) await sleep(100)
      const before = await nats.left()

      const work = Array.from({ length: CLIENTS }, (_, client) => ordersOf(client))
      const beganAt = performance.now()
      const clients = work.map(
        (orders, nth) =>
          new Revived(t, `client ${nth}`, () =>
            spawn(process.execPath, [CLIENT, addresses, folder, JSON.stringify(orders.map(({ order }) => order))], {
              stdio: ['ignore', 'ignore', 'pipe'],
            }),
          ),
      )
      const faults = [
        ...clients.map(client => sleep(between(400, 4000)).then(() => client.kill(0.1))),
        ...agents.map(agent => sleep(between(1000, 10_000)).then(() => agent.kill(between(0.1, 2)))),
        // One of them is always there, but for a moment.
        sleep(between(1000, 4000))
          .then(() => (daemons[0] as Revived).kill(between(0.1, 3)))
          .then(() => sleep(between(2000, 6000)))
          .then(() => (daemons[1] as Revived).kill(between(0.1, 3))),
        sleep(between(1000, 9000)).then(async () => {
          await nats.kill()
          await sleep(between(100, 1000))
          await nats.restart()
        }),
      ]
      await Promise.all(faults)
      t.deepEqual(
        [...clients, ...agents, ...daemons].map(({ kills }) => kills),
        Array(CLIENTS + AGENTS + 2).fill(1),
      )
      t.deepEqual(await Promise.all(clients.map(client => client.toEnd())), Array(CLIENTS).fill(0))
      t.log(`${((performance.now() - beganAt) / 1000).toFixed(1)} s`)
      for (const { name, serial } of work.flat()) {
        const lines = (await readFile(join(folder, `${name}.jsonl`), 'utf8')).split('\n')
        const expected = serial.split('\n')
        const nth = expected.findIndex((line, at) => line !== lines[at])
        t.is(lines[nth], expected[nth], `line ${nth} of ${name}`)
        t.is(lines.length, expected.length, name)
      }
      t.is((await desk.jobs()).length, CLIENTS * JOBS_OF_A_CLIENT)
      const forget = await ended(manyhands(['forget', 'all', '--coordinator', addresses]))
      t.is(forget.code, 0, forget.stderr)
      t.deepEqual(await desk.jobs(), [])
      t.deepEqual(await nats.left(), before, 'something is left in JetStream')
    },
  )

const isUp = (desk: Awaited<ReturnType<typeof openClient>>): Promise<boolean> =>
  desk.jobs().then(
    () => true,
    () => false,
  )
