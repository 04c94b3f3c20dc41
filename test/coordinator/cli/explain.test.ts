// explain, map --explain and bench as a user runs them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ended, manyhands } from '../../support/command.js'
import { stableServer } from '../../support/nats-binaries.js'
import { NatsServer } from '../../support/nats-server.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-explain-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const { PATH = '' } = process.env
const run = (...args: string[]) => ended(manyhands(args, { cwd: folder, env: { PATH, HOME: folder } }))

writeFileSync(
  join(folder, 'wait.js'),
  'export default async x => { await new Promise(go => setTimeout(go, 20)); if (x === 13) throw new Error("unlucky"); return x }\n',
)

test.serial('explain prints a table, and nothing but it on standard output', async t => {
  const { code, stdout, stderr } = await run('explain', 'wait.js', '--range', '100..2000', '--slots', '2')
  t.is(code, 0, stderr)
  t.is(stderr, '')
  t.regex(stdout, /^wait\.js {2}Sampled \d+ of 1,900 items in /)
  t.regex(stdout, /\n {2}inline \(a plain loop\) .* 1x {3}\S/)
  t.regex(stdout, /\n {2}local, 2 slots .* <- recommended\n/)
  const costs = JSON.parse(readFileSync(join(folder, '.cache/manyhands/costs.json'), 'utf8')) as { local: object }
  t.deepEqual(Object.keys(costs.local), ['node'])
})

test.serial('--json is one object, and --require exits with 4 when the best place does not keep it', async t => {
  const args = ['explain', 'wait.js', '--range', '100..2000', '--slots', '2', '--json']
  const { code, stdout } = await run(...args, '--require', 'speedup>=1.2')
  t.is(code, 0)
  const json = JSON.parse(stdout) as { schema: string; predictions: { place: string; slots: number }[] }
  t.is(json.schema, 'manyhands.explain/1')
  t.deepEqual(
    json.predictions.map(({ place, slots }) => `${place} ${slots}`),
    ['inline 1', 'local 1', 'local 2'],
  )
  const missed = await run(...args, '--require', 'speedup>=40')
  t.is(missed.code, 4)
  t.regex(missed.stderr, /^manyhands: predicted speedup is \S+, required is speedup>=40 \[MH-REQUIREMENT\]\n$/)
})

test.serial('a job that cannot run, or has no items, is told of as without explain', async t => {
  writeFileSync(join(folder, 'broken.js'), 'throw new Error("not today")\n')
  const broken = await run('explain', 'broken.js#f', '--range', '0..9')
  t.is(broken.code, 3)
  t.regex(broken.stderr, /MH-/)
  const empty = await run('explain', 'Math.sqrt', '--range', '0..0')
  t.is(empty.code, 3)
  t.regex(empty.stderr, /no item that could be tried.*\[MH-INPUT\]/)
})

test.serial('map --explain says first what it will take, and its output is that of map', async t => {
  const lines = Array.from({ length: 40 }, (_, nth) => `${nth}\n`).join('')
  writeFileSync(join(folder, 'numbers.jsonl'), lines)
  // One at a time, as in a sample: stacks tell how an item was called.
  const args = ['map', 'wait.js', '--input', 'numbers.jsonl', '--slots', '2', '--tagged', '--concurrency', '1']
  const explained = await run(...args, '--explain', '--json')
  t.is(explained.code, 1, explained.stderr)
  t.regex(explained.stderr, /^wait\.js {2}Sampled \d+ of 40 items[\s\S]*<- recommended[\s\S]*39 of 40 items/)
  t.regex(explained.stderr, /1 failed[\s\S]*unlucky\n {6}item 13\n/)
  const plain = await run(...args, '--quiet')
  t.is(explained.stdout, plain.stdout)
})

test.serial('map --explain does not begin a job that would not keep what is required', async t => {
  const args = [
    'map',
    'wait.js',
    '--range',
    '100..150',
    '--slots',
    '2',
    '--output',
    'none.jsonl',
    '--explain',
    '--quiet',
  ]
  const { code, stderr } = await run(...args, '--require', 'speedup>=40')
  t.is(code, 4)
  t.regex(stderr, /^manyhands: predicted speedup .*; the job is not begun \[MH-REQUIREMENT\]\n$/)
  t.throws(() => readFileSync(join(folder, 'none.jsonl')))
  const held = await run('map', 'wait.js', '--range', '100..110', '--quiet', '--slots', '1', '--require', 'time<=1ms')
  t.is(held.code, 4)
  t.regex(held.stderr, /time is .*, required is time<=1ms \[MH-REQUIREMENT\]\n$/)
  t.is(held.stdout.split('\n').length, 11, 'the results are there')
})

test.serial('standard input is read once, so that it cannot be looked ahead in', async t => {
  const { code, stderr } = await run('map', 'Math.sqrt', '--input', '-', '--explain')
  t.is(code, 2)
  t.regex(stderr, /--explain cannot look ahead in standard input/)
})

test.serial('with --nats the cluster is predicted too, and one without agents is named', async t => {
  const server = await NatsServer.start(await stableServer())
  const agent = manyhands(['agent', '--nats', server.url, '--slots', '3'], { cwd: folder, env: { PATH, HOME: folder } })
  const gone = ended(agent)
  try {
    await new Promise<void>(resolve => agent.stderr?.on('data', text => /lends 3 slots/.test(text) && resolve()))
    const args = ['explain', 'wait.js', '--range', '100..2000', '--nats', server.url]
    const { code, stdout, stderr } = await run(...args, '--json')
    t.is(code, 0, stderr)
    const json = JSON.parse(stdout) as { predictions: object[] }
    t.like(json.predictions.at(-1), { place: 'cluster', slots: 3 })
    agent.kill('SIGTERM')
    await gone
    const lonely = await run(...args, '--slots', '1')
    t.is(lonely.code, 0, lonely.stderr)
    t.regex(lonely.stdout, /No prediction for the cluster: /)
  } finally {
    agent.kill('SIGKILL')
    await gone
    await server.stop()
  }
})

test.serial('bench measures one runner in well under a minute', async t => {
  const { code, stdout, stderr } = await run('bench', '--runner', 'node', '--slots', '1', '--json')
  t.is(code, 0, stderr)
  const json = JSON.parse(stdout) as {
    schema: string
    curves: { shards: string; slots: number; points: { efficiency: number; task_seconds: number }[] }[]
  }
  t.is(json.schema, 'manyhands.bench/1')
  t.deepEqual(
    json.curves.map(({ shards, slots }) => `${shards} ${slots}`),
    ['one item 1', 'automatic 1'],
  )
  for (const { points } of json.curves) {
    t.true(points.length >= 1)
    t.true(points.every(({ efficiency, task_seconds }) => efficiency > 0 && task_seconds > 0))
  }
})
