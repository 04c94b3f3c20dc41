// A map that is ended at any moment, however it is, goes on: the output is the one that it would have had, and what was
// written is not run again. Items wait instead of computing, so that a busy machine says the same as an idle one.
import type { ChildProcess } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { Checkpoint } from '../../coordinator/durable/checkpoint.js'
import { type Ended, ended, manyhands } from '../support/command.js'
import { stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'manyhands-resume-'))
  readonly ran = join(this.folder, 'ran')
  readonly #own: ChildProcess[] = []

  constructor(t: ExecutionContext) {
    t.teardown(() => {
      for (const child of this.#own) child.kill('SIGKILL')
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    })
    mkdirSync(join(this.folder, 'state'))
    writeFileSync(this.ran, '')
  }

  at(name: string): string {
    return join(this.folder, name)
  }

  read(name: string): string {
    return readFileSync(this.at(name), 'latin1')
  }

  /** A function that waits for some milliseconds, writes down that it ran, and gives back what `value` says of `i`. */
  writeFunction(value: string, milliseconds = '2'): void {
    const source = `import { appendFileSync } from 'node:fs'
      const cell = new Int32Array(new SharedArrayBuffer(4))
      export const f = (item: number | string) => {
        const i = Number(item)
        Atomics.wait(cell, 0, 0, ${milliseconds})
        appendFileSync(${JSON.stringify(this.ran)}, i + '\\n')
        return ${value}
      }
      `
    writeFileSync(this.at('f.ts'), source)
  }

  start(...args: string[]): ChildProcess {
    const env = { ...process.env, XDG_STATE_HOME: this.at('state'), MANYHANDS_COSTS: 'off' }
    const child = manyhands(args, { cwd: this.folder, env })
    this.#own.push(child)
    return child
  }

  run(...args: string[]): Promise<Ended> {
    return ended(this.start(...args))
  }

  /** Starts it and kills it so long after its job was written down; says how it ended when the job was over by then. */
  async kill(milliseconds: number, ...args: string[]): Promise<Ended> {
    const child = this.start(...args)
    const end = ended(child)
    while (!this.hasJobs() && child.exitCode === null) await sleep(10)
    await Promise.race([end, sleep(milliseconds)])
    if (this.hasJobs()) child.kill('SIGKILL')
    return end
  }

  /** Starts it and kills it as soon as a part of its output is written down. */
  async killWritten(...args: string[]): Promise<void> {
    const child = this.start(...args)
    const end = ended(child)
    while (child.exitCode === null && (!this.hasJobs() || this.written().length === 0)) await sleep(20)
    child.kill('SIGKILL')
    await end
  }

  /**
   * Goes on with the one job there is, killed again and again, later each time, until it ends. What is written by then must
   * not run again.
   */
  async goOn(t: ExecutionContext, first: Ended, milliseconds: number): Promise<{ end: Ended; kills: number }> {
    let end = first
    let kills = 0
    for (; end.signal !== null; kills++) {
      t.true(kills < 20, 'it never ends')
      const written = this.written()
      const before = this.runs().length
      end = await this.kill(milliseconds * (1 + kills / 7), 'resume')
      const runs = this.runs().slice(before)
      const again = runs.filter(at => written.some(({ start, end }) => at >= start && at < end))
      t.deepEqual(again, [], 'what was written was run again')
    }
    return { end, kills }
  }

  /** The indices of the items in the order in which they ran. */
  runs(): number[] {
    return readFileSync(this.ran, 'utf8').split('\n').slice(0, -1).map(Number)
  }

  /** How many runs there were of items that had run before. */
  repeats(): number {
    const runs = this.runs()
    return runs.length - new Set(runs).size
  }

  /** Of the one job there is. */
  job(name: string): string {
    const [folder, ...others] = this.jobs()
    if (folder === undefined || others.length > 0) throw new Error(`not one job, but ${this.jobs().join() || 'none'}`)
    return join(this.at('state/manyhands/jobs'), folder, name)
  }

  /** Of those that are written down, whole. */
  jobs(): string[] {
    const jobs = this.at('state/manyhands/jobs')
    return existsSync(jobs) ? readdirSync(jobs).filter(name => !name.startsWith('.')) : []
  }

  written(): Checkpoint['written'] {
    const file = this.job('checkpoint.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Checkpoint).written : []
  }

  hasJobs(): boolean {
    return this.jobs().length > 0
  }
}

const ITEMS = 1500
const FORMATS: readonly (readonly [name: string, value: string, options: readonly string[]])[] = [
  ['out.jsonl', '{ i, text: "\\u00e9\\n" }', []],
  ['tagged.jsonl', 'i / 3', ['--tagged']],
  ['out.json', 'i % 7 === 0 ? fail(i) : [i]', []],
  ['out.csv', 'i < 20 || i % 97 === 0 ? fail(i) : { i, "a,b": i / 3 }', []],
  ['out.f64', 'Math.sqrt(i)', []],
]

for (const [output, value, options] of FORMATS)
  test.serial(`killed again and again, ${output} is what it would have been, byte by byte`, async t => {
    const place = new Place(t)
    place.writeFunction(value.replace('fail(i)', '(() => { throw new Error("no " + i) })()'))
    const asked = ['map', 'f.ts#f', '--range', `0..${ITEMS}`, ...options]
    const serial = await place.run(...asked, '--place', 'inline', '--output', `serial-${output}`)
    t.true([0, 1].includes(serial.code ?? -1), serial.stderr)
    writeFileSync(place.ran, '')

    const first = await place.kill(500, ...asked, '--slots', '2', '--job', 'one', '--output', output)
    t.false(existsSync(place.at(output)))
    const { end, kills } = await place.goOn(t, first, 700)
    t.is(end.code, serial.code, end.stderr)
    t.true(kills > 0, 'it was not killed')
    t.is(place.read(output), place.read(`serial-${output}`))
    t.log(`${kills} kills, ${place.repeats()} of ${ITEMS} items run again`)
    t.is(new Set(place.runs()).size, ITEMS)
    t.true(place.repeats() < ITEMS / 2)
    // What failed may be run again.
    t.is(place.hasJobs(), serial.code === 1)
    t.false(existsSync(place.at(`${output}.one.part`)))
  })

test.serial('unordered, every item is in the output once', async t => {
  const place = new Place(t)
  place.writeFunction('i', '(i % 50) / 5')
  const asked = ['f.ts#f', '--range', '0..1000', '--unordered', '--output', 'out.jsonl', '--job', 'u']
  const { end } = await place.goOn(t, await place.kill(700, 'map', ...asked), 900)
  t.is(end.code, 0, end.stderr)
  const values = place.read('out.jsonl').trimEnd().split('\n').map(Number)
  t.deepEqual(
    values.sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

test.serial('what is settled behind a slow first item is not run again either', async t => {
  const place = new Place(t)
  place.writeFunction('i', 'i === 0 ? 4000 : 2')
  const asked = ['f.ts#f', '--range', '0..900', '--slots', '2', '--output', 'out.jsonl', '--job', 's']
  const { signal } = await place.kill(2500, 'map', ...asked)
  t.is(signal, 'SIGKILL')
  t.deepEqual(place.written(), [])
  const before = place.runs().length
  t.true(before > 400, `${before} items ran`)
  const end = await place.run('resume')
  t.is(end.code, 0, end.stderr)
  t.is(place.read('out.jsonl'), Array.from({ length: 900 }, (_, i) => `${i}\n`).join(''))
  t.log(`${place.repeats()} of ${before} items run again`)
  t.true(place.repeats() < before / 4)
})

test.serial('Ctrl-C leaves what to do, and nothing at all is run again', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  const child = place.start('map', 'f.ts#f', '--range', '0..1500', '--output', 'out.jsonl', '--job', 'c')
  const stopped = ended(child)
  while (place.runs().length < 200) await sleep(20)
  child.kill('SIGINT')
  const { code, stderr } = await stopped
  t.is(code, 130)
  t.regex(stderr, /manyhands resume c goes on with it\./)
  const listed = await place.run('jobs')
  t.regex(
    listed.stdout,
    /^c {2}ended before its last item: manyhands resume c\n {2}[\d,]+ of 1,500 items written to out\.jsonl/,
  )
  const end = await place.run('resume', 'c')
  t.is(end.code, 0, end.stderr)
  t.regex(end.stderr, /1,500 of 1,500 items, [\d,]+ settled before, in/)
  t.is(place.repeats(), 0)
  t.is(place.runs().length, 1500)
  t.is((await place.run('jobs')).stdout, 'no job of this machine waits to be gone on with\n')
})

test.serial('a job goes on with its code as it was, from wherever it is asked', async t => {
  const place = new Place(t)
  place.writeFunction('"first " + i')
  writeFileSync(place.at('input.txt'), Array.from({ length: 800 }, (_, i) => `${i}\n`).join(''))
  await place.kill(900, 'map', 'f.ts#f', '--input', 'input.txt', '--output', 'out.jsonl', '--job', 'code')
  place.writeFunction('"second " + i')
  const env = { ...process.env, XDG_STATE_HOME: place.at('state') }
  const end = await ended(manyhands(['resume', 'code', '--slots', '2', '--json'], { cwd: tmpdir(), env }))
  t.is(end.code, 0, end.stderr)
  t.is(place.read('out.jsonl'), Array.from({ length: 800 }, (_, i) => `"first ${i}"\n`).join(''))
  t.is((JSON.parse(end.stderr.trimEnd().split('\n').at(-1) as string) as { failed: number }).failed, 0)
})

test.serial('an input that has changed is refused, with what has changed', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  const lines = Array.from({ length: 800 }, (_, i) => `${i}\n`).join('')
  const file = place.at('input.txt')
  writeFileSync(file, lines)
  utimesSync(file, 1000, 1000)
  await place.kill(900, 'map', 'f.ts#f', '--input', 'input.txt', '--output', 'out.jsonl', '--job', 'in')
  const refused = async (what: RegExp): Promise<void> => {
    const { code, stderr } = await place.run('resume', 'in')
    t.is(code, 3)
    t.regex(stderr, what)
    t.regex(stderr, /MH-JOB-CHANGED/)
  }
  appendFileSync(file, '7\n')
  await refused(/input\.txt, is not what it was when the job began: it has 3092 bytes, and had 3090/)
  writeFileSync(file, lines.replace('7', '8'))
  await refused(/its content is another one/)
  writeFileSync(file, lines)
  await refused(/it was written to at /)
  rmSync(file)
  await refused(/ENOENT/)
  writeFileSync(file, lines)
  utimesSync(file, 1000, 1000)
  t.is((await place.run('resume', 'in')).code, 0)
  t.is(place.read('out.jsonl'), lines)
})

test.serial('a job that runs is nobody else’s; of two that go on with it one does', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  const asked = ['map', 'f.ts#f', '--range', '0..6000', '--output', 'out.jsonl', '--job', 'busy']
  const child = place.start(...asked)
  const first = ended(child)
  while (place.runs().length < 100) await sleep(20)
  for (const command of ['resume', 'cancel']) {
    const { code, stderr } = await place.run(command, 'busy')
    t.is(code, 3)
    t.regex(stderr, new RegExp(`the job busy is running, as process ${child.pid} of this machine \\[MH-JOB-RUNNING\\]`))
  }
  const same = await place.run(...asked)
  t.is(same.code, 2)
  t.regex(same.stderr, /there is a job busy already, which has not ended \[MH-JOB-NAME\]/)
  child.kill('SIGKILL')
  await first
  const two = await Promise.all([place.run('resume', 'busy'), place.run('resume', 'busy')])
  t.deepEqual(two.map(({ code }) => code).sort(), [0, 3])
  t.is(place.read('out.jsonl'), Array.from({ length: 6000 }, (_, i) => `${i}\n`).join(''))
})

test.serial('an output that got its name just before the end is left as it is', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  // In its middle: the last checkpoint is what says that it is whole.
  await place.killWritten('map', 'f.ts#f', '--range', '0..3000', '--output', 'out.jsonl', '--job', 'whole')
  const file = place.job('checkpoint.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), isWhole: true }))
  // Somebody else's output is not taken for the job's own.
  writeFileSync(place.at('out.jsonl'), 'another')
  renameSync(place.at('out.jsonl.whole.part'), place.at('mine'))
  const other = await place.run('resume')
  t.is(other.code, 3)
  t.regex(other.stderr, /out\.jsonl\.whole\.part: it is gone, and what was written with it/)
  renameSync(place.at('mine'), place.at('out.jsonl'))
  const before = place.read('out.jsonl')
  const end = await place.run('resume')
  t.is(end.code, 0)
  t.regex(end.stderr, /out\.jsonl was whole already/)
  t.is(place.read('out.jsonl'), before)
  t.false(place.hasJobs())
})

for (const [output, options] of [
  ['out.jsonl', []],
  ['tagged.jsonl', ['--tagged']],
  ['out.json', []],
  ['out.csv', []],
  ['out.f64', []],
] as const)
  test.serial(`the failed items of ${output} are run again, and stand in their places`, async t => {
    const place = new Place(t)
    const value = output.endsWith('f64') ? 'i / 3' : '{ i, "a,b": "x\\n" + i }'
    const asked = ['f.ts#f', '--range', '0..600', ...options]
    place.writeFunction(value, '0.1')
    t.is((await place.run('map', ...asked, '--place', 'inline', '--output', `serial-${output}`)).code, 0)

    // Fails where there is no file: the code of a job stays as it was.
    const healed = place.at('healed')
    const isThere = `require('node:fs').existsSync(${JSON.stringify(healed)} + (i % 2))`
    place.writeFunction(`i % 10 < 4 && i > 0 && !${isThere} ? (() => { throw new Error('no') })() : ${value}`, '0.1')
    const first = await place.run('map', ...asked, '--output', output, '--job', 'r')
    t.is(first.code, 1, first.stderr)
    t.regex(first.stderr, /manyhands resume r --retry-failed runs what failed again\./)
    t.regex((await place.run('jobs')).stdout, /r {2}has items that failed: manyhands resume r --retry-failed/)
    const plain = await place.run('resume', 'r')
    t.is(plain.code, 1)
    t.regex(plain.stderr, /was whole already; 239 items failed/)

    writeFileSync(place.ran, '')
    writeFileSync(`${healed}1`, '')
    const second = await place.run('resume', 'r', '--retry-failed')
    t.is(second.code, 1, second.stderr)
    t.deepEqual(
      place.runs().sort((a, b) => a - b),
      Array.from({ length: 600 }, (_, i) => i).filter(i => i % 10 < 4 && i > 0),
    )
    t.regex(second.stderr, /119 failed/)
    // Which of them are listed is a matter of which came first; their places are those in the whole.
    const listed = /items ([\d, ]+)/.exec(second.stderr)?.[1]?.split(', ').map(Number) ?? []
    t.is(listed.length, 20)
    t.true(listed.every(i => i % 10 < 4 && i % 2 === 0 && i > 0))
    writeFileSync(place.ran, '')
    writeFileSync(`${healed}0`, '')
    const third = await place.run('resume', 'r', '--retry-failed')
    t.is(third.code, 0, third.stderr)
    t.is(place.runs().length, 119)
    t.is(place.read(output), place.read(`serial-${output}`))
    t.false(place.hasJobs())
  })

test.serial('what failed is run again by a mended function, that of the folder where it is named', async t => {
  const place = new Place(t)
  place.writeFunction("i % 5 === 3 ? (() => { throw new Error('no') })() : i * 2", '0')
  const asked = ['f.ts#f', '--range', '0..40', '--output', 'out.jsonl', '--job', 'm']
  t.is((await place.run('map', ...asked)).code, 1)

  mkdirSync(place.at('elsewhere'))
  writeFileSync(place.at('elsewhere/mended.ts'), "export const g = (i: number) => 'mended ' + i\n")
  const going = (...more: string[]) => {
    const env = { ...process.env, XDG_STATE_HOME: place.at('state'), MANYHANDS_COSTS: 'off' }
    return ended(manyhands(['resume', 'm', ...more], { cwd: place.at('elsewhere'), env }))
  }
  const alone = await going('mended.ts#g')
  t.is(alone.code, 2)
  t.regex(alone.stderr, /its items would be of two functions \[MH-USAGE-CONFLICT\]\n.*--retry-failed/)
  t.is((await going('missing.ts#g', '--retry-failed')).code, 3)
  const before = place.runs().length
  const mended = await going('mended.ts#g', '--retry-failed')
  t.is(mended.code, 0, mended.stderr)
  t.is(place.runs().length, before, 'the function as it was ran again')
  const values = Array.from({ length: 40 }, (_, i) => `${i % 5 === 3 ? `"mended ${i}"` : i * 2}\n`)
  t.is(place.read('out.jsonl'), values.join(''))
  t.false(place.hasJobs())
})

test.serial('jobs into the same output leave each other alone', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  const asked = ['f.ts#f', '--output', 'out.jsonl', '--slots', '2']
  await place.kill(900, 'map', ...asked, '--range', '0..1500', '--job', 'x')
  await place.kill(900, 'map', ...asked, '--range', '5000..6500', '--job', 'y')
  t.is((await place.run('map', ...asked, '--range', '0..3')).code, 0)
  const x = await place.run('resume', 'x')
  t.is(x.code, 0, x.stderr)
  t.is(place.read('out.jsonl'), Array.from({ length: 1500 }, (_, i) => `${i}\n`).join(''))
  t.is((await place.run('cancel', 'y')).code, 0)
  t.false(existsSync(place.at('out.jsonl.y.part')))
  t.is(place.read('out.jsonl').length, 6390)
})

test.serial('a job that ended at a failure says how to go on, and does', async t => {
  const place = new Place(t)
  place.writeFunction("i === 300 ? (() => { throw new Error('no') })() : i")
  const asked = ['f.ts#f', '--range', '0..900', '--output', 'out.jsonl', '--job', 'stop']
  const stopped = await place.run('map', ...asked, '--on-error', 'stop')
  t.is(stopped.code, 1)
  t.regex(stopped.stderr, /manyhands resume stop --on-error collect goes on with it\./)
  const end = await place.run('resume', 'stop', '--max-failures', '5')
  t.is(end.code, 1, end.stderr)
  const values = Array.from({ length: 900 }, (_, i) => `${i === 300 ? 'null' : i}\n`)
  t.is(place.read('out.jsonl'), values.join(''))
})

test.serial('what is written down of a job and damaged is told of, with what to do', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  await place.killWritten('map', 'f.ts#f', '--range', '0..20000', '--output', 'out.jsonl', '--job', 'torn')
  writeFileSync(place.job('checkpoint.json'), '{"output"')
  const end = await place.run('resume', 'torn')
  t.is(end.code, 3)
  t.regex(end.stderr, /checkpoint\.json is damaged, .*: delete .*torn, and the \.part of its output \[MH-JOB-FOLDER\]/)
  writeFileSync(place.job('record.json'), '')
  t.regex((await place.run('resume', 'torn')).stderr, /record\.json is damaged, .*\[MH-JOB-FOLDER\]/)
})

test.serial('what cannot be gone on with is refused before anything is run', async t => {
  const place = new Place(t)
  place.writeFunction('i')
  const refused = async (args: readonly string[], what: RegExp): Promise<void> => {
    const { code, stderr } = await place.run('map', 'f.ts#f', '--job', 'x', ...args)
    t.is(code, 2)
    t.regex(stderr, what)
  }
  await refused(['--range', '0..9'], /standard output cannot be taken back/)
  await refused(['--range', '0..9', '--output', '/dev/null'], /\/dev\/null is no file/)
  await refused(['--input', '-', '--output', 'o.jsonl'], /standard input cannot be read a second time/)
  await refused(['--range', '0..9', '--output', 'o.jsonl', '--place', 'inline'], /give --place local/)
  await refused(['--range', '0..9', '--output', 'o.jsonl', '--explain'], /--explain runs a part of the items/)
  await refused(['--range', '0..9', '--output', 'o.jsonl', '--job', '../x'], /expected 1 to 64 letters/)
  const none = await place.run('resume', 'nothing')
  t.is(none.code, 2)
  t.regex(none.stderr, /there is no job nothing \[MH-JOB-UNKNOWN\]/)
  t.false(place.hasJobs())
  t.deepEqual(place.runs(), [])
})

test.serial('over NATS, a coordinator that is killed again and again leaves a job that goes on', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const place = new Place(t)
  place.writeFunction('i * i', '4')
  const agents = ['a', 'b'].map(name => place.start('agent', '--nats', server.url, '--slots', '2', '--name', name))
  const asked = ['f.ts#f', '--range', '0..2000', '--output', 'out.jsonl', '--nats', server.url]
  const first = await place.kill(1200, 'map', ...asked)
  const { end, kills } = await place.goOn(t, first, 1500)
  t.true(kills > 0)
  t.is(end.code, 0, end.stderr)
  t.is(place.read('out.jsonl'), Array.from({ length: 2000 }, (_, i) => `${i * i}\n`).join(''))
  t.log(`${kills} kills, ${place.repeats()} of 2000 items run again`)
  t.true(place.repeats() < 1000)
  t.deepEqual(await server.streams(), [])
  for (const agent of agents) agent.kill('SIGTERM')
})

test.serial('over NATS, a job that cannot be written down runs all the same', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const place = new Place(t)
  place.writeFunction('i')
  place.start('agent', '--nats', server.url, '--slots', '1')
  writeFileSync(place.at('file'), '')
  const asked = ['f.ts#f', '--range', '0..50', '--output', 'out.jsonl', '--nats', server.url, '--state', 'file']
  const end = await place.run('map', ...asked)
  t.is(end.code, 0, end.stderr)
  t.regex(end.stderr, /the job cannot be written down in .*file, nor gone on with: .*(ENOTDIR|EEXIST)/)
  t.is(place.read('out.jsonl').trimEnd().split('\n').length, 50)
  const named = await place.run('map', ...asked, '--job', 'x')
  t.is(named.code, 2)
  t.regex(named.stderr, /MH-JOB-NAME/)
})

test.serial('over NATS, a job that is given up leaves nothing behind', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const place = new Place(t)
  place.writeFunction('i')
  place.start('agent', '--nats', server.url, '--slots', '1')
  const asked = ['f.ts#f', '--range', '0..5000', '--output', 'out.jsonl', '--nats', server.url, '--job', 'gone']
  const { signal } = await place.kill(2500, 'map', ...asked)
  t.is(signal, 'SIGKILL')
  t.not((await server.streams()).length, 0)
  t.true(existsSync(place.at('out.jsonl.gone.part')))
  const end = await place.run('cancel', 'go')
  t.is(end.code, 0, end.stderr)
  t.is(end.stdout, 'gone is given up\n')
  t.deepEqual(await server.streams(), [])
  t.false(existsSync(place.at('out.jsonl.gone.part')))
  t.false(place.hasJobs())
})
