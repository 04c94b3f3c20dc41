import test from 'ava'
import fc from 'fast-check'
import { Shares } from '../../../coordinator/inline/shares.js'
import { range } from '../../../coordinator/input/range.js'
import { openSource } from '../../../coordinator/input/source.js'
import { countOf, unpackItems } from '../../../proto/items.js'
import type { Readable } from '../../../proto/loop.js'

const read = (items: Readable, at: number): unknown =>
  items.form === 'range' ? items.start + items.step * at : items.values[at]

const sources: [string, (count: number) => { source: Iterable<unknown> | AsyncIterable<unknown>; all: unknown[] }][] = [
  ['a range', count => ({ source: range(5, 5 + count), all: Array.from({ length: count }, (_, nth) => 5 + nth) })],
  [
    'an array',
    count => {
      const all = Array.from({ length: count }, (_, nth) => `v${nth}`)
      return { source: all, all }
    },
  ],
  [
    'doubles',
    count => {
      const all = Array.from({ length: count }, (_, nth) => nth + 0.5)
      return { source: Float64Array.from(all), all }
    },
  ],
  [
    'an iterator',
    count => {
      const all = Array.from({ length: count }, (_, nth) => ({ nth }))
      return { source: all.values(), all }
    },
  ],
  [
    'an async iterator',
    count => {
      const all = Array.from({ length: count }, (_, nth) => nth * 2)
      return {
        source: (async function* () {
          for (const value of all) yield value
        })(),
        all,
      }
    },
  ],
]

for (const [title, make] of sources) {
  for (const workersTake of ['back', 'next'] as const) {
    test(`each item of ${title} is handed out once, workers taking ${workersTake}`, async t => {
      await fc.assert(
        fc.asyncProperty(
          fc.nat(60),
          fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), { maxLength: 40 }),
          async (count, takes) => {
            const { source, all } = make(count)
            const shares = new Shares({ source: openSource(source), workersTake })
            shares.feed(true)
            const input = shares.input()
            const got: unknown[] = new Array(count).fill('nothing')
            let handed = 0
            const put = (index: number, value: unknown): void => {
              t.is(got[index], 'nothing')
              got[index] = value
              handed++
            }
            let workersItem = 0
            for (const [forCaller, most] of [
              ...takes,
              ...Array.from({ length: count + 1 }, () => [true, 7] as const),
            ]) {
              if (forCaller) {
                const piece = await shares.takeForCaller(most)
                if (piece === undefined) continue
                for (let at = piece.from; at < piece.to; at++) put(piece.index + at - piece.from, read(piece.items, at))
              } else {
                const batch = await input.next(most, 1e6)
                if (batch === undefined || !('items' in batch)) continue
                t.true(countOf(batch.items) <= most)
                for (const value of unpackItems(batch.items)) put(shares.indexOf(workersItem++), value)
              }
            }
            t.is(handed, count)
            t.deepEqual(got, all)
            t.is(shares.remaining, 0)
            t.is(await input.next(1, 1), undefined)
          },
        ),
        { numRuns: 60 },
      )
    })
  }
}

test('workers wait until they are fed, and end when the caller has taken the rest', async t => {
  const shares = new Shares({ source: openSource([1, 2, 3]), workersTake: 'back' })
  const input = shares.input()
  let given: unknown = 'waiting'
  const first = input.next(1, 1e6).then(batch => {
    given = batch
  })
  await new Promise(resolve => setTimeout(resolve, 5))
  t.is(given, 'waiting')
  shares.feed(true)
  await first
  t.is(shares.indexOf(0), 2)
  shares.feed(false)
  const second = input.next(1, 1e6)
  await shares.takeForCaller(10)
  t.is(await second, undefined)
})

test('an iterator that throws ends both sides with its error', async t => {
  const source = (function* () {
    yield 1
    throw new Error('broken source')
  })()
  const shares = new Shares({ source: openSource(source), workersTake: 'next' })
  t.is((await shares.takeForCaller(5))?.to, 1)
  t.throws(() => shares.takeForCaller(5), { message: /after 1 items.*broken source/ })
})
