// Several hosts: a NATS server and two agents in network namespaces of their own, a job from the root namespace, and faults
// in the middle of it: an agent killed, the other frozen and thawed, the server killed and started again.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { ended, MAIN, manyhands } from '../support/command.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { createNetns, type NetnsHost } from '../support/netns.js'
import { seeded } from '../support/random.js'
import { work } from './fixtures/work.js'

const ITEMS = 2000
const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1)
const FIXTURE = fileURLToPath(new URL('../../../test/system/fixtures/work.ts', import.meta.url))

const sleep = (seconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, seconds * 1000))

let serial: string
let netns: Awaited<ReturnType<typeof createNetns>>

test.before(async () => {
  serial = Array.from({ length: ITEMS }, (_, item) => `${JSON.stringify(work(item))}\n`).join('')
  netns = await createNetns(3)
})

test.after.always(async () => {
  await netns?.close()
})

const pidsIn = async (host: NetnsHost): Promise<number[]> => {
  const { stdout } = await promisify(execFile)('ip', ['netns', 'pids', host.name])
  return stdout.split('\n').filter(Boolean).map(Number)
}

const agentOn = (host: NetnsHost, name: string, nats: string, cache: string) =>
  host.spawn(
    process.execPath,
    [MAIN, 'agent', '--nats', nats, '--insecure', '--name', name, '--slots', '2', '--cache', cache],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )

for (const seed of SEEDS) {
  test.serial(
    `a job on two hosts survives a killed agent, a frozen agent and a killed server byte for byte (seed ${seed})`,
    async t => {
      t.timeout(120_000)
      const random = seeded(seed)
      const between = (low: number, high: number): number => low + (high - low) * random()
      const [natsHost, firstHost, secondHost] = netns.hosts as [NetnsHost, NetnsHost, NetnsHost]
      const folder = await mkdtemp(join(tmpdir(), 'manyhands-hosts-'))
      const server = await NatsServer.start(await stableServer(), {
        host: natsHost.address,
        there: { spawn: natsHost.spawn, port: 4222 },
      })
      const agents = [firstHost, secondHost].map((host, index) =>
        agentOn(host, `h${index}`, server.url, join(folder, `cache${index}`)),
      )
      const [first, second] = agents as [(typeof agents)[0], (typeof agents)[0]]
      const agentsEnded = agents.map(ended)
      try {
        await sleep(1)
        const output = join(folder, 'out.jsonl')
        const args = [
          'map',
          `${FIXTURE}#work`,
          '--range',
          `0..${ITEMS}`,
          '--output',
          output,
          '--nats',
          server.url,
          '--insecure',
        ]
        const job = ended(manyhands([...args, '--quiet', '--json']))
        await sleep(1)
        const faults = [
          sleep(between(0, 3)).then(() => first.kill('SIGKILL')),
          sleep(between(0, 3)).then(async () => {
            second.kill('SIGSTOP')
            await sleep(between(0.5, 4))
            second.kill('SIGCONT')
          }),
          sleep(between(0, 3)).then(async () => {
            await server.kill()
            await sleep(between(0.1, 1))
            await server.restart()
          }),
        ]
        await Promise.all(faults)
        const end = await job
        t.is(end.code, 0, end.stderr)
        t.true((await readFile(output, 'utf8')) === serial, 'the output differs from a serial run')
        const receipt = JSON.parse(end.stderr.trim().split('\n').at(-1) ?? '')
        t.is(receipt.items, ITEMS)
        t.log(
          `${receipt.wall_seconds.toFixed(1)} s, ${receipt.shards} shards, ${receipt.reoffers} offered again, ${receipt.duplicates} items twice`,
        )
        second.kill('SIGTERM')
        t.is((await (agentsEnded[1] as Promise<{ code: number | null }>)).code, 0, 'a drained agent ends with 0')
        t.deepEqual(await pidsIn(firstHost), [], 'workers of the killed agent are left')
        t.deepEqual(await pidsIn(secondHost), [], 'workers of the drained agent are left')
        const streams = join(server.folder, 'store', 'jetstream', '$G', 'streams')
        t.deepEqual(existsSync(streams) ? readdirSync(streams) : [], [], 'streams are left')
      } finally {
        for (const agent of agents) agent.kill('SIGKILL')
        await server.stop()
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
}
