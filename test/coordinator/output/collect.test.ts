import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { collectDoubles, collectValues, streamValues } from '../../../coordinator/output/collect.js'
import { OutputClosed } from '../../../coordinator/output/stream.js'
import { outcomesOf, settled, spansOf } from './outcomes.js'

test('values are in their places, in whatever order the spans come', async t => {
  await fc.assert(
    fc.asyncProperty(settled(), fc.array(fc.nat(30)), fc.boolean(), async (items, places, reverse) => {
      const spans = spansOf(items, places)
      const output = collectValues()
      for (const span of reverse ? spans.reverse() : spans) await output.write(span)
      await output.commit()
      t.deepEqual(
        output.values,
        items.map(item => ('value' in item ? item.value : undefined)),
      )
      t.is(output.failures.length, items.filter(item => 'message' in item).length)
    }),
  )
})

test('doubles are in their places, failed items NaN', async t => {
  await fc.assert(
    fc.asyncProperty(settled(fc.double()), fc.array(fc.nat(30)), fc.nat(40), async (items, places, count) => {
      const output = collectDoubles(Math.min(count, items.length))
      for (const span of spansOf(items, places)) await output.write(span)
      t.deepEqual(
        [...output.values],
        items.map(item => ('value' in item ? item.value : Number.NaN)),
      )
    }),
  )
  await t.throwsAsync(() => collectDoubles().write(outcomesOf([{ value: 'a' }], 3)), { message: /^item 3 / })
})

test('results are taken one by one, and push back', async t => {
  const stream = streamValues<number>()
  await stream.write(outcomesOf([{ value: 1 }, { message: 'no' }]))
  const second = stream.write(outcomesOf([{ value: 3 }], 2))
  t.is(await Promise.race([second, sleep(10, 'waiting')]), 'waiting')
  t.deepEqual(await stream.next(), { done: false, value: { index: 0, value: 1 } })
  t.deepEqual(await stream.next(), {
    done: false,
    value: { index: 1, failure: { index: 1, reason: 'error', message: 'no' } },
  })
  const third = stream.next()
  await second
  t.deepEqual(await third, { done: false, value: { index: 2, value: 3 } })
  await stream.commit()
  t.deepEqual(await stream.next(), { done: true, value: undefined })
  t.deepEqual(await stream.next(), { done: true, value: undefined })
})

test('a job that broke ends the iteration with its error, after what was written', async t => {
  const stream = streamValues()
  await stream.write(outcomesOf([{ value: 1 }]))
  stream.fail(new Error('broken'))
  await stream.abandon()
  t.is((await stream.next()).done, false)
  await t.throwsAsync(() => stream.next(), { message: 'broken' })
  t.is((await stream.next()).done, true)
})

test('leaving the loop closes the output', async t => {
  const stream = streamValues<number>()
  await stream.write(outcomesOf([{ value: 1 }, { value: 2 }]))
  const blocked = stream.write(outcomesOf([{ value: 3 }], 2))
  for await (const one of stream) {
    t.is(one.index, 0)
    break
  }
  await t.throwsAsync(() => blocked, { instanceOf: OutputClosed })
  await t.throwsAsync(() => stream.write(outcomesOf([{ value: 3 }], 2)), { instanceOf: OutputClosed })
  await stream.abandon()
})
