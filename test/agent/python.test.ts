import test from 'ava'
import { packValues, toJsonLines, unpackItems } from '../../proto/items.js'
import type { JobSpec } from '../../proto/shard.js'
import { runnerContract } from '../runner.contract.js'
import { ALIKE, type Code, range, Seat, values, writeFolder } from './seat.js'

const folder = writeFolder({
  'functions.py': `
import asyncio, ctypes, os, signal, sys, time

def same(x): return x
def failing(x):
    if x == 5: raise ValueError('it is five') from KeyError('the cause')
    return x
def dying(x):
    if x == 5: os._exit(3)
    return x
def slow(x):
    end = time.perf_counter() + 0.06
    while time.perf_counter() < end: pass
    return x
def turning(x): return x if x < 200000 else brief(x)
def turning_pair(x): return (x, turning(x))
def brief(x):
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end: pass
    return x
def half(x): return x / 2
def hanging(x):
    while x == 5: pass
    return x
def printing(x):
    print('item', x, file=sys.stderr)
    return x
def printing_out(x):
    print('item', x)
    return x
def kind(x): return type(x).__name__
def kinds(x): return x / 2 + 0.25 if x < 20000 else x if x < 40000 else 2 ** 70 if x < 40010 else True if x < 40020 else x + 0.5
def members(x): return {k: type(v).__name__ for k, v in x.items()}
def shapes(x): return {'other': x} if x % 1000 == 700 else {'x': x, 'f': {1}} if x % 1000 == 300 else {'x': x, 'y': x / 2}
kept = {'x': 0}
def changed(x):
    kept['x'] = x
    return kept
def odd(x): return [set(), object(), {1: 'a'}, b'ab', (1, 2), float('nan'), -0.0, 10 ** 30, True, 1e21, 1e-7, 5e-324, 123456789012345680.0][x]
def strange(x):
    if x % 3 == 0: raise StopIteration
    if x % 3 == 1: sys.exit('enough')
    return x
async def async_same(x):
    await asyncio.sleep(0.001)
    if x == 5: raise ValueError('it is five')
    return x
async def waiting(x):
    await asyncio.sleep(0.05 if x % 2 else 0.15)
    return x
async def stuck(x):
    await asyncio.sleep(1000 if x == 5 else 0.02)
    return x
async def falling(x):
    await asyncio.sleep(0.02)
    if x == 7: os._exit(3)
    if x == 5: raise ValueError('it is five')
    return x
seen = 0
def counted(x):
    global seen
    seen += 1
    if x % 1000 == 999: raise ValueError('now and then')
    return seen
shared_list = []
def reused(x):
    shared_list[:] = [x]
    return shared_list
def add(a, b): return a + b
def double(x):
    if x == 5: raise ValueError('it is five')
    return 2 * x
def die(item):
    how, x = item
    if x != 5: return x
    if how == 'exit': os._exit(3)
    if how == 'closes': os.close(3)
    if how == 'segv': ctypes.string_at(0)
    if how == 'kill': os.kill(os.getpid(), signal.SIGKILL)
    if how == 'term': os.kill(os.getpid(), signal.SIGTERM)
    if how == 'garbage': os.write(3, b'hello there, this is no frame at all')
    if how == 'abort': os.abort()
    if how == 'interrupt': raise KeyboardInterrupt
    return x
`,
  'one.py': 'import json\nfrom os.path import join\ndef only(x): return x + 1\ndef _hidden(x): return x\n',
  'json.py': 'def named_like_a_module(x): return [x]\n',
})
const other = writeFolder({ 'one.py': 'def only(x): return x + 2\n' })

const code = (name: string, spec: Partial<JobSpec> = {}): Code => ({
  spec: { entry: 'functions.py', function: name, ...spec },
  folder,
})

runnerContract(test, {
  runner: 'python',
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

for (const name of ['turning', 'turning_pair'])
  test(`${name}: a chunk whose items turn out slow ends early, and so does the time box`, async t => {
    const seat = new Seat(t, 'python')
    const load = seat.load(code(name))
    t.is((await seat.run(load, range(190_000))).reported, 190_000)
    // A look for every 1,024 items at least. A machine that stood still before the slow items says nothing of them.
    let reported = 0
    for (let times = 0; times < 20 && reported <= 10_000; times++) {
      const ran = await seat.run(load, range(20_000, 190_000), { timeBoxSeconds: 0.1 })
      reported = ran.reported
    }
    t.true(reported > 10_000 && reported < 11_300, `${reported}`)
  })

test('values of every kind come back as they were, and arrive as Python has them', async t => {
  const seat = new Seat(t, 'python')
  const same = seat.load(code('same'))
  const kinds = [
    [1, 2, -3],
    [0.5, -0, Number.NaN, Number.POSITIVE_INFINITY],
    [1, 0.5, -0, 2 ** 60],
    ['a', 'é\n"\u2028😀', '\ud800'],
    [null, true, [1, [2.5, -0]], { a: { b: [null] } }],
    [2n ** 62n, 2n ** 61n],
    [10n ** 40n],
    [new Uint8Array([0, 255])],
    [{ $number: 'NaN' }, { $escape: 1 }, { $bytes: 3 }],
    [[Number.NaN, 10n ** 30n]],
  ]
  for (const kind of kinds) {
    const items = packValues(kind).items
    t.deepEqual((await seat.run(same, items)).values, unpackItems(items), items.form)
  }
  const kind = seat.load(code('kind'))
  t.deepEqual((await seat.run(kind, values(1, 0.5, -0, 2 ** 60))).values, ['int', 'float', 'float', 'float'])
  t.deepEqual((await seat.run(kind, { form: 'f64', values: Float64Array.of(1) })).values, ['float'])
  t.deepEqual((await seat.run(kind, values(1, 'a', -0, null, new Uint8Array(1), undefined))).values, [
    'int',
    'str',
    'float',
    'NoneType',
    'bytes',
    'NoneType',
  ])
  await seat.worker.close(5)
})

const recording = ({ spec, ...rest }: Code): Code => ({ ...rest, spec: { ...spec, takesRecords: true } })

test('dicts with the same keys arrive and come back as records do, where that is wanted as records', async t => {
  const seat = new Seat(t, 'python')
  const loads = [seat.load(code('same')), seat.load(recording(code('same')))]
  for (const list of ALIKE) {
    const items = packValues(list).items
    t.is(items.form, 'records')
    for (const load of loads) t.deepEqual((await seat.run(load, items)).values, list)
    const members = list.map(({ tags: _, bytes: __, ...rest }) => rest)
    const ran = await seat.run(loads[1] ?? 0, packValues(members).items)
    t.deepEqual(ran.values, members)
    t.true(ran.parts.every(part => part.values.form === 'records'))
  }
  const long = [{ text: 'x'.repeat(100_000) }]
  const [alone] = (await seat.run(loads[1] ?? 0, values(...long))).parts
  t.is(alone?.values.form, 'json')
  t.deepEqual(unpackItems(alone?.values ?? range(0)), long)
  const kinds = seat.load(code('members'))
  const whole = { a: 1, b: -0, c: 2 ** 60, d: 0.5, e: 'x', f: true, g: null }
  const fractions = { a: 2, b: 0, c: 1, d: 7, e: 'y', f: false, g: [1] }
  const type = { a: 'int', b: 'float', c: 'float', d: 'float', e: 'str', f: 'bool', g: 'NoneType' }
  const both = (await seat.run(kinds, values(whole, fractions))).values
  t.deepEqual(both, [type, { ...type, b: 'int', c: 'int', d: 'int', g: 'list' }])
  t.deepEqual((await seat.run(kinds, values(whole))).values, [type])
  t.deepEqual((await seat.run(kinds, values(fractions))).values, both.slice(1))
  await seat.worker.close(5)
})

test('a dict unlike those before it changes nothing of what they are, nor does what becomes of a dict', async t => {
  const seat = new Seat(t, 'python')
  const ran = await seat.run(seat.load(recording(code('shapes'))), range(3000))
  t.deepEqual(
    ran.failures.map(({ index }) => index),
    [300, 1300, 2300],
  )
  const expected = Array.from({ length: 3000 }, (_, x) => (x % 1000 === 700 ? { other: x } : { x, y: x / 2 }))
  t.deepEqual(
    ran.values,
    expected.filter((_, x) => x % 1000 !== 300),
  )
  const changed = await seat.run(seat.load(recording(code('changed'))), range(100))
  t.deepEqual(
    changed.values,
    Array.from({ length: 100 }, (_, x) => ({ x })),
  )
  await seat.worker.close(5)
})

test('results without a form are failures of their own; numbers have the same text in company as alone', async t => {
  const seat = new Seat(t, 'python')
  const load = seat.load(code('odd'))
  const all = await seat.run(load, range(13))
  t.deepEqual(
    all.failures.map(failure => [failure.index, failure.reason]),
    [
      [0, 'undecodable'],
      [1, 'undecodable'],
    ],
  )
  t.regex(all.failures[0]?.message ?? '', /type set at \$ has no form/)
  const lines = all.parts
    .map(part => Buffer.from(toJsonLines(part.values)).toString())
    .join('')
    .trimEnd()
    .split('\n')
  for (let x = 2; x < 13; x++) {
    const alone = await seat.run(load, range(1, x))
    t.is(
      Buffer.from(toJsonLines(alone.parts[0]?.values ?? range(0)))
        .toString()
        .trimEnd(),
      lines[x - 2] ?? '',
    )
  }
  t.deepEqual(lines.slice(7), ['1e+21', '1e-7', '5e-324', '123456789012345680'])
  await seat.worker.close(5)
})

test('StopIteration and sys.exit are failures of their items; coroutines are awaited', async t => {
  const seat = new Seat(t, 'python')
  const strange = await seat.run(seat.load(code('strange')), range(9))
  t.deepEqual(strange.values, [2, 5, 8])
  t.deepEqual(
    strange.failures.map(failure => failure.message),
    Array.from({ length: 3 }, () => ['StopIteration', 'SystemExit: enough']).flat(),
  )
  const coroutines = await seat.run(seat.load(code('async_same')), range(8))
  t.deepEqual([coroutines.values, coroutines.failures[0]?.index], [[0, 1, 2, 3, 4, 6, 7], 5])
  await seat.worker.close(5)
})

test('no item is called twice, and a result that is changed later keeps what it was', async t => {
  const seat = new Seat(t, 'python')
  const ran = await seat.run(seat.load(code('counted')), range(300_000))
  t.is(ran.failures.length, 300)
  t.is(ran.failures[7]?.index, 7999)
  t.is(ran.values.at(-1), 299_999)
  const reused = await seat.run(seat.load(code('reused')), range(1000))
  t.deepEqual(
    reused.values,
    Array.from({ length: 1000 }, (_, x) => [x]),
  )
  await seat.worker.close(5)
})

test("a failure carries the traceback from the user's first frame on, with its cause", async t => {
  const seat = new Seat(t, 'python')
  const { message, stack = '' } = (await seat.run(seat.load(code('failing')), range(6))).failures[0] ?? {}
  t.is(message, 'ValueError: it is five')
  t.regex(stack, /KeyError: 'the cause'[\s\S]*direct cause[\s\S]*functions\.py", line \d+, in failing/)
  t.notRegex(stack, /child\.py/)
  await seat.worker.close(5)
})

test('numbers stay what they were, however many of another kind came before them', async t => {
  const seat = new Seat(t, 'python')
  const load = seat.load(code('kinds'))
  const expected = (x: number): unknown =>
    x < 20_000 ? x / 2 + 0.25 : x < 40_000 ? x : x < 40_010 ? 2n ** 70n : x < 40_020 ? true : x + 0.5
  const count = 60_000
  const ran = await seat.run(load, range(count))
  t.deepEqual(
    ran.values,
    Array.from({ length: count }, (_, x) => expected(x)),
  )
  await seat.worker.close(5)
})

test('two bundles may use the same module names, and names that Python has', async t => {
  const seat = new Seat(t, 'python')
  const first = seat.load({ spec: { entry: 'one.py', function: 'default' }, folder })
  const second = seat.load({ spec: { entry: 'one.py', function: 'default' }, folder: other })
  t.deepEqual((await seat.run(second, range(2))).values, [2, 3])
  t.deepEqual((await seat.run(first, range(2))).values, [1, 2])
  t.deepEqual(
    (await seat.run(seat.load({ spec: { entry: 'json.py', function: 'default' }, folder }), range(1))).values,
    [[0]],
  )
  t.deepEqual((await seat.run(second, range(2))).values, [2, 3])
  await seat.worker.close(5)
})

test("a module of the user's may have the name of the worker's own, and finds Python as it was asked for", async t => {
  const asked = process.env.PYTHONDONTWRITEBYTECODE
  const own = writeFolder({
    'child.py': 'import sys\ndef asked(x): return sys.dont_write_bytecode\n',
    'entry.py': 'from child import asked\nimport sys\ndef names(x): return [sys.argv, sys.path[0], asked(x)]\n',
  })
  const seat = new Seat(t, 'python')
  const names = seat.load({ spec: { entry: 'entry.py', function: 'names' }, folder: own })
  t.deepEqual((await seat.run(names, range(1))).values, [[[''], own, (asked ?? '') !== '']])
  await seat.worker.close(5)
})

test('code that cannot be used is refused with the reason', async t => {
  const seat = new Seat(t, 'python')
  for (const each of [code('missing'), code('default'), code('same', { entry: 'gone.py' })]) seat.load(each)
  t.deepEqual((await seat.run(seat.load({ spec: { function: 'math.sqrt' } }), range(2))).values, [0, 1])
  const refused = seat.events.flatMap(event => (event.type === 'refused' ? [event.failure.message] : []))
  t.regex(refused[0] ?? '', /no function 'missing'; its functions: same/)
  t.regex(refused[1] ?? '', /public functions; say which is meant: same/)
  t.regex(refused[2] ?? '', /No module named 'gone'/)
  await seat.worker.close(5)
})

test('arguments are spread, and a fold gives one value or the failure that ended it', async t => {
  const seat = new Seat(t, 'python')
  t.deepEqual((await seat.run(seat.load(code('add', { spread: true })), values([1, 2], ['a', 'b']))).values, [3, 'ab'])
  t.deepEqual((await seat.run(seat.load(code('add', { operation: 'fold' })), range(1001))).values, [500500])
  const failed = await seat.run(seat.load(code('add', { operation: 'fold', mapper: 'double' })), range(10), {
    start: 100,
  })
  t.deepEqual([failed.values, failed.parts[0]?.span, failed.failures[0]?.index], [[], { start: 105, end: 106 }, 105])
  await seat.worker.close(5)
})

test('what is printed to standard output has left when the outcomes have', async t => {
  const seat = new Seat(t, 'python')
  await seat.run(seat.load(code('printing_out')), range(3))
  await seat.worker.kill()
  t.deepEqual(seat.prints, ['item 0', 'item 1', 'item 2'])
})

for (const how of ['exit', 'closes', 'segv', 'kill', 'term', 'garbage', 'abort', 'interrupt']) {
  test(`a worker that dies by '${how}' blames the item among its suspects, and when careful that item alone`, async t => {
    for (const careful of [false, true]) {
      const seat = new Seat(t, 'python')
      const items = values(...Array.from({ length: 12 }, (_, x) => [how, x]))
      const ran = await seat.run(seat.load(code('die')), items, { start: 100, careful })
      const { start = 0, end = 0 } = (await seat.ended()).blame?.span ?? {}
      t.true(start <= 105 && 105 < end, `${start} to ${end}`)
      if (careful) t.deepEqual([start, end, ran.reported], [105, 106, 105])
    }
  })
}

test('a worker looks for its limit between items that take a millisecond', async t => {
  const seat = new Seat(t, 'python')
  const load = seat.load(code('brief'))
  await seat.run(load, range(1))
  let behind = 0
  for (const run of [2, 3, 4, 5]) {
    const running = seat.run(load, range(2000))
    await new Promise(resolve => setTimeout(resolve, 105 + 5 * run))
    const end = seat.worker.curtail(run) ?? 0
    const { reported } = await running
    t.true(end > 0 && reported < 2000)
    behind += Math.max(0, reported - end)
  }
  t.true(behind < 60, `${behind} items behind four limits`)
  await seat.worker.close(5)
})

test('results of which the socket holds a part are whole and in order, run after run', async t => {
  const seat = new Seat(t, 'python')
  const load = seat.load(code('half'))
  const runs = [0, 1, 2].map(nth => seat.run(load, range(400_000, nth * 400_000), { start: nth * 400_000 }))
  const small = seat.run(load, range(3, 7))
  const ran = await Promise.all(runs)
  for (const [nth, { values: all, reported }] of ran.entries()) {
    t.is(reported, (nth + 1) * 400_000)
    t.true(all.every((value, at) => value === (nth * 400_000 + at) / 2))
  }
  t.deepEqual((await small).values, [3.5, 4, 4.5])
  await seat.worker.close(5)
})
