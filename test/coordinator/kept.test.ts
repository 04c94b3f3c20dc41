// The rest of a job whose sample was run before: every item once, at its own place.
import test from 'ava'
import fc from 'fast-check'
import type { Input } from '../../coordinator/input/input.js'
import { openRange, range } from '../../coordinator/input/range.js'
import { openValues } from '../../coordinator/input/values.js'
import { Places, RestInput, WholeOutput, wholeEnd } from '../../coordinator/kept.js'
import type { Output } from '../../coordinator/output/output.js'
import { ArrayResults } from '../../coordinator/output/results.js'
import type { Sampled } from '../../coordinator/sampling.js'
import { countOf, EMPTY_ITEMS, packValues, unpackItems } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import { end } from './cli/fixtures.js'

const outcomeOf = (item: unknown): string => `value of ${item}`
const failure = (index: number): ItemFailure => ({ index, reason: 'error', message: `no ${index}` })

const sampledOf = (index: number, fails = false): Sampled => ({
  index,
  item: packValues([index]).items,
  outcome: fails ? { failure: failure(index) } : { value: packValues([outcomeOf(index)]).items },
})

/** Reads the rest as a job does, in pieces of so many; hands each to the output in the order given. */
const runRest = async (input: Input, output: Output, piece: number): Promise<void> => {
  let index = 0
  for (;;) {
    const batch = await input.next(piece, 1e6)
    if (batch === undefined) break
    if ('undecodable' in batch) {
      await output.write({ start: index, end: index + 1, values: EMPTY_ITEMS, failures: [failure(index)] })
      index += 1
      continue
    }
    const items = unpackItems(batch.items)
    const outcomes: Outcomes = {
      start: index,
      end: index + items.length,
      values: packValues(items.map(outcomeOf)).items,
      failures: [],
    }
    await output.write(outcomes)
    index += items.length
  }
  await output.commit()
}

/** Keeps what it is given, and sees whether it is in order. */
const recorder = () => {
  const collected = new ArrayResults()
  const spans: [number, number][] = []
  const output: Output = {
    write: outcomes => {
      spans.push([outcomes.start, outcomes.end])
      return collected.write(outcomes)
    },
    commit: async () => {},
    abandon: async () => {},
  }
  return { collected, spans, output }
}

test('whatever was sampled, the output is that of the whole, in order and each item once', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.nat(59)),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      async (total, places, piece, ordered) => {
        const indices = [...new Set(places.filter(place => place < total))].sort((a, b) => a - b)
        const sampled = indices.map(index => sampledOf(index))
        const { collected, spans, output } = recorder()
        const rest = new RestInput(openRange(range(total)), sampled)
        t.is(rest.count, total - sampled.length)
        await runRest(rest, new WholeOutput(output, sampled, { ordered }), piece)
        t.deepEqual(
          collected.values(),
          Array.from({ length: total }, (_, item) => outcomeOf(item)),
        )
        t.is(
          spans.reduce((sum, [from, to]) => sum + to - from, 0),
          total,
        )
        if (ordered) {
          let at = 0
          for (const [from, to] of spans) {
            t.is(from, at)
            at = to
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('failures keep the place of their item, those of the sample and those of the rest', async t => {
  const values = [0, 1, () => 'no item', 3, 4]
  const sampled = [sampledOf(1, true)]
  const { collected, output } = recorder()
  await runRest(new RestInput(openValues(values), sampled), new WholeOutput(output, sampled, { ordered: true }), 2)
  t.deepEqual(
    collected.failures.map(({ index }) => index),
    [1, 2],
  )
  t.deepEqual(collected.values(), [outcomeOf(0), undefined, undefined, outcomeOf(3), outcomeOf(4)])
})

test('the rest between sampled items is one batch, so that shards stay as large as they were', async t => {
  const sampled = [10, 20, 30].map(index => sampledOf(index))
  const batch = await new RestInput(openRange(range(100)), sampled).next(100, 1e6)
  t.true(batch !== undefined && 'items' in batch && countOf(batch.items) === 97)
})

test('an input that changed in between is an error', async t => {
  const changed = new RestInput(openValues([0, 1, 7]), [sampledOf(2)])
  await t.throwsAsync(changed.next(10, 1e6), { message: /item 2 is not what it was/ })
  const shorter = new RestInput(openValues([0, 1]), [sampledOf(2)])
  await shorter.next(10, 1e6)
  await t.throwsAsync(shorter.next(10, 1e6), { message: /changed/ })
})

test('an object is what it was, whatever its neighbours make of its batch', async t => {
  const objects = [
    { a: 1, b: 'x' },
    { a: 2, b: 'y' },
    { a: 3, b: 'z' },
  ]
  const of = (index: number, value: unknown): Sampled => ({ ...sampledOf(index), item: packValues([value]).items })
  const same = [of(1, objects[1])]
  for (const list of [objects, [...objects, { other: 1 }]]) {
    const batch = await new RestInput(openValues(list), same).next(10, 1e6)
    t.true(batch !== undefined && 'items' in batch)
    if (batch !== undefined && 'items' in batch) t.deepEqual(unpackItems(batch.items), list.toSpliced(1, 1))
  }
  const changed = new RestInput(openValues(objects), [of(1, { a: 2, b: 'Y' })])
  await t.throwsAsync(changed.next(10, 1e6), { message: /item 1 is not what it was/ })
})

test('an output that ends early has nothing behind a gap', async t => {
  const sampled = [0, 1, 4].map(index => sampledOf(index))
  const { spans, output } = recorder()
  const whole = new WholeOutput(output, sampled, { ordered: true })
  await whole.write({ start: 0, end: 1, values: packValues(['two']).items, failures: [] })
  await whole.abandon()
  t.deepEqual(spans, [
    [0, 1],
    [1, 2],
    [2, 3],
  ])
})

test('the end counts the whole, and names items by their places in it', t => {
  const sampled = [sampledOf(0), sampledOf(5, true)]
  const rest = end({
    state: 'stopped',
    settled: 6,
    failed: 1,
    failures: [failure(4)],
    why: 'Item 4 failed: no',
  })
  const whole = wholeEnd(rest, sampled)
  t.is(whole.settled, 8)
  t.is(whole.failed, 2)
  t.deepEqual(
    whole.failures.map(({ index }) => index),
    [5, 6],
  )
  t.is(whole.why, 'Item 6 failed: no')
  t.regex(whole.receipt.decisions[0]?.decision ?? '', /2 items were run before/)
})

test('a span of the rest is cut where sampled items stand', t => {
  const places = new Places([2, 3, 7])
  t.deepEqual(places.parts(0, 5), [
    { start: 0, end: 2 },
    { start: 2, end: 5 },
  ])
  t.deepEqual(
    [0, 1, 2, 3, 4, 5].map(nth => places.whole(nth)),
    [0, 1, 4, 5, 6, 8],
  )
})
