import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { OutputClosed } from '../../../coordinator/output/stream.js'
import { streamValues } from '../../../coordinator/output/value-stream.js'
import { outcomesOf } from './outcomes.js'

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
