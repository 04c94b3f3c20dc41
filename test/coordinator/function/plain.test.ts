import test from 'ava'
import { readFunction } from '../../../coordinator/function/captures.js'
import { isPlain } from '../../../coordinator/function/plain.js'

const PLAIN = [
  'x => x * 2',
  '(a, b) => a + b',
  'async x => await Promise.resolve(x / 2)',
  'x => Math.sqrt(x) + Number.MAX_VALUE',
  'function half(x) { return x / 2 }',
  'function (x) { if (x.constructor === Array) return [...x]; return null }',
  "x => (x === 'await' ? undefined : x.length)",
  '() => 1',
  'x => ({ a: x, b: [x], length: x.c })',
]

const NOT_PLAIN = [
  'x => x * factor',
  'x => [...rest, x]',
  '(x, y = factor) => x',
  `x => \`\${factor}\``,
  'x => { const factor = 1; return x * factor }',
  'x => this.a + x',
  'function* f(x) { yield x }',
  'x => import("lodash")',
  'x => \\u0066actor',
  'class A { b(x) { return x } }',
  'x => arguments[0]',
  'x => new . target',
  'x => super.y',
  'function half(x) { return x / two }',
  'x => x * größe',
  'x => { switch (x) { case x, factor: return 1 } }',
  'x => (x ? factor : 1)',
  'x => ({ factor })',
]

test('plain functions are known without a parser, and the parser agrees', t => {
  for (const source of PLAIN) {
    t.true(isPlain(source), source)
    t.deepEqual(readFunction(source)?.captures, [], source)
  }
})

test('what may come from outside is left to the parser', t => {
  for (const source of NOT_PLAIN) t.false(isPlain(source), source)
})
