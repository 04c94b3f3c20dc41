import { readFileSync } from 'node:fs'
import test from 'ava'
import { plainPaint, renderVerdict, verdictLine } from '../../../coordinator/cli/verdict.js'
import type { ItemFailure } from '../../../proto/outcome.js'
import { end, receipt } from './fixtures.js'

const options = { paint: plainPaint, tagged: false }

test('a good end says how many items, the gain, where the time went and what would help', t => {
  t.is(
    renderVerdict(end(), options),
    `mandelbrot  ✓ 40,000 of 40,000 items in 12.9 s

  Speedup     7.1x on 8 slots         one core would take 1 min 31 s (from 1,818 shards, ±2 %)
  Efficiency  89 %                    serial fraction (Karp-Flatt) 1.8 %

  Where 8 slots x 12.9 s = 103.2 s went
    your function   ███████████████████████████████████▊          92.3 s   89.4 %
    start-up        ▉                                              2.1 s    2.0 %
    codec           ▊                                              1.9 s    1.8 %
    transport       ▍                                              0.9 s    0.9 %
    waiting         ▍                                              1.1 s    1.1 %
    idle at the end █▉                                             4.9 s    4.7 %

  Advice      The slowest item ran 37x the median and held 7 slots idle for 0.7 s.
`,
  )
})

test('the README shows what a run says at its end', t => {
  const lines = renderVerdict(end(), options).trimEnd().split('\n')
  const shown = lines.map(line => `    ${line}`.trimEnd()).join('\n')
  t.true(readFileSync('README.md', 'utf8').includes(`\n\n${shown}\n\n`), shown)
})

test('failures are grouped by message with their indices, the first stack, and the way to keep them', t => {
  const failures: ItemFailure[] = [
    { index: 3, reason: 'error', message: 'division by zero', stack: 'ZeroDivisionError\n  at line 2' },
    { index: 7, reason: 'timeout', message: 'ran longer than 2 s' },
    { index: 9, reason: 'error', message: 'division by zero', stack: 'another' },
  ]
  const text = renderVerdict(end({ failed: 812, failures, receipt: receipt({ failed: 812 }) }), options)
  t.regex(text, /^mandelbrot {2}✗ 39,188 of 40,000 items in 12\.9 s; 812 failed\n/)
  t.regex(text, /Failed \(the first 3 of 812\) \[MH-ITEMS-FAILED\]\n {4}2 x error: division by zero\n {6}items 3, 9\n/)
  t.regex(text, / {4}timeout: ran longer than 2 s\n {6}item 7\n/)
  t.regex(text, /Stack of item 3\n {4}ZeroDivisionError\n {6}at line 2\n/)
  t.notRegex(text, /another/)
  t.regex(text, /--tagged keeps the failures/)
  t.notRegex(renderVerdict(end({ failed: 812, failures }), { ...options, tagged: true }), /--tagged/)
})

test('an interrupted end counts what has a value, and says what is kept', t => {
  const kept = 'roots.f64 was not written; what was settled is kept in roots.f64.part.'
  const text = renderVerdict(end({ state: 'interrupted', settled: 12_000, why: 'Ctrl-C' }), {
    ...options,
    total: 40_000,
    kept,
  })
  const [first, second, third] = text.split('\n')
  t.is(first, 'mandelbrot  ✗ 12,000 of 40,000 items in 12.9 s; interrupted')
  t.is(second, '  Ctrl-C')
  t.is(third, `  ${kept}`)
})

test('a job whose number of items is not known is not measured against one', t => {
  const line = verdictLine(end({ state: 'broken', settled: 1 }), options)
  t.is(line, 'mandelbrot  ✗ 1 item in 12.9 s; could not go on')
})

test('failures that came out of order are shown in order', t => {
  const failures: ItemFailure[] = [
    { index: 9, reason: 'error', message: 'no', stack: 'nine' },
    { index: 1, reason: 'error', message: 'no', stack: 'one' },
  ]
  t.regex(renderVerdict(end({ failed: 2, failures }), options), /items 1, 9\n\n {2}Stack of item 1\n {4}one\n/)
})

test('a job without items has a verdict and no receipt', t => {
  const text = renderVerdict(end({ settled: 0, receipt: receipt({ items: 0 }) }), options)
  t.is(text, 'mandelbrot  ✓ 0 of 0 items in 12.9 s\n')
})

test('colour is asked for by name and changes nothing else', t => {
  const text = verdictLine(end(), { ...options, paint: (style, words) => `<${style}>${words}</>` })
  t.is(text, '<bold>mandelbrot</>  <green>✓</> 40,000 of 40,000 items in 12.9 s')
})
