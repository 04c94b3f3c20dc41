import test from 'ava'
import { receiptLines } from '../../../coordinator/cli/account.js'
import { plainPaint } from '../../../coordinator/cli/verdict.js'
import type { Receipt } from '../../../coordinator/receipt.js'
import { receipt } from './fixtures.js'

const textOf = (over: Partial<Receipt> = {}, verbose = false): string =>
  receiptLines(receipt(over), { paint: plainPaint, verbose }).join('\n')

test('a job that a plain loop would have beaten is told so, and from where such a job pays', t => {
  const text = textOf({
    name: 'tiny',
    items: 400_000,
    speedup: 0.0748,
    wall_seconds: 21.4,
    capacity_core_seconds: 171.2,
    core_seconds: { ...receipt().core_seconds, compute: 1.6, dispatch: 160 },
    serial_seconds_estimate: { value: 1.6, low: 1.6, high: 1.7, method: 'measured' },
    break_even_items: null,
    break_even_item_seconds: 0.000_061,
    advice: ['A plain loop would have been 13 times faster: …', 'Leave out the shard size.'],
  })
  t.is(
    text.split('\n').slice(0, 4).join('\n'),
    `
  Speedup     0.075x on 8 slots       ONE CORE WOULD HAVE TAKEN 1.6 s
  Your function takes 4 µs an item; handing an item over costs 53 µs.
  On 8 slots such a job starts to pay from about 61 µs an item.`,
  )
  t.notRegex(text, /Efficiency|A plain loop/)
  t.regex(text, / {2}Advice {6}Leave out the shard size\.$/)
})

test('a loss that more items make good names how many', t => {
  const text = textOf({
    speedup: 0.5,
    serial_seconds_estimate: { value: 6, low: 6, high: 6.1, method: '' },
    break_even_items: 5_000_000,
  })
  t.regex(text, /Such a job starts to pay from about 5,000,000 items\./)
  t.notRegex(text, /an item\.\n.*pay from about .* an item/)
})

test('a speedup below 1 that contention explains is no loss against a loop', t => {
  const text = textOf({
    speedup: 0.7,
    wall_seconds: 10,
    serial_seconds_estimate: { value: 7, low: 6.9, high: 14, method: '' },
  })
  t.regex(text, /Speedup {5}0\.7x on 8 slots {9}one core would take 7 s \(from 1,818 shards, ±100 %\)/)
  t.notRegex(text, /ONE CORE|Karp/)
})

test('where no item ran to its end nothing is compared', t => {
  const none = { serial_seconds_estimate: { value: 0, low: 0, high: 0, method: '' }, speedup: 0 }
  t.notRegex(textOf(none), /Speedup|ONE CORE|Efficiency/)
})

test('on one slot there is no serial fraction, and two slots gain two digits', t => {
  t.notRegex(textOf({ karp_flatt: null }), /Karp/)
  t.regex(textOf({ speedup: 1.931, slots: 2 }), /Speedup {5}1\.93x on 2 slots/)
})

test('a loop in the caller is not estimated from shards', t => {
  const text = textOf({ placement: 'inline', shards: 0, slots: 1, speedup: 0.99, karp_flatt: null, wall_seconds: 92 })
  t.regex(text, /Speedup {5}0\.99x on 1 slot {9}one core would take 1 min 31 s \(as it did, ±2 %\)/)
})

test('slots that got no work are not idle at the end', t => {
  const text = textOf({ unused_core_seconds: 4.9 })
  t.regex(text, / {4}never used {6}█▉ .* 4\.9 s {4}4\.7 %/)
  t.notRegex(text, /idle at the end/)
})

test('lost work, time in no phase and time for other jobs have lines of their own', t => {
  const text = textOf({
    core_seconds: { ...receipt().core_seconds, lost: 3.1, other: 0.9 },
    elsewhere_core_seconds: 12,
  })
  t.regex(text, /lost attempts .* 3\.1 s {4}3\.0 %\n {4}other .* 0\.9 s {4}0\.9 %\n/)
  t.regex(text, /Other jobs had 12\.0 s of the same slots, which is not counted here\./)
})

test('with -v what was decided is told with its figures', t => {
  const decisions = [
    { at_seconds: 0.0123, decision: 'two workers are started', figures: { item_seconds: 0.0004, slots: 2 } },
    { at_seconds: 1.5, decision: 'shards shrink', figures: { shard_bytes: 2048 } },
  ]
  t.notRegex(textOf({ decisions }), /decided/)
  t.regex(
    textOf({ decisions }, true),
    /\n {2}What was decided\n {7}0\.012 s {2}two workers are started \(item 400 µs, slots 2\)\n {7}1\.500 s {2}shards shrink \(shard 2 KiB\)$/,
  )
})
