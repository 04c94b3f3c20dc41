import test from 'ava'
import type { JobSpec } from '../../../../proto/shard.js'
import { type Code, range, Seat, values, writeFolder } from '../../seat.js'

const folder = writeFolder({
  'functions.mjs': `
    const wait = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))
    export const large = async x => { await wait(0.05); return 'x'.repeat(300_000) }
    export const busy = async x => { await wait(0.02); if (x === 5) for (;;); return x }
    export const promising = x => x % 4 === 0 ? x : wait(0.001 * (x % 3)).then(() => String(x))
    let inProgress = 0
    export const together = async x => { inProgress += 1; await wait(0.02); return inProgress-- }
    export const mixed = x => x % 3 === 0 ? x : x % 3 === 1 ? String(x) : Promise.resolve(-x)
    export const same = async x => { await wait(0.001); return x }
  `,
})

const code = (name: string, spec: Partial<JobSpec> = {}): Code => ({
  spec: { entry: 'functions.mjs', function: name, ...spec },
  folder,
})

test('items in progress at once are as many as asked for; without a word, more as long as that helps', async t => {
  const seat = new Seat(t, 'node')
  const most = async (spec: Partial<JobSpec>, count: number): Promise<number> =>
    Math.max(...((await seat.run(seat.load(code('together', spec)), range(count))).values as number[]))
  t.is(await most({ concurrency: 1 }, 6), 1)
  t.is(await most({ concurrency: 6 }, 30), 6)
  const auto = await most({}, 300)
  t.true(auto >= 8 && auto <= 64, `${auto}`)
  t.is(await most({ operation: 'map', concurrency: 6 }, 3), 3)
  await seat.worker.close(5)
})

test('promises and values may be mixed, of any form, with several in progress', async t => {
  const seat = new Seat(t, 'node')
  const expected = (count: number): unknown[] => Array.from({ length: count }, (_, x) => (x % 4 === 0 ? x : String(x)))
  const load = seat.load(code('promising', { concurrency: 7 }))
  for (const items of [range(200), values(...Array.from({ length: 90 }, (_, x) => x)), range(0), range(1)]) {
    const ran = await seat.run(load, items)
    t.deepEqual(ran.values, expected(ran.reported))
  }
  const texts = { form: 'json' as const, count: 4, text: Buffer.from('"a"\n{oops\n"c"\n"d"\n') }
  const same = await seat.run(seat.load(code('same', { concurrency: 3 })), texts)
  t.deepEqual(same.values, ['a', 'c', 'd'])
  t.like(same.failures[0], { index: 1, reason: 'undecodable' })
  await seat.worker.close(5)
})

test('many quick results, more than a message holds, keep their order with several in progress', async t => {
  const seat = new Seat(t, 'node')
  const ran = await seat.run(seat.load(code('mixed', { concurrency: 5 })), range(20_000))
  t.deepEqual(
    ran.values,
    Array.from({ length: 20_000 }, (_, x) => (x % 3 === 0 ? x : x % 3 === 1 ? String(x) : -x)),
  )
  await seat.worker.close(5)
})

test('large values that come together leave in messages of their usual size', async t => {
  const seat = new Seat(t, 'node')
  const ran = await seat.run(seat.load(code('large', { concurrency: 20 })), range(20))
  t.deepEqual(
    ran.values.map(value => (value as string).length),
    Array.from({ length: 20 }, () => 300_000),
  )
  t.true(ran.parts.length >= 4, `${ran.parts.length} parts`)
  await seat.worker.close(5)
})

test('an item that keeps the core to itself while others wait is found by the agent', async t => {
  const seat = new Seat(t, 'node')
  await seat.run(seat.load(code('busy', { concurrency: 4, timeoutSeconds: 0.5 })), range(12))
  const { blame } = await seat.ended()
  t.is(blame?.reason, 'timeout')
  t.true((blame?.span.start ?? 9) <= 5 && 5 < (blame?.span.end ?? 0))
})
