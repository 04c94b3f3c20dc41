import test from 'ava'
import { putAll, reserve } from '../../../coordinator/output/arrays.js'

test('an array has the length that it will have before the first value is in it', t => {
  const values: unknown[] = []
  reserve(values, 5, Float64Array.of(1))
  t.is(values.length, 5)
  putAll(Float64Array.of(1.5, 2), values, 0)
  putAll(['a', undefined, { b: 1 }], values, 2)
  t.deepEqual(values, [1.5, 2, 'a', undefined, { b: 1 }])
})

test('what is in the array already stays there', t => {
  const values: unknown[] = [7, 'x']
  reserve(values, 3, Float64Array.of(1))
  putAll(Float64Array.of(9), values, 2)
  t.deepEqual(values, [7, 'x', 9])
  reserve(values, 1, [])
  t.is(values.length, 3)
})

test('a length that would make a hash table of it is not reserved', t => {
  const values: unknown[] = []
  reserve(values, 2 ** 31, [])
  t.is(values.length, 0)
})
