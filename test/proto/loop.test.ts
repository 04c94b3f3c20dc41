import test from 'ava'
import { Loops, type Readable, type Room, type Stop } from '../../proto/loop.js'

const range: Readable = { form: 'range', start: 10, step: 2 }
const run = (fn: (item: never) => unknown, items: Readable, from: number, to: number, room: Room, index = from) => {
  const stop: Stop = { why: 'end', held: undefined }
  const at = new Loops().run(fn as (item: unknown) => unknown, items, from, to, index, room, stop)
  return { at, why: stop.why, held: stop.held }
}
const array = (): Room & { type: 'array' } => ({ type: 'array', values: [], base: 0 })

test('a range, doubles and values of any kind are read in place', t => {
  const room = array()
  run((x: number) => x + 1, range, 1, 4, room, 0)
  run((x: number) => x + 1, { form: 'doubles', values: Float64Array.of(0.5, 1.5) }, 0, 2, room, 3)
  run((x: string) => x.length, { form: 'values', values: ['a', 'bc', ''] }, 1, 3, room, 5)
  t.deepEqual(room.values, [13, 15, 17, 1.5, 2.5, 2, 0])
})

test('doubles are put at the places of their items', t => {
  const values = new Float64Array(4)
  run(Math.sqrt as never, { form: 'values', values: [4, 9] }, 0, 2, { type: 'doubles', values, base: 0 }, 2)
  t.deepEqual([...values], [0, 0, 2, 3])
})

test('a loop stops at a value that is no primitive, and at what a call throws, with all before in place', t => {
  const room = array()
  const promise = Promise.resolve(1)
  t.deepEqual(
    run((x: number) => (x === 14 ? promise : x), range, 0, 5, room),
    { at: 2, why: 'value', held: promise },
  )
  const error = new Error('no')
  const throwing = (x: number): number => {
    if (x === 16) throw error
    return x
  }
  t.deepEqual(run(throwing as never, range, 2, 5, room), { at: 3, why: 'thrown', held: error })
  t.deepEqual(room.values, [10, 12, 14])
})

test('among doubles a loop stops at what is no number', t => {
  const room: Room = { type: 'doubles', values: new Float64Array(5), base: 0 }
  t.deepEqual(
    run((x: number) => (x === 12 ? 'a' : x), range, 0, 5, room),
    { at: 1, why: 'value', held: 'a' },
  )
})

test('an item that is an object is a copy, and one that cannot be sent is not given to the function', t => {
  const room = array()
  const items = [{ a: 1 }, () => 1]
  const { at, why } = run(
    ((item: { a: number }) => {
      item.a += 1
      return item.a
    }) as never,
    { form: 'values', values: items },
    0,
    2,
    room,
  )
  t.deepEqual([at, why], [1, 'unsent'])
  t.deepEqual(room.values, [2])
  t.deepEqual(items[0], { a: 1 })
})

test('null, undefined, strings and bigints are primitives', t => {
  const room = array()
  const values = [null, undefined, 'x', 1n, true]
  t.is(run((x: unknown) => x, { form: 'values', values }, 0, 5, room).why, 'end')
  t.deepEqual(room.values, values)
})

test('each function has its own copy of a loop, and keeps it', t => {
  const loop = (fn: (x: number) => unknown): unknown => fn(1)
  const [one, other] = [new Loops(), new Loops()]
  t.is(one.of(loop), one.of(loop))
  t.not(one.of(loop), other.of(loop))
  t.is(
    one.of(loop)(x => x + 1),
    2,
  )
})
