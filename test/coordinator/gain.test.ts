import test from 'ava'
import { gainOf, isSlower } from '../../coordinator/gain.js'

test('a job without serial work and without overhead has the speedup of its slots', t => {
  const gain = gainOf({ items: 100, slots: 4, wallSeconds: 10, serialSeconds: 40, startSeconds: 0 })
  t.like(gain, { speedup: 4, efficiency: 1, karp_flatt: 0, break_even_items: 1, break_even_item_seconds: 0 })
})

test('a tenth of serial work is found by Karp and Flatt', t => {
  // Amdahl: 0.1 + 0.9 / 8.
  const { karp_flatt } = gainOf({ items: 1, slots: 8, wallSeconds: 0.2125, serialSeconds: 1, startSeconds: 0 })
  t.true(Math.abs((karp_flatt ?? 0) - 0.1) < 1e-12)
})

test('on one slot there is no serial fraction and nothing to break even', t => {
  t.like(gainOf({ items: 5, slots: 1, wallSeconds: 10, serialSeconds: 10, startSeconds: 0 }), {
    speedup: 1,
    karp_flatt: null,
    break_even_items: null,
    break_even_item_seconds: null,
  })
})

test('without an estimate nothing is divided by it', t => {
  const gain = gainOf({ items: 0, slots: 2, wallSeconds: 1, serialSeconds: 0, startSeconds: 1 })
  t.deepEqual(gain, {
    speedup: 0,
    efficiency: 0,
    karp_flatt: null,
    break_even_items: null,
    break_even_item_seconds: null,
  })
})

test('start-up is divided among more items, and overhead by longer ones', t => {
  // 1 s of start-up, then 2 slots at 10 ms an item.
  const started = gainOf({ items: 100, slots: 2, wallSeconds: 1.5, serialSeconds: 1, startSeconds: 2 })
  t.is(started.break_even_items, 200)
  // Items of 4 us cost 53 us besides.
  const tiny = gainOf({ items: 400_000, slots: 8, wallSeconds: 21.4, serialSeconds: 1.6, startSeconds: 0 })
  t.is(tiny.break_even_items, null)
  t.is(Math.round((tiny.break_even_item_seconds ?? 0) * 1e6), 61)
})

test('a loop is faster only if it is faster even when disturbed', t => {
  const of = (value: number, high: number) => ({
    placement: 'local' as const,
    wall_seconds: 10,
    serial_seconds_estimate: { value, low: value, high, method: '' },
  })
  t.true(isSlower(of(1, 2)))
  t.false(isSlower(of(1, 10)))
  t.false(isSlower(of(9.8, 9.8)))
  t.false(isSlower(of(0, 0)))
  t.false(isSlower({ ...of(1, 2), placement: 'inline' }))
})
