import test from 'ava'
import {
  parseAddresses,
  parseBytes,
  parseConcurrency,
  parseCount,
  parseFlag,
  parseJson,
  parseLabels,
  parseListen,
  parseNats,
  parseNatural,
  parsePort,
  parsePriority,
  parseSeconds,
  parseTolerance,
  parseWeight,
  textOfAddress,
} from '../../../coordinator/cli/values.js'
import { isLoopback } from '../../../proto/transport/url.js'

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

test('where daemons are, and where one listens, is a host and a port', t => {
  t.deepEqual(parseAddresses('127.0.0.1:4270, [::1]:5,a-b.example:65535'), [
    { host: '127.0.0.1', port: 4270 },
    { host: '::1', port: 5 },
    { host: 'a-b.example', port: 65_535 },
  ])
  t.is(parseAddresses('127.0.0.1:4270,[::1]:5').map(textOfAddress).join(), '127.0.0.1:4270,[::1]:5')
  for (const text of ['', '4270', 'a:', 'a:0', 'a:65536', '::1:5', 'a:1,', 'http://a:1', 'a b:1'])
    t.throws(() => parseAddresses(text), { instanceOf: RangeError }, text)
  t.deepEqual(parseListen('localhost:0'), { host: 'localhost', port: 0 })
  t.throws(() => parseListen('a:1,b:2'), { instanceOf: RangeError })
  const hosts = ['localhost', '::1', '127.9.9.9', '0.0.0.0', '::', '127.example.org', '10.0.0.1']
  t.deepEqual(
    hosts.map(host => isLoopback(host)),
    [true, true, true, false, false, false, false],
  )
})

test('shares of the slots: a weight from 1 to 1000, a priority with a sign, labels each once', t => {
  t.is(parseWeight('1_000'), 1000)
  for (const text of ['0', '1001', '-1', '1.5']) t.throws(() => parseWeight(text), { instanceOf: RangeError }, text)
  t.deepEqual(['5', '-5', '+5', '-0'].map(parsePriority), [5, -5, 5, 0])
  for (const text of ['', '-', '1.5', '--1', '2147483648'])
    t.throws(() => parsePriority(text), { instanceOf: RangeError }, text)
  t.deepEqual(parseLabels('gpu, host=alpha,gpu'), ['gpu', 'host=alpha'])
  for (const text of ['', 'gpu,', '-x', 'a b']) t.throws(() => parseLabels(text), { instanceOf: RangeError }, text)
})
