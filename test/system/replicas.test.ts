// Jobs with three replicas on a cluster of three NATS servers: the servers that lead a job's streams are killed while it runs, and
// then more than half of them.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { ended, manyhands } from '../support/command.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsCluster } from '../support/nats-cluster.js'
import { answer } from './fixtures/paced.js'

const FIXTURE = fileURLToPath(new URL('../../../test/system/fixtures/paced.ts', import.meta.url))
const GOES_ON_SECONDS = 30

/** About 60 items a second, until it is told to end: a third of what the slots can do. */
const feed = (input: NodeJS.WritableStream) => {
  let items = 0
  const timer = setInterval(() => {
    for (let more = 3; more > 0; more--) input.write(`${items++}\n`)
  }, 50)
  return {
    /** Gives what a serial run of all that was fed writes. */
    end: (): { readonly items: number; readonly serial: string } => {
      clearInterval(timer)
      input.end()
      const lines = Array.from({ length: items }, (_, item) => `${JSON.stringify(answer(String(item)))}\n`)
      return { items, serial: lines.join('') }
    },
  }
}

const until = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const end = performance.now() + GOES_ON_SECONDS * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`within ${GOES_ON_SECONDS} s there was no ${what}`)
    await sleep(100)
  }
}

/** A cluster, two agents of a slot each, and a job on them that has begun. */
const begin = async (t: ExecutionContext) => {
  t.timeout(150_000)
  const cluster = await NatsCluster.start(await stableServer())
  t.teardown(() => cluster.stop())
  const folder = await mkdtemp(join(tmpdir(), 'manyhands-replicas-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const agents = cluster.servers.slice(0, 2).map(({ url }, index) =>
    // One URL each: they learn of the other servers.
    manyhands(['agent', '--nats', url, '--slots', '1', '--cache', join(folder, `cache${index}`)], { stdio: 'ignore' }),
  )
  for (const agent of agents) t.teardown(() => agent.kill('SIGKILL'))
  const output = join(folder, 'out.jsonl')
  const data = ['--input', '-', '--shard-size', '10', '--concurrency', '1', '--output', output]
  const child = manyhands(['map', `${FIXTURE}#paced`, ...data, '--nats', cluster.url, '--replicas', '3', '--json'], {
    stdio: 'pipe',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const feeding = feed(child.stdin as NodeJS.WritableStream)
  t.teardown(feeding.end)
  let said = ''
  child.stderr?.on('data', text => {
    said += text
  })
  const job = ended(child)
  const streamOf = (prefix: string) =>
    until(`stream ${prefix}`, async () => (await cluster.streams()).find(name => name.startsWith(prefix)))
  const [tasks, reports] = await Promise.all([streamOf('MH_T_'), streamOf('MH_R_')])
  /** Messages that the stream has stored so far; none while nobody answers for it. */
  const stored = (stream: string) =>
    cluster.ask(async manager => (await manager.streams.info(stream).catch(() => undefined))?.state.last_seq, 500)
  /** Resolves when the stream has stored more than it has now. */
  const moves = async (stream: string): Promise<void> => {
    const before = await until('answer', () => stored(stream))
    await until(`further message in ${stream}`, async () => (((await stored(stream)) ?? 0) > before ? true : undefined))
  }
  await Promise.all([tasks, reports].map(moves))
  const finish = async (): Promise<void> => {
    const { items, serial } = feeding.end()
    const end = await job
    t.is(end.code, 0, end.stderr)
    t.true((await readFile(output, 'utf8')) === serial, 'the output differs from a serial run')
    const receipt = JSON.parse(end.stderr.trim().split('\n').at(-1) ?? '')
    t.is(receipt.items, items)
    t.log(`${receipt.wall_seconds.toFixed(1)} s, ${receipt.reoffers} offered again, ${receipt.duplicates} items twice`)
    t.deepEqual(await cluster.streams(), [], 'streams are left')
  }
  return { cluster, tasks, reports, moves, finish, said: () => said }
}

test('a job survives the servers that lead its tasks and then its reports, byte for byte', async t => {
  const { cluster, tasks, reports, moves, finish, said } = await begin(t)
  for (const stream of [tasks, reports]) {
    const leader = await cluster.leaderOf(stream)
    const killed = performance.now()
    await cluster.kill(leader)
    await moves(tasks)
    await moves(reports)
    t.log(`${((performance.now() - killed) / 1000).toFixed(1)} s until both streams store again`)
    await cluster.restart(leader)
    await until('caught-up server', async () => ((await cluster.isWhole(tasks, reports)) ? true : undefined))
  }
  await finish()
  t.notRegex(said(), /was lost/)
})

test('a job says that one server of three does not store, and goes on when a second one is back', async t => {
  const { cluster, tasks, finish, said } = await begin(t)
  const doctor = (replicas: string) => ended(manyhands(['doctor', '--nats', cluster.url, '--replicas', replicas]))
  const tooMany = ['map', 'Math.sqrt', '--range', '0..9', '--nats', cluster.url, '--replicas', '5']
  const [refused, whole] = await Promise.all([ended(manyhands(tooMany)), doctor('3')])
  t.is(refused.code, 3)
  t.regex(refused.stderr, /--replicas cannot be had .*5 replicas need 5 servers .*\[MH-NATS-REPLICAS\]/)
  t.is(whole.code, 0, whole.stdout)
  t.regex(whole.stdout, /✓ cluster hands · up to 3 replicas[^\n]*\n✓ --replicas 3: jobs go on when any one of/)
  const leader = await cluster.leaderOf(tasks)
  const other = cluster.servers.find(server => server !== leader) ?? leader
  await Promise.all([leader, other].map(server => cluster.kill(server)))
  const broken = doctor('3')
  await until('word of it', () =>
    /does not store what this job sends: more than half/.test(said()) ? true : undefined,
  )
  const { code, stdout } = await broken
  t.is(code, 1)
  t.regex(stdout, /! NATS [^\n]* does not answer[\s\S]*✗ the cluster hands stores nothing now: more than half/)
  await cluster.restart(leader)
  await until('word of its end', () => (/stores again: the job goes on/.test(said()) ? true : undefined))
  await cluster.restart(other)
  // The servers may have made the stream that doctor tried when a second one was back; the next one takes it away.
  await until('a cluster that is whole, and nothing of doctor in it', async () => {
    const { code } = await doctor('3')
    const isClear = !(await cluster.streams()).some(name => name.startsWith('MH_D_'))
    return code === 0 && isClear ? true : undefined
  })
  await finish()
})
