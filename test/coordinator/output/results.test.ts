import test from 'ava'
import fc from 'fast-check'
import { ArrayResults, DoublesResults } from '../../../coordinator/output/results.js'
import { outcomesOf, settled, spansOf } from './outcomes.js'

test('values are in their places, in whatever order the spans come', async t => {
  await fc.assert(
    fc.asyncProperty(
      settled(),
      fc.array(fc.nat(30)),
      fc.boolean(),
      fc.boolean(),
      async (items, places, reverse, isCounted) => {
        const spans = spansOf(items, places)
        const output = new ArrayResults(isCounted ? items.length : undefined)
        for (const span of reverse ? spans.reverse() : spans) await output.write(span)
        await output.commit()
        t.deepEqual(
          output.values(),
          items.map(item => ('value' in item ? item.value : undefined)),
        )
        t.is(output.failures.length, items.filter(item => 'message' in item).length)
      },
    ),
  )
})

test('doubles are in their places, failed items NaN', async t => {
  await fc.assert(
    fc.asyncProperty(settled(fc.double()), fc.array(fc.nat(30)), fc.nat(40), async (items, places, count) => {
      const output = new DoublesResults(Math.min(count, items.length))
      for (const span of spansOf(items, places)) await output.write(span)
      t.deepEqual(
        [...output.values()],
        items.map(item => ('value' in item ? item.value : Number.NaN)),
      )
    }),
  )
  await t.throwsAsync(() => new DoublesResults().write(outcomesOf([{ value: 'a' }], 3)), { message: /^item 3 / })
})
