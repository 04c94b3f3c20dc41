import test from 'ava'
import fc from 'fast-check'
import { copyValue } from '../../proto/copy.js'
import { decodeValue, encodeValue } from '../../proto/value.js'
import { anyValue } from './any-value.js'

const outcome = (make: () => unknown): unknown => {
  try {
    return { value: make() }
  } catch (error) {
    return { message: (error as Error).message }
  }
}

test('a copy is what the wire would give', t => {
  fc.assert(
    fc.property(anyValue(), value => {
      t.deepEqual(copyValue(value), decodeValue(encodeValue(value)))
    }),
    { numRuns: 2000 },
  )
})

const cyclic: unknown[] = []
cyclic.push({ cyclic })

for (const [title, value] of [
  ['a function', () => 1],
  ['a Map in an object', { map: new Map() }],
  ['a Date', [new Date(0)]],
  ['an object with toJSON', { toJSON: () => 7 }],
  ['an object that holds itself', cyclic],
  [
    'an instance of a class',
    new (class Point {
      x = 1
    })(),
  ],
  ['a symbol', Symbol('s')],
  ['an error', new Error('e')],
] as const) {
  test(`${title} is copied, or refused, as on the wire`, t => {
    t.deepEqual(
      outcome(() => copyValue(value)),
      outcome(() => decodeValue(encodeValue(value))),
    )
  })
}

test('a copy shares nothing with its original', t => {
  const original = { list: [1, { deep: true }], text: 'x' }
  const copy = copyValue(original) as typeof original
  original.list.push(2)
  ;(original.list[1] as { deep: boolean }).deep = false
  t.deepEqual(copy, { list: [1, { deep: true }], text: 'x' })
})
