import test from 'ava'
import {
  parseBytes,
  parseConcurrency,
  parseCount,
  parseFlag,
  parseJson,
  parseNats,
  parseNatural,
  parsePort,
  parseSeconds,
  parseTolerance,
} from '../../../coordinator/cli/values.js'

test('durations are seconds, or have a unit', t => {
  const cases: [string, number][] = [
    ['2', 2],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['250ms', 0.25],
    ['2s', 2],
    ['5m', 300],
    ['1h', 3600],
    ['1_000ms', 1],
    ['2 s', 2],
  ]
  for (const [text, seconds] of cases) t.is(parseSeconds(text), seconds, text)
  for (const text of ['', 's', '-1', '0', '1x', '1e3', '1..2', '2s3', '1__0']) {
    t.throws(() => parseSeconds(text), { instanceOf: RangeError }, text)
  }
})

test('a concurrency is a number that somebody may have meant, or auto', t => {
  t.is(parseConcurrency('auto'), 'auto')
  t.is(parseConcurrency('1'), 1)
  t.is(parseConcurrency('10_000'), 10_000)
  for (const text of ['', '0', '-1', '1.5', '10_001', 'many']) t.throws(() => parseConcurrency(text), undefined, text)
})

test('sizes are bytes, or have a unit', t => {
  t.is(parseBytes('64MiB'), 67_108_864)
  t.is(parseBytes('1GB'), 1e9)
  t.is(parseBytes('1_048_576'), 1_048_576)
  t.is(parseBytes('1.5k'), 1536)
  for (const text of ['', 'MiB', '-1', '0', '1TiBs', '1e9']) t.throws(() => parseBytes(text), undefined, text)
})

test('numbers may have _ between digits and nothing else', t => {
  t.is(parseCount('5_000_000'), 5_000_000)
  t.is(parseNatural('0'), 0)
  for (const text of ['0', '-1', '1.5', '_1', '1_', 'x', '', '1e3', '99999999999999999999']) {
    t.throws(() => parseCount(text), undefined, text)
  }
  t.is(parsePort('4222'), 4222)
  t.throws(() => parsePort('65536'))
})

test('failures are borne up to a number or a share', t => {
  t.deepEqual(parseTolerance('20'), { count: 20 })
  t.deepEqual(parseTolerance('0'), { count: 0 })
  t.deepEqual(parseTolerance('5%'), { fraction: 0.05 })
  for (const text of ['', '%', '101%', '-5%', '5 %x', '1.5']) t.throws(() => parseTolerance(text), undefined, text)
})

test('switches, URLs and JSON say what they expect', t => {
  t.true(parseFlag('Yes'))
  t.false(parseFlag('0'))
  t.throws(() => parseFlag('maybe'), { message: 'true or false' })
  t.is(parseNats('tls://nats.example.org:4222'), 'tls://nats.example.org:4222')
  t.is(parseNats('localhost:4222'), 'localhost:4222')
  t.throws(() => parseNats('http://localhost'), { message: /nats:\/\// })
  t.deepEqual(parseJson('{"a":1}'), { a: 1 })
  t.throws(() => parseJson('{a}'), { message: /a JSON value/ })
})
