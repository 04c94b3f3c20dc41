import test from 'ava'
import { formatBytes, formatCount, formatFigure, formatSeconds, formatShare } from '../../../coordinator/cli/figures.js'

test('durations have the unit that people would choose', t => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [0.000_000_011, '11 ns'],
    [0.000_004, '4 µs'],
    [0.000_053, '53 µs'],
    [0.000_999_9, '1 ms'],
    [0.25, '250 ms'],
    [0.9996, '1 s'],
    [1.6, '1.6 s'],
    [12.9, '12.9 s'],
    [59.96, '1 min 0 s'],
    [91, '1 min 31 s'],
    [3599.7, '1 h 0 min'],
    [5400, '1 h 30 min'],
    [864_000, '10 days'],
    [Number.NaN, '?'],
  ]
  for (const [seconds, text] of cases) t.is(formatSeconds(seconds), text)
})

test('counts, figures, shares and sizes are short', t => {
  t.is(formatCount(5_000_000), '5,000,000')
  t.is(formatCount(999), '999')
  t.is(formatFigure(0.0712), '0.071')
  t.is(formatFigure(1234.5), '1,235')
  t.is(formatFigure(1e-12), '0')
  t.is(formatShare(0.894), '89.4 %')
  t.is(formatShare(0), '0 %')
  t.is(formatBytes(64 * 1024 * 1024), '64 MiB')
  t.is(formatBytes(100), '100 bytes')
})
