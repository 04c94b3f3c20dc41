// What every runner keeps, whatever its language. In: a runner's name and its code for the functions below. Out: tests.
// The functions, by name; `x` is the item, a whole number unless said otherwise:
//   same: x            failing: x, but 5 fails       dying: x, but 5 ends the worker's process        slow: x after 60 ms
//   hanging: x, but 5 never returns                  printing: writes "item x" to standard error, then x
//   waiting: x after 150 ms for even, 50 ms for odd numbers without using a core      stuck: x after 20 ms, but 5 waits for ever
//   falling: x after 20 ms, but 5 fails and 7 ends the worker's process
import type { TestFn } from 'ava'
import type { RunnerName } from '../proto/shard.js'
import { type Code, type Ran, range, Seat } from './agent/seat.js'

export type FunctionName =
  | 'same'
  | 'failing'
  | 'dying'
  | 'slow'
  | 'hanging'
  | 'printing'
  | 'waiting'
  | 'stuck'
  | 'falling'

export interface Kit {
  readonly runner: RunnerName
  readonly code: Record<FunctionName, Code>
  /** How a whole number comes back. */
  readonly back: (x: number) => unknown
}

type Seconds = keyof Ran['parts'][number]['timing']

const sumOf = ({ parts }: Ran, name: Seconds): number => parts.reduce((all, { timing }) => all + timing[name], 0)

const withSpec = ({ spec, ...rest }: Code, more: Code['spec']): Code => ({ ...rest, spec: { ...spec, ...more } })

export const runnerContract = (test: TestFn, { runner, code, back }: Kit): void => {
  const all = (count: number, without: number[] = []): unknown[] =>
    Array.from({ length: count }, (_, x) => x)
      .filter(x => !without.includes(x))
      .map(back)

  test(`${runner}: a run gives one outcome an item, in order, with the indices that it was given`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(code.same)
    const ran = await seat.run(load, range(20), { start: 1000 })
    t.deepEqual(ran.values, all(20))
    t.is(ran.parts[0]?.span.start, 1000)
    t.is(ran.reported, 1020)
    t.true(ran.last)
    await seat.worker.close(5)
    const ended = await seat.ended()
    t.true(ended.wanted)
    t.is(ended.blame, undefined)
    t.is(seat.events.filter(event => event.type === 'ended').length, 1)
  })

  test(`${runner}: runs in flight are served in the order they were sent, empty ones too`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(code.same)
    const runs = await Promise.all([0, 3, 0, 2].map(count => seat.run(load, range(count))))
    t.deepEqual(
      runs.map(ran => ran.values),
      [0, 3, 0, 2].map(count => all(count)),
    )
    const order = seat.events.flatMap(event => (event.type === 'outcomes' && event.last ? [event.run] : []))
    t.deepEqual(order, [1, 2, 3, 4])
    await seat.worker.close(5)
  })

  test(`${runner}: an item that fails leaves its neighbours' values alone`, async t => {
    const seat = new Seat(t, runner)
    const ran = await seat.run(seat.load(code.failing), range(12), { start: 100 })
    t.deepEqual(ran.values, all(12, [5]))
    t.is(ran.failures.length, 1)
    t.is(ran.failures[0]?.index, 105)
    t.is(ran.failures[0]?.reason, 'error')
    t.regex(ran.failures[0]?.message ?? '', /five/)
    await seat.worker.close(5)
  })

  test(`${runner}: the death of a worker blames the item that ran, and keeps what was reported`, async t => {
    const seat = new Seat(t, runner)
    const ran = await seat.run(seat.load(code.dying), range(12), { start: 100, careful: true })
    const ended = await seat.ended()
    t.deepEqual(ended.blame, { run: 1, span: { start: 105, end: 106 }, reason: 'crash' })
    t.false(ended.wanted)
    t.deepEqual(ran.values, all(5))
    t.false(ran.last)
    t.is(seat.events.at(-1), ended)
  })

  test(`${runner}: an item that hangs is stopped at its timeout and blamed`, async t => {
    const seat = new Seat(t, runner)
    const { spec, ...rest } = code.hanging
    const load = seat.load({ ...rest, spec: { ...spec, timeoutSeconds: 0.5 } })
    await seat.run(load, range(12), { careful: true })
    const ended = await seat.ended()
    t.deepEqual(ended.blame, { run: 1, span: { start: 5, end: 6 }, reason: 'timeout' })
    t.regex(ended.message, /longer than 0.5 s/)
  })

  test(`${runner}: slow items are reported while the run goes on, and together may take longer than the timeout`, async t => {
    const seat = new Seat(t, runner)
    const { spec, ...rest } = code.slow
    const ran = await seat.run(seat.load({ ...rest, spec: { ...spec, timeoutSeconds: 0.4 } }), range(10), {
      timeBoxSeconds: 2,
    })
    t.deepEqual(ran.values, all(10))
    t.true(ran.parts.length >= 3, `${ran.parts.length} parts`)
    await seat.worker.close(5)
  })

  test(`${runner}: a run whose time box ends gives back what it did not reach, after one item at least`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(code.slow)
    const boxed = await seat.run(load, range(50), { timeBoxSeconds: 0.2 })
    t.true(boxed.last)
    t.true(boxed.reported >= 1 && boxed.reported < 50)
    t.deepEqual(boxed.values, all(boxed.reported))
    const least = await seat.run(load, range(50), { timeBoxSeconds: 0 })
    t.deepEqual(least.values, all(1))
    await seat.worker.close(5)
  })

  test(`${runner}: a run that is curtailed ends before what it has not begun, and the next run does not`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(code.slow)
    // So that the worker is warm.
    await seat.run(load, range(1))
    const began = performance.now()
    const running = seat.run(load, range(1000))
    await new Promise(resolve => setTimeout(resolve, 200))
    const end = seat.worker.curtail(2)
    // An item takes 60 ms; on a busy machine the timer comes late.
    const most = 1 + Math.ceil((performance.now() - began) / 60)
    const ran = await running
    t.true(end !== undefined && end >= 1 && end <= most && most < 1000, `${end} of ${most}`)
    // It may have begun one more item just then.
    t.true(ran.reported === end || ran.reported === (end as number) + 1, `${ran.reported} of ${end}`)
    t.deepEqual(ran.values, all(ran.reported))
    const [behind, next] = [seat.run(load, range(3)), seat.run(load, range(2))]
    t.is(seat.worker.curtail(4), 0, 'of what waits behind another run nothing has begun')
    t.deepEqual((await behind).values, all(3))
    t.true((await next).values.length <= 2)
    t.is(seat.worker.curtail(4), undefined, 'it has ended')
    const [busy, ...waiting] = [1000, 5, 6, 7].map(items => seat.run(load, range(items)))
    await new Promise(resolve => setTimeout(resolve, 100))
    t.deepEqual(
      [6, 7, 8].map(run => seat.worker.curtail(run)),
      [0, 0, 0],
    )
    t.true((seat.worker.curtail(5) as number) < 1000)
    t.true(((await busy)?.values.length ?? 1000) < 1000)
    for (const each of waiting) t.is((await each).values.length, 0, 'each has a limit of its own')
    t.deepEqual((await seat.run(load, range(2))).values, all(2))
    await seat.worker.close(5)
  })

  test(`${runner}: what the function prints comes line by line and disturbs nothing`, async t => {
    const seat = new Seat(t, runner)
    const ran = await seat.run(seat.load(code.printing), range(3))
    t.deepEqual(ran.values, all(3))
    await seat.worker.close(5)
    t.deepEqual(seat.prints, ['item 0', 'item 1', 'item 2'])
  })

  test(`${runner}: a worker closed while it works ends its runs first; killed, it ends at once; twice is once`, async t => {
    const closed = new Seat(t, runner)
    const running = closed.run(closed.load(code.slow), range(3))
    await Promise.all([closed.worker.close(10), closed.worker.close(10)])
    t.deepEqual((await running).values, all(3))

    const killed = new Seat(t, runner)
    const lost = killed.run(killed.load(code.hanging), range(12))
    await killed.until(event => (event.type === 'loaded' ? true : undefined))
    await Promise.all([killed.worker.kill(), killed.worker.kill()])
    await killed.worker.close(1)
    t.false((await lost).last)
    t.is((await killed.ended()).blame, undefined)
    // The group's other members are gone when the system has buried them.
    const groupLives = (): boolean => {
      try {
        return process.kill(-(killed.worker.pid as number), 0)
      } catch {
        return false
      }
    }
    for (let tries = 0; groupLives() && tries < 20; tries++) await new Promise(resolve => setTimeout(resolve, 100))
    t.false(groupLives())
  })

  test(`${runner}: the seconds of a run are told`, async t => {
    const seat = new Seat(t, runner)
    const ran = await seat.run(seat.load(code.slow), range(3))
    const sum = (name: 'computeSeconds' | 'dispatchSeconds'): number =>
      ran.parts.reduce((all, part) => all + part.timing[name], 0)
    t.true(sum('computeSeconds') >= 0.15 && sum('computeSeconds') < 5, `${sum('computeSeconds')}`)
    t.true(sum('dispatchSeconds') >= 0)
    await seat.worker.close(5)
  })

  concurrencyContract(test, { runner, code, back })
}

/** With several items in progress at once. */
const concurrencyContract = (test: TestFn, { runner, code, back }: Kit): void => {
  const all = (count: number): unknown[] => Array.from({ length: count }, (_, x) => back(x))

  test(`${runner}: items that wait together come out as one by one, in order, in a fraction of the time`, async t => {
    const seat = new Seat(t, runner)
    const alone = await seat.run(seat.load(withSpec(code.waiting, { concurrency: 1 })), range(8))
    const together = await seat.run(seat.load(withSpec(code.waiting, { concurrency: 8 })), range(8))
    t.deepEqual(alone.values, all(8))
    t.deepEqual(together.values, all(8))
    const [before, after] = [sumOf(alone, 'computeSeconds'), sumOf(together, 'computeSeconds')]
    t.true(before > 2 * after, `${before} s one by one, ${after} s together`)
    t.is(sumOf(alone, 'itemSeconds'), 0)
    t.true(sumOf(together, 'itemSeconds') >= 0.75, 'the time of each item is its own')
    t.true(sumOf(alone, 'cpuSeconds') < before / 2)
    await seat.worker.close(5)
  })

  test(`${runner}: of items in progress together each fails, and waits, by itself`, async t => {
    const seat = new Seat(t, runner)
    const ran = await seat.run(seat.load(withSpec(code.falling, { concurrency: 3 })), range(7), { start: 100 })
    t.deepEqual(
      ran.values,
      all(7).filter((_, x) => x !== 5),
    )
    t.deepEqual(
      ran.failures.map(({ index, reason }) => [index, reason]),
      [[105, 'error']],
    )
    t.is(ran.reported, 107)
    await seat.worker.close(5)
  })

  test(`${runner}: a death with several items in progress suspects them, and when careful blames one`, async t => {
    const together = new Seat(t, runner)
    const load = together.load(withSpec(code.falling, { concurrency: 4 }))
    const ran = await together.run(load, range(12), { start: 100 })
    const { blame } = await together.ended()
    t.is(blame?.reason, 'crash')
    const { start = 0, end = 0 } = blame?.span ?? {}
    t.true(start >= ran.reported && start <= 107 && 107 < end && end <= 112, `${start} to ${end}`)

    const careful = new Seat(t, runner)
    const again = careful.load(withSpec(code.falling, { concurrency: 4 }))
    await careful.run(again, range(12), { start: 100, careful: true })
    t.deepEqual((await careful.ended()).blame?.span, { start: 107, end: 108 })
  })

  test(`${runner}: an item that waits too long among others is a timeout by itself, and its worker ends`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(withSpec(code.stuck, { concurrency: 4, timeoutSeconds: 2 }))
    const ran = await seat.run(load, range(12), { start: 100, timeBoxSeconds: 8 })
    t.like(ran.failures[0], { index: 105, reason: 'timeout', message: 'took longer than 2 s' })
    t.is(ran.failures.length, 1)
    t.true(ran.last)
    t.true(ran.parts.length >= 2, 'what has ended does not wait for it')
    t.deepEqual(
      ran.values,
      all(ran.reported - 100).filter((_, x) => x !== 5),
    )
    t.is((await seat.ended()).blame, undefined)
  })

  test(`${runner}: at the end of a time box what is in progress is finished, and the rest given back`, async t => {
    const seat = new Seat(t, runner)
    const load = seat.load(withSpec(code.waiting, { concurrency: 4 }))
    for (const timeBoxSeconds of [0.2, 0]) {
      const ran = await seat.run(load, range(50), { timeBoxSeconds })
      t.true(ran.last)
      t.true(ran.reported >= 1 && ran.reported < 50, `${ran.reported}`)
      t.deepEqual(ran.values, all(ran.reported))
    }
    await seat.worker.close(5)
  })
}
