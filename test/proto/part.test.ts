import test from 'ava'
import fc from 'fast-check'
import { cutIntoParts, type Part, PartAssembler } from '../../proto/part.js'

const bytes = (length: number, seed = 1): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * seed + seed) & 255)

test('parts are as many as are needed, the last one shorter', t => {
  t.deepEqual(
    cutIntoParts(bytes(10), 4).map(({ index, count, data }) => [index, count, data.byteLength]),
    [
      [0, 3, 4],
      [1, 3, 4],
      [2, 3, 2],
    ],
  )
})

test('a message comes out whole and once, whatever the order and the repetitions of its parts', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      (length, limit, picks) => {
        const message = bytes(length)
        const parts = cutIntoParts(message, limit)
        const assembler = new PartAssembler(1000)
        const missing = new Set(parts.keys())
        let whole = 0
        const add = (index: number): void => {
          const isComplete = missing.delete(index) && missing.size === 0
          const out = assembler.add(parts[index] as Part)
          if ((out !== undefined) !== isComplete) throw new Error('it came out at the wrong moment')
          if (out === undefined) return
          whole++
          if (Buffer.compare(out, message) !== 0) throw new Error('it came out changed')
        }
        for (const pick of picks) if (missing.size > 0) add(pick % parts.length)
        for (const index of [...missing]) add(index)
        if (whole !== 1) throw new Error(`it came out ${whole} times`)
      },
    ),
    { numRuns: 2000 },
  )
  t.pass()
})

test('messages do not mix', t => {
  const assembler = new PartAssembler(1000)
  const [a0, a1] = cutIntoParts(bytes(20, 1), 10) as [Part, Part]
  const [b0, b1] = cutIntoParts(bytes(20, 3), 10) as [Part, Part]
  t.is(assembler.add(a0), undefined)
  t.is(assembler.add(b1), undefined)
  t.deepEqual(Uint8Array.from(assembler.add(b0) as Uint8Array), bytes(20, 3))
  t.deepEqual(Uint8Array.from(assembler.add(a1) as Uint8Array), bytes(20, 1))
})

test('a message that has not the hash its parts name does not come out', t => {
  const assembler = new PartAssembler(1000)
  const [first, second] = cutIntoParts(bytes(20), 10) as [Part, Part]
  assembler.add(first)
  t.is(assembler.add({ ...second, data: bytes(10, 9) }), undefined)
  assembler.add(first)
  t.deepEqual(Uint8Array.from(assembler.add(second) as Uint8Array), bytes(20), 'and the true one may still come')
})

test('parts that contradict each other, or themselves, are dropped', t => {
  const assembler = new PartAssembler(1000)
  const [first, second] = cutIntoParts(bytes(20), 10) as [Part, Part]
  for (const wrong of [
    { ...first, count: 0 },
    { ...first, index: 2 },
    { ...first, index: 5, count: 4_000_000_000 },
  ])
    t.is(assembler.add(wrong), undefined)
  assembler.add(first)
  t.is(assembler.add({ ...second, count: 3 }), undefined)
  t.truthy(assembler.add(second))
})

test('what never completes is let go when others need the room, oldest first', t => {
  const assembler = new PartAssembler(300)
  const messages = Array.from({ length: 10 }, (_, seed) => cutIntoParts(bytes(200, 2 * seed + 1), 100) as [Part, Part])
  for (const [first] of messages) assembler.add(first)
  t.is(assembler.add(messages[0]?.[1] as Part), undefined, 'its first part is gone')
  t.truthy(assembler.add(messages[9]?.[1] as Part))
})

test('parts that promise thousands of others take room as well', t => {
  const assembler = new PartAssembler(1024 * 1024)
  const before = process.memoryUsage().heapUsed
  for (let nth = 0; nth < 300; nth++)
    assembler.add({ sha256: String(nth).padStart(64, '0'), index: 0, count: 65_536, data: bytes(1) })
  t.true(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
})
