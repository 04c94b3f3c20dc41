import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { range } from '../../../coordinator/input/range.js'
import type { ItemSource } from '../../../coordinator/input/source.js'
import { openValues } from '../../../coordinator/input/values.js'
import { countOf, sizeOf, unpackItems } from '../../../proto/items.js'
import { anyValue } from '../../proto/any-value.js'
import { drain } from './drain.js'

async function* later<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) yield value
}

test('every kind of source gives its values in order', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyValue()),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 99 }),
      async (values, maxItems, maxBytes) => {
        const expected = values.map(value => ({ value }))
        for (const source of [values, new Set(values.map(value => [value])), later(values)]) {
          const wrapped = source instanceof Set
          const got = await drain(openValues(source), maxItems, maxBytes)
          t.deepEqual(got, wrapped ? values.map(value => ({ value: [value] })) : expected)
        }
      },
    ),
    { numRuns: 200 },
  )
})

const sources: [string, ItemSource, unknown[], string][] = [
  ['a Float64Array', Float64Array.of(1, 2.5), [1, 2.5], 'f64'],
  ['a Float32Array', Float32Array.of(1, 2.5), [1, 2.5], 'f64'],
  ['an Int32Array', Int32Array.of(1, -2), [1, -2], 'i64'],
  ['a Uint8Array', Uint8Array.of(1, 255), [1, 255], 'i64'],
  ['a BigInt64Array', BigInt64Array.of(1n, -2n), [1n, -2n], 'json'],
  ['a range', range(3), [0, 1, 2], 'range'],
  ['a string', 'a😀', ['a', '😀'], 'json'],
  ['a sparse array', Object.assign([1], { 2: 3 }), [1, undefined, 3], 'json'],
]
for (const [name, source, values, form] of sources)
  test(`${name} is read as ${form}`, async t => {
    const first = await openValues(source).next(10, 1000)
    t.true(first && 'items' in first && first.items.form === form)
    t.deepEqual(
      await drain(openValues(source)),
      values.map(value => ({ value })),
    )
  })

test('a value without a form is undecodable in its place', async t => {
  const got = await drain(openValues([1, () => 1, 3, Symbol('x')]))
  t.deepEqual(
    got.map(one => ('value' in one ? one.value : 'bad')),
    [1, 'bad', 3, 'bad'],
  )
})

test('what is no source is refused', t => {
  for (const source of [undefined, null, 5, {}]) t.throws(() => openValues(source as never), { instanceOf: TypeError })
})

test('a large array of numbers is taken in large pieces', async t => {
  const input = openValues(Array.from({ length: 1e5 }, (_, at) => at))
  t.is(input.count, 1e5)
  let pieces = 0
  for (let batch = await input.next(1e5, 1e6); batch; batch = await input.next(1e5, 1e6)) pieces += 1
  t.true(pieces < 10)
})

test('an iterator is asked for no more than is wanted, and returned once', async t => {
  let pulled = 0
  let returned = 0
  const source = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false as const, value: pulled++ }),
      return: () => ({ done: true as const, value: returned++ }),
    }),
  }
  const input = openValues(source)
  const batch = await input.next(5, 1000)
  t.is(batch && 'items' in batch ? countOf(batch.items) : 0, 5)
  t.is(pulled, 5)
  await input.close()
  await input.close()
  t.is(returned, 1)
})

test('an iterator that throws ends the input after the items before', async t => {
  function* source() {
    yield 1
    throw new Error('oh')
  }
  async function* slow() {
    yield* source()
  }
  for (const input of [openValues(source()), openValues(slow())]) {
    const batch = await input.next(10, 1000)
    t.is(batch && 'items' in batch ? countOf(batch.items) : 0, 1)
    await t.throwsAsync(() => input.next(10, 1000), { message: /after 1 items their iterator threw: oh/ })
    await input.close()
  }
})

test('an async source that is slow does not hold up what it gave, and is asked for one item at a time', async t => {
  let asked = 0
  let returned = false
  async function* source() {
    try {
      for (;;) {
        asked += 1
        if (asked > 3) await sleep(10_000, undefined, { ref: false })
        yield asked
      }
    } finally {
      returned = true
    }
  }
  const input = openValues(source())
  const batch = await input.next(100, 1000)
  t.is(batch && 'items' in batch ? countOf(batch.items) : 0, 3)
  t.is(asked, 4)
  const waiting = input.next(100, 1000)
  await input.close()
  t.is(await waiting, undefined)
  t.false(returned)
})

test('an async source is returned when the job ends early', async t => {
  let returned = 0
  async function* source() {
    try {
      for (let at = 0; ; at++) yield at
    } finally {
      returned += 1
    }
  }
  const input = openValues(source())
  await input.next(5, 1000)
  await input.close()
  await input.close()
  t.is(returned, 1)
})

test('objects are handed over in pieces of so many bytes, each where it stands', async t => {
  const objects = Array.from({ length: 900 }, (_, n) => ({ n, text: 'x'.repeat(n % 100 === 0 ? 5000 : n % 7) }))
  const input = openValues(objects)
  const read: unknown[] = []
  for (let batch = await input.next(400, 2000); batch !== undefined; batch = await input.next(400, 2000)) {
    if (!('items' in batch)) throw new Error('an object that has no form')
    t.is(batch.items.form, 'records')
    t.true(countOf(batch.items) === 1 || sizeOf(batch.items) <= 2000)
    read.push(...unpackItems(batch.items))
  }
  t.deepEqual(read, objects)
})
