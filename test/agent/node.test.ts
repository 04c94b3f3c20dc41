import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { packValues, unpackItems } from '../../proto/items.js'
import type { JobSpec } from '../../proto/shard.js'
import { runnerContract } from '../runner.contract.js'
import { ALIKE, type Code, range, Seat, values, writeFolder } from './seat.js'

const folder = writeFolder({
  'functions.mjs': `
    import { writeSync, closeSync } from 'node:fs'
    const wait = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))
    const onFive = act => x => { if (x === 5) act(); return x }
    export const same = x => x
    export const failing = onFive(() => { throw new RangeError('it is five', { cause: new Error('the cause') }) })
    export const dying = onFive(() => process.exit(3))
    export const slow = x => { const end = performance.now() + 60; while (performance.now() < end); return x }
    export const hanging = onFive(() => { for (;;); })
    export const printing = x => { console.error('item ' + x); return x }
    export const waiting = async x => { await wait(x % 2 === 0 ? 0.15 : 0.05); return x }
    export const stuck = async x => { await (x === 5 ? new Promise(() => {}) : wait(0.02)); return x }
    export const falling = async x => {
      await wait(0.02)
      if (x === 7) process.exit(3)
      if (x === 5) throw new RangeError('it is five')
      return x
    }
    export const asyncSame = async x => { if (x === 5) throw new Error('it is five'); await wait(0.001); return x }
    export const mixed = x => x % 3 === 0 ? x : x % 3 === 1 ? String(x) : Promise.resolve(-x)
    export const odd = x => [new Map(), () => 1, Symbol('s'), undefined, null, NaN, -0, 10n ** 30n][x]
    export const shapes = x => x % 1000 === 700 ? { other: x } : x % 1000 === 300 ? { x, f() {} } : { x, y: x / 2 }
    export const changed = (kept => x => { kept.x = x; kept.list[0] = x; return kept })({ x: 0, list: [0] })
    export const reused = (buffer => x => { buffer[0] = x; return buffer })(new Uint8Array(1))
    export const throwing = x => { throw [1, 'text', null, undefined, { toString: null }][x] }
    export const add = (a, b) => a + b
    export const double = x => { if (x === 5) throw new Error('it is five'); return 2 * x }
    export const counted = (n => x => ++n)(0)
    export const floods = x => { for (let i = 0; i < 20000; i++) process.stdout.write('line of a flood\\n'); return x }
    export const fakes = x => { process.stdout.write('MWK1 {"last":true}\\n\\0\\0'); return x }
    let given = 'nothing'
    export const init = value => { given = value }
    export const badInit = async () => { throw new Error('no init today') }
    export const given_ = () => given
    export const nothing = 5

    const sleep = new Int32Array(new SharedArrayBuffer(4))
    export const deaths = {
      exit0: () => process.exit(0),
      exit3: () => process.exit(3),
      abort: () => process.abort(),
      segv: () => { process.kill(process.pid, 'SIGSEGV'); Atomics.wait(sleep, 0, 0, 1000) },
      kill: () => { process.kill(process.pid, 'SIGKILL'); Atomics.wait(sleep, 0, 0, 1000) },
      term: () => { process.kill(process.pid, 'SIGTERM'); Atomics.wait(sleep, 0, 0, 1000) },
      rejection: () => { Promise.reject(new Error('nobody cares')) },
      uncaught: () => { setImmediate(() => { throw new Error('out of nowhere') }); return wait(1) },
      garbage: () => { writeSync(3, 'hello there, this is no frame at all') },
      closes: () => { closeSync(3); return wait(20) },
      patches: () => { Buffer.allocUnsafe = undefined },
      memory: () => { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)) },
    }
    export const die = ([how, x]) => x === 5 ? deaths[how](x) : x
  `,
})

const code = (name: string, spec: Partial<JobSpec> = {}): Code => ({
  spec: { entry: 'functions.mjs', function: name, ...spec },
  folder,
})

runnerContract(test, {
  runner: 'node',
  back: x => x,
  code: {
    same: code('same'),
    failing: code('failing'),
    dying: code('dying'),
    slow: code('slow'),
    hanging: code('hanging'),
    printing: code('printing'),
    waiting: code('waiting'),
    stuck: code('stuck'),
    falling: code('falling'),
  },
})

test('values of every kind and form come back as they were', async t => {
  const seat = new Seat(t, 'node')
  const load = seat.load(code('same'))
  const kinds = [
    [1, 2, -3],
    [0.5, -0, Number.NaN, Number.POSITIVE_INFINITY],
    [1, 0.5, -0, 2 ** 60],
    ['a', 'é\n"\u2028😀', ''],
    [null, true, [1, [2]], { a: { b: [null] } }],
    [2n ** 62n, 1n],
    [10n ** 40n],
    [new Uint8Array([0, 255])],
    [undefined, [undefined]],
    [{ $number: 'NaN' }, { $escape: 1 }, { $bytes: 3 }],
    [JSON.parse('{"__proto__":{"x":1}}')],
  ]
  for (const kind of kinds) {
    const items = packValues(kind).items
    const ran = await seat.run(load, items)
    t.deepEqual(ran.values, unpackItems(items), JSON.stringify(items.form))
  }
  t.is((await seat.run(load, { form: 'f64', values: Float64Array.of(0.5, 7) })).parts[0]?.values.form, 'f64')
  await seat.worker.close(5)
})

test('objects with the same keys come back as records where that is wanted, else as lines', async t => {
  const seat = new Seat(t, 'node')
  const same = code('same')
  for (const [form, takesRecords] of [
    ['records', true],
    ['json', false],
  ] as const) {
    const load = seat.load({ ...same, spec: { ...same.spec, takesRecords } })
    for (const list of ALIKE) {
      const items = packValues(list).items
      t.is(items.form, 'records')
      const ran = await seat.run(load, items)
      t.deepEqual(ran.values, list)
      t.true(ran.parts.every(part => part.values.form === form))
    }
  }
  await seat.worker.close(5)
})

test('an object unlike those before it changes nothing of what they are, nor does what becomes of an object', async t => {
  const seat = new Seat(t, 'node')
  const recording = ({ spec, ...rest }: Code): Code => ({ ...rest, spec: { ...spec, takesRecords: true } })
  const ran = await seat.run(seat.load(recording(code('shapes'))), range(3000))
  t.deepEqual(
    ran.failures.map(({ index, message }) => [index, message.slice(0, 21)]),
    [300, 1300, 2300].map(index => [index, 'value.f is a function']),
  )
  const expected = Array.from({ length: 3000 }, (_, x) => (x % 1000 === 700 ? { other: x } : { x, y: x / 2 }))
  t.deepEqual(
    ran.values,
    expected.filter((_, x) => x % 1000 !== 300),
  )
  const changed = await seat.run(seat.load(recording(code('changed'))), range(100))
  t.deepEqual(
    changed.values,
    Array.from({ length: 100 }, (_, x) => ({ x, list: [x] })),
  )
  await seat.worker.close(5)
})

test('promises are awaited, and results of all kinds may be mixed', async t => {
  const seat = new Seat(t, 'node')
  const ran = await seat.run(seat.load(code('asyncSame')), range(8))
  t.deepEqual(ran.values, [0, 1, 2, 3, 4, 6, 7])
  t.is(ran.failures[0]?.index, 5)
  const mixed = await seat.run(seat.load(code('mixed')), range(3000))
  t.deepEqual(
    mixed.values,
    Array.from({ length: 3000 }, (_, x) => (x % 3 === 0 ? x : x % 3 === 1 ? String(x) : -x)),
  )
  await seat.worker.close(5)
})

test("a result without a form is that item's failure; one that is changed later keeps what it was", async t => {
  const seat = new Seat(t, 'node')
  const odd = await seat.run(seat.load(code('odd')), range(8))
  t.deepEqual(
    odd.failures.map(failure => [failure.index, failure.reason]),
    [
      [0, 'undecodable'],
      [1, 'undecodable'],
      [2, 'undecodable'],
    ],
  )
  t.deepEqual(odd.values, [undefined, null, Number.NaN, -0, 10n ** 30n])
  const reused = await seat.run(seat.load(code('reused')), range(100))
  t.deepEqual(
    reused.values,
    Array.from({ length: 100 }, (_, x) => new Uint8Array([x])),
  )
  await seat.worker.close(5)
})

test("a failure carries the remote stack with its causes and without the runner's frames", async t => {
  const seat = new Seat(t, 'node')
  const failing = await seat.run(seat.load(code('failing')), range(6))
  const { message, stack } = failing.failures[0] ?? {}
  t.is(message, 'RangeError: it is five')
  t.regex(stack ?? '', /functions\.mjs:\d+/)
  t.regex(stack ?? '', /Caused by: Error: the cause/)
  t.notRegex(stack ?? '', /agent\/runner|node:internal/)
  const thrown = await seat.run(seat.load(code('throwing')), range(5))
  t.deepEqual(
    thrown.failures.map(failure => failure.message),
    ['threw 1', "threw 'text'", 'threw null', 'threw undefined', 'threw { toString: null }'],
  )
  await seat.worker.close(5)
})

test('a text that is no JSON is undecodable, alone', async t => {
  const seat = new Seat(t, 'node')
  const ran = await seat.run(seat.load(code('same')), {
    form: 'json',
    count: 3,
    text: Buffer.from('"a"\n{oops\n"c"\n'),
  })
  t.deepEqual(ran.values, ['a', 'c'])
  t.like(ran.failures[0], { index: 1, reason: 'undecodable' })
  await seat.worker.close(5)
})

test('arguments are spread, built-ins are found by their names, init is given what is shared', async t => {
  const seat = new Seat(t, 'node')
  t.deepEqual((await seat.run(seat.load(code('add', { spread: true })), values([1, 2], ['a', 'b']))).values, [3, 'ab'])
  t.deepEqual((await seat.run(seat.load({ spec: { function: 'Math.sqrt' } }), range(3, 0))).values, [0, 1, Math.SQRT2])
  const sharedFile = join(folder, 'shared.json')
  writeFileSync(sharedFile, '{"table":[1,2]}')
  const shared = { blob: { sha256: '', sizeBytes: 0 }, kind: 'json' } as const
  const load = seat.load({ ...code('given_', { init: 'init', shared }), sharedFile })
  t.deepEqual((await seat.run(load, range(1))).values, [{ table: [1, 2] }])
  await seat.worker.close(5)
})

test('code that cannot be used is refused with the reason, and the worker lives on', async t => {
  const seat = new Seat(t, 'node')
  for (const each of [
    code('missing'),
    code('nothing'),
    code('same', { entry: 'gone.mjs' }),
    code('same', { init: 'badInit' }),
  ])
    seat.load(each)
  seat.load({ spec: { function: 'Math.root' } })
  const ran = await seat.run(seat.load(code('same')), range(2))
  t.deepEqual(ran.values, [0, 1])
  const refused = seat.events.flatMap(event => (event.type === 'refused' ? [event.failure.message] : []))
  t.regex(refused[0] ?? '', /no export 'missing'; its functions: .*same/)
  t.regex(refused[1] ?? '', /'nothing'/)
  t.regex(refused[2] ?? '', /gone\.mjs/)
  t.regex(refused[3] ?? '', /no init today/)
  t.regex(refused[4] ?? '', /no built-in function Math\.root/)
  await seat.worker.close(5)
})

test('a fold gives one value for the whole span, or the failure of the item that ended it', async t => {
  const seat = new Seat(t, 'node')
  const sum = await seat.run(seat.load(code('add', { operation: 'fold' })), range(1001))
  t.deepEqual([sum.values, sum.parts.length, sum.reported], [[500500], 1, 1001])
  const mapped = await seat.run(seat.load(code('add', { operation: 'fold', mapper: 'double' })), range(10), {
    start: 100,
  })
  t.deepEqual(mapped.values, [])
  t.deepEqual(mapped.parts[0]?.span, { start: 105, end: 106 })
  t.is(mapped.failures[0]?.index, 105)
  t.deepEqual((await seat.run(seat.load(code('add', { operation: 'fold' })), range(0))).values, [])
  await seat.worker.close(5)
})

test('no item is called twice, whatever the function returns in between', async t => {
  const seat = new Seat(t, 'node')
  const ran = await seat.run(seat.load(code('counted')), range(300_000))
  t.is(ran.values.length, 300_000)
  t.is(ran.values.at(-1), 300_000)
  await seat.worker.close(5)
})

test('a flood of output is cut, told of, and holds nothing up; what looks like the protocol in it is only output', async t => {
  const seat = new Seat(t, 'node')
  t.deepEqual((await seat.run(seat.load(code('floods')), range(3))).values, [0, 1, 2])
  t.deepEqual((await seat.run(seat.load(code('fakes')), range(3))).values, [0, 1, 2])
  await seat.worker.close(5)
  // What was printed may be read after the process is gone.
  for (let wait = 0; wait < 100 && !/not shown/.test(seat.prints.join('\n')); wait++)
    await new Promise(resolve => setTimeout(resolve, 50))
  t.true(seat.prints.length < 5000)
  t.regex(seat.prints.join('\n'), /\(\d+ lines of a worker's output are not shown\)/)
})

test('what was printed is not lost with a worker that leaves while nobody reads it', async t => {
  const seat = new Seat(t, 'node')
  const load = seat.load(code('floods'))
  const run = seat.run(load, range(1))
  const closed = seat.worker.close(10)
  await new Promise(resolve => setTimeout(resolve, 20))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  t.deepEqual((await run).values, [0])
  await closed
  const lines = () =>
    seat.prints.reduce((sum, line) => sum + Number(/\((\d+) lines of .* not shown\)/.exec(line)?.[1] ?? 1), 0)
  for (let wait = 0; wait < 100 && lines() < 20_000; wait++) await new Promise(resolve => setTimeout(resolve, 50))
  t.is(lines(), 20_000)
})

for (const [how, message] of [
  ['exit0', /exit code 0/],
  ['exit3', /exit code 3/],
  ['abort', /SIGABRT/],
  ['segv', /SIGSEGV/],
  ['kill', /SIGKILL/],
  ['term', /SIGTERM/],
  ['rejection', /exit code 1/],
  ['uncaught', /exit code 1/],
  ['garbage', /descriptor 3 that is not the worker protocol/],
  ['closes', /closed descriptor 3/],
  ['patches', /exit code 1/],
  ['memory', /out of memory/],
] as const) {
  test(`a worker that dies by '${how}' says so, blames the item among its suspects, and when careful that item alone`, async t => {
    for (const careful of [false, true]) {
      const seat = new Seat(t, 'node')
      const items = values(...Array.from({ length: 12 }, (_, x) => [how, x]))
      const ran = await seat.run(seat.load(code('die')), items, { start: 100, careful })
      const { blame, message: said } = await seat.ended()
      t.regex(said, message)
      t.is(blame?.reason, 'crash')
      const { start = 0, end = 0 } = blame?.span ?? {}
      t.true(start <= 105 && 105 < end, `${start} to ${end}`)
      if (careful) t.deepEqual([start, end, ran.reported], [105, 106, 105])
    }
  })
}

test('a worker that dies while it loads has refused the code', async t => {
  const seat = new Seat(t, 'node')
  seat.load({ spec: { entry: 'exits.mjs', function: 'f' }, folder: writeFolder({ 'exits.mjs': 'process.exit(9)' }) })
  const ended = await seat.ended()
  t.is(ended.blame, undefined)
  t.like(
    seat.events.find(event => event.type === 'refused'),
    { load: 1, failure: { reason: 'crash' } },
  )
})

test('a folder that is not there is a start that failed', async t => {
  const seat = new Seat(t, 'node', '/no/such/folder')
  t.regex((await seat.ended()).message, /could not start a node worker in \/no\/such\/folder/)
  await seat.worker.kill()
  await seat.worker.close(1)
})
