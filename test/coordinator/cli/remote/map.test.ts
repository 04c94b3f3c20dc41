// A map that a daemon runs, with the daemon's desk in this process; the outputs are held against those of the command itself.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Fault } from '../../../../coordinator/cli/fault.js'
import { askedOf } from '../../../../coordinator/cli/remote/asked.js'
import { mapOn } from '../../../../coordinator/cli/remote/map.js'
import { resultsOn } from '../../../../coordinator/cli/remote/results.js'
import { submitTo } from '../../../../coordinator/cli/remote/submit.js'
import { watchOn } from '../../../../coordinator/cli/remote/watch.js'
import { ended, manyhands } from '../../../support/command.js'
import { MemoryDesk } from '../../../support/memory-desk.js'
import { invoked, openStage, settingsOf } from './stage.js'

const SOURCE = `
export const half = (i: number) => {
  if (i % 7 === 3) throw new Error('no ' + i)
  return { i, half: i / 2 }
}
export const slow = (i: number) => new Promise(resolve => setTimeout(() => resolve(i), 20))
export const length = (item: unknown) => JSON.stringify(item).length
let factor = 0
export const prepare = (shared: { factor: number }) => {
  factor = shared.factor
}
export const scaled = (i: number) => i * factor
`

const open = (t: ExecutionContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-remote-'))
  const desk = new MemoryDesk()
  t.teardown(async () => {
    await desk.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('f.ts'), SOURCE)
  const stage = openStage()
  const map = async (fn: string, flags: Readonly<Record<string, unknown>>): Promise<number> => {
    const invocation = invoked('map', [fn.includes('.') ? fn : `${at('f.ts')}#${fn}`], flags)
    return mapOn(desk, invocation.settings, await askedOf(invocation), stage.speech)
  }
  const submit = async (fn: string, flags: Readonly<Record<string, unknown>> = {}): Promise<number> => {
    const invocation = invoked('submit', [`${at('f.ts')}#${fn}`], flags)
    return submitTo(desk, invocation.settings, await askedOf(invocation), stage.speech)
  }
  return { ...stage, folder, desk, at, map, submit }
}

const CASES: readonly (readonly [output: string, fn: string, flags: Readonly<Record<string, string | boolean>>])[] = [
  ['out.jsonl', 'half', { range: '0..50' }],
  ['tagged.jsonl', 'half', { range: '0..50', tagged: true }],
  ['out.json', 'half', { range: '20..0..-1' }],
  ['out.csv', 'half', { range: '0..50' }],
  ['out.f64', 'Math.sqrt', { range: '0..5_000' }],
  ['lines.jsonl', 'length', { input: 'words.txt' }],
  ['rows.jsonl', 'length', { input: 'rows.csv' }],
  ['forced.jsonl', 'length', { input: 'words.txt', format: 'jsonl' }],
  ['globbed.jsonl', 'length', { glob: '*.c*' }],
  ['scaled.jsonl', 'scaled', { range: '0..9', init: 'prepare', shared: 'shared.json' }],
]

for (const [output, fn, flags] of CASES)
  test.serial(`the output of a daemon's job is that of map here, byte by byte: ${output}`, async t => {
    const { desk, at, map, folder, err } = open(t)
    writeFileSync(at('words.txt'), '"one"\ntwo\n"three"\n')
    writeFileSync(at('rows.csv'), 'a,b\n1,"x\ny"\n2,z\n')
    writeFileSync(at('shared.json'), '{ "factor": 3 }')
    const args = Object.entries(flags).flatMap(([key, value]) =>
      value === true ? [`--${key}`] : [`--${key}`, `${value}`],
    )
    const reference = fn.includes('.') ? fn : `f.ts#${fn}`
    const here = await ended(manyhands(['map', reference, ...args, '--output', `here-${output}`], { cwd: folder }))
    t.true([0, 1].includes(here.code ?? -1), here.stderr)
    const cwd = process.cwd()
    process.chdir(folder)
    try {
      t.is(await map(reference, { ...flags, output }), here.code ?? -1, err())
    } finally {
      process.chdir(cwd)
    }
    t.deepEqual(readFileSync(at(output)), readFileSync(at(`here-${output}`)))
    t.false(existsSync(at(`${output}.part`)))
    t.deepEqual(desk.heard, ['submit 1', 'forget 1'])
    t.deepEqual(await desk.jobs(), [])
    if (here.code === 1) t.regex(err(), /Failed/)
  })

test.serial('unordered, every value is there once', async t => {
  const { at, map } = open(t)
  t.is(await map('half', { range: '0..100', output: at('u.jsonl'), unordered: true, tagged: true }), 1)
  const lines = readFileSync(at('u.jsonl'), 'utf8').trimEnd().split('\n')
  const indices = lines.map(line => (JSON.parse(line) as { index: number }).index)
  t.deepEqual(
    indices.sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test.serial('a job that stops at too many failures is kept by the daemon, and its part here', async t => {
  const { desk, at, map, err } = open(t)
  t.is(await map('half', { range: '0..5000', output: at('s.jsonl'), onError: 'stop', shardSize: '5' }), 1)
  t.regex(err(), /\[MH-JOB-STOPPED\]/)
  t.regex(
    err(),
    /what was settled is kept in .*s\.jsonl\.part\. manyhands resume 1 --coordinator 127\.0\.0\.1:4270 goes on/,
  )
  t.false(existsSync(at('s.jsonl')))
  t.true('0\n'.length <= readFileSync(at('s.jsonl.part'), 'utf8').length)
  t.is((await desk.jobs())[0]?.state, 'stopped')
})

test.serial('Ctrl-C leaves the job to the daemon, says how to go on, and takes the part away', async t => {
  const { desk, at, map, err } = open(t)
  const output = at('left.jsonl')
  const mapping = map('slow', { range: '0..400', output, shardSize: '2' })
  while (((await desk.jobs())[0]?.settled ?? 0) < 4) await new Promise(resolve => setTimeout(resolve, 10))
  process.emit('SIGINT')
  t.is(await mapping, 130)
  t.regex(err(), /job 1, f\.ts#slow, goes on without this command/)
  for (const command of ['watch', 'results', 'cancel'])
    t.true(err().includes(`  manyhands ${command} 1 --coordinator 127.0.0.1:4270 `))
  t.false(existsSync(output))
  t.false(existsSync(`${output}.part`))
  t.is((await desk.jobs())[0]?.state, 'running')
  t.deepEqual(desk.heard, ['submit 1'])
  await desk.cancel((await desk.jobs())[0]?.id ?? '', 'enough')
})

test.serial('an output that cannot be written is told before a job is submitted', async t => {
  const { desk, at, map } = open(t)
  const error = await t.throwsAsync(map('half', { range: '0..9', output: at('missing/out.jsonl') }))
  t.true(error instanceof Fault && error.code === 'MH-OUTPUT')
  t.deepEqual(desk.heard, [])
})

test.serial('submit prints the id alone, and what follows can be asked for later', async t => {
  const { desk, at, submit, speech, out, err } = open(t)
  t.is(await submit('half', { range: '0..20', name: 'halves', weight: '3', priority: '-2' }), 0)
  t.is(out(), 'b1-half\n')
  t.regex(err(), /^job 1, halves, is the daemon's:\n {2}manyhands watch 1 --coordinator/)
  t.is(await watchOn(desk, settingsOf('watch'), 'halves', speech), 1)
  t.regex(err(), /halves {2}✗ 17 of 20 items in .*; 3 failed/)
  const settings = settingsOf('results', { output: at('r.jsonl') })
  t.is(await resultsOn(desk, settings, 'last', speech), 1)
  const values = Array.from({ length: 20 }, (_, i) => (i % 7 === 3 ? 'null' : JSON.stringify({ i, half: i / 2 })))
  t.is(readFileSync(at('r.jsonl'), 'utf8'), `${values.join('\n')}\n`)
  const later = settingsOf('results', { output: at('l.jsonl'), start: '15' })
  await resultsOn(desk, later, '1', speech)
  t.is(readFileSync(at('l.jsonl'), 'utf8'), `${values.slice(15).join('\n')}\n`)
  t.is((await desk.jobs())[0]?.weight, 3)
  t.is((await desk.jobs())[0]?.priority, -2)
})

test.serial('--settled-only writes what there is of a job that runs, and waits for nothing', async t => {
  const { desk, at, submit, speech, err } = open(t)
  await submit('slow', { range: '0..400', shardSize: '2' })
  while (((await desk.jobs())[0]?.settled ?? 0) < 6) await new Promise(resolve => setTimeout(resolve, 10))
  const settings = settingsOf('results', { output: at('so.jsonl'), settledOnly: true, tagged: true })
  t.is(await resultsOn(desk, settings, '1', speech), 0)
  const lines = readFileSync(at('so.jsonl'), 'utf8').trimEnd().split('\n')
  t.true(lines.length >= 6 && lines.length < 400)
  t.regex(err(), /slow: \d+ of 400 items are settled so far/)
  await desk.cancel('b1-slow', 'enough')
  t.is(await watchOn(desk, settingsOf('watch'), '1', speech), 3)
  t.regex(err(), /cancelled\n {2}enough \[MH-JOB-CANCELLED\]/)
})

test.serial('watch --json is one object a line, the last one the end', async t => {
  const { desk, submit, speech, out } = open(t)
  await submit('half', { range: '0..20', json: true })
  const { number, id } = JSON.parse(out()) as { number: number; id: string }
  t.deepEqual([number, id], [1, 'b1-half'])
  const before = out().length
  await watchOn(desk, settingsOf('watch', { json: true }), '1', speech)
  const views = out()
    .slice(before)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  t.is(views.at(-1)?.['state'], 'done')
  t.is(views.at(-1)?.['settled'], 20)
  t.true(views.slice(0, -1).every(view => view['state'] === 'running'))
})
