import test from 'ava'
import fc from 'fast-check'
import { decodeValue, encodeValue } from '../../proto/items.js'
import { anyValue } from './any-value.js'

test('every value comes back as it was', t => {
  fc.assert(
    fc.property(anyValue(), value => {
      const text = encodeValue(value)
      t.false(text.includes('\n'))
      t.notThrows(() => JSON.parse(text))
      t.deepEqual(decodeValue(text), value)
    }),
    { numRuns: 2000 },
  )
})

const forms: [unknown, string][] = [
  [undefined, '{"$undefined":true}'],
  [Number.NaN, '{"$number":"NaN"}'],
  [-0, '-0.0'],
  [5, '5'],
  [1e20, '100000000000000000000.0'],
  [2 ** 53, '9007199254740992.0'],
  [1e21, '1e+21'],
  [10n, '{"$bigint":"10"}'],
  [new Uint8Array([1, 2, 255]), '{"$bytes":"AQL/"}'],
  [Buffer.from('hi'), '{"$bytes":"aGk="}'],
  [[undefined, 1], '[{"$undefined":true},1]'],
  [{ a: undefined, b: 1 }, '{"b":1}'],
  [{ $number: 1 }, '{"$escape":{"$number":1}}'],
  [{ $number: 1, gone: undefined }, '{"$escape":{"$number":1}}'],
  [{ $number: 1, b: 2 }, '{"$number":1,"b":2}'],
  [{ $other: 1 }, '{"$other":1}'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  [Object(5), '5'],
  ['\ud800', '"\\ud800"'],
]
for (const [at, [value, text]] of forms.entries())
  test(`form ${at}: a value is written as ${text}`, t => t.is(encodeValue(value), text))

const cycle: unknown[] = []
cycle.push({ inner: cycle })
const refused: [string, unknown, RegExp][] = [
  ['a Map', { a: [new Map()] }, /^value\.a\[0\] is a Map, .*fromEntries/],
  ['a Set', new Set(), /^the value is a Set/],
  ['a function', { f: () => 1 }, /^value\.f is a function/],
  ['a symbol', [Symbol('x')], /^value\[0\] is a symbol/],
  ['a cycle', cycle, /^value\[0\]\.inner is an object that holds itself/],
  ['a typed array', { a: new Float32Array(1) }, /^value\.a is a Float32Array/],
  ['a generator', { a: (function* () {})() }, /^value\.a is a generator/],
  ['an async generator', (async function* () {})(), /^the value is a generator/],
  ['an iterator of a Map', new Map().keys(), /iterator/],
  ['a promise', Promise.resolve(1), /await/],
  ['an error', new Error('x'), /is an Error/],
]
for (const [name, value, message] of refused)
  test(`${name} is refused by its path`, t => {
    t.regex(t.throws(() => encodeValue(value), { instanceOf: TypeError })?.message ?? '', message)
  })

test('a value nested too deeply is refused, not a crash', t => {
  let deep: unknown = 1
  for (let at = 0; at < 1e5; at++) deep = [deep]
  t.throws(() => encodeValue(deep), { instanceOf: TypeError })
})

test('the same object twice is no cycle', t => {
  const shared = { n: 1n }
  t.deepEqual(decodeValue(encodeValue([shared, shared])), [{ n: 1n }, { n: 1n }])
})

const readings: [string, unknown][] = [
  ['9007199254740993', 9007199254740993n],
  ['[-9007199254740993, 9007199254740991, 9007199254740993.0]', [-9007199254740993n, 9007199254740991, 2 ** 53]],
  ['"12345678901234567890"', '12345678901234567890'],
  ['{"12345678901234567890":0.1234567890123456}', { '12345678901234567890': 0.1234567890123456 }],
  ['12345678901234565e-1', 1234567890123456.5],
  ['{ "$number" : "NaN" }', Number.NaN],
  ['{"\\u0024bigint":"7"}', 7n],
  ['{"$number":"1"}', { $number: '1' }],
  ['{"$bytes":"a"}', { $bytes: 'a' }],
  ['{"$bigint":"007"}', { $bigint: '007' }],
  ['{"$undefined":false}', { $undefined: false }],
  ['{"$escape":1}', { $escape: 1 }],
  ['{"$escape":{"a":{"$bigint":"1"}}}', { a: 1n }],
  ['{"a":1,"a":2}', { a: 2 }],
]
for (const [text, value] of readings) test(`${text} is read`, t => t.deepEqual(decodeValue(text), value))

test('reading a __proto__ key changes no prototype', t => {
  const value = decodeValue('{"__proto__":{"polluted":12345678901234567890},"b":{"$bigint":"1"}}') as object
  t.is(Object.getPrototypeOf(value), Object.prototype)
  t.deepEqual(Object.keys(value), ['__proto__', 'b'])
})

test('strings of many megabytes with long digits are read', t => {
  const long = 'x"\\'.repeat(5e6)
  const value = [12345678901234567890n, long]
  t.deepEqual(decodeValue(`[12345678901234567890,${JSON.stringify(long)}]`), value)
})
